"""A desk with an empty book; its server does not wait for the disk."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.corrections.correcting import CorrectingDesk
from tests.servers import AnyServer


@pytest.fixture
def desk(server: AnyServer) -> Iterator[CorrectingDesk]:
    """A book in which nothing has happened."""
    client = server.client()
    before = str(client.config_get("appendfsync")["appendfsync"])
    client.config_set("appendfsync", "no")
    yield CorrectingDesk.on(server)
    client.config_set("appendfsync", before)
