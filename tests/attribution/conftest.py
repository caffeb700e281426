"""A server with the function library, and the desk that tests trade at."""

from __future__ import annotations

import pytest

from pm.functions import library
from tests.attribution.desk import Desk
from tests.servers import ServerProcess


@pytest.fixture
def desk(valkey_server: ServerProcess) -> Desk:
    """A desk on an empty server."""
    client = valkey_server.client()
    library.load(client)
    return Desk(client)
