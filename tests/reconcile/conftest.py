"""A desk on each server in turn."""

from __future__ import annotations

import pytest

from tests.reconcile.desk import Desk
from tests.servers import AnyServer


@pytest.fixture
def desk(server: AnyServer) -> Desk:
    """Two open books with money in them."""
    return Desk(server.client(decode=False), server.client())
