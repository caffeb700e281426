"""A desk on each engine in turn; its server does not wait for the disk."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.servers import AnyServer
from tests.valuation.desk import Desk


@pytest.fixture
def desk(server: AnyServer) -> Iterator[Desk]:
    """Books, reference data and settings, with nothing traded yet."""
    client = server.client()
    before = str(client.config_get("appendfsync")["appendfsync"])
    client.config_set("appendfsync", "no")
    yield Desk.opened(server)
    client.config_set("appendfsync", before)
