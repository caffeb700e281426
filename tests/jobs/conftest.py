"""A desk whose books can be valued, and the queue on its server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pm.settings import Settings
from tests.jobs.office import Office
from tests.servers import ServerProcess
from tests.valuation.desk import Desk


@pytest.fixture
def office(valkey_server: ServerProcess, tmp_path: Path) -> Iterator[Office]:
    """Books and an empty queue on one server, which does not wait for the disk."""
    client = valkey_server.client()
    client.config_set("appendfsync", "no")
    yield Office(Desk.opened(valkey_server), Settings(data=tmp_path))
    valkey_server.client().config_set("appendfsync", "always")
