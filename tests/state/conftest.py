"""The servers of these tests do not wait for the disk: thousands of calls, and no power cut."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.servers import AnyServer, ServerProcess
from tests.state.faults import Faults


@pytest.fixture
def valkey_server(valkey_server: ServerProcess) -> Iterator[ServerProcess]:
    """The embedded Valkey, running and empty."""
    with _unsynced(valkey_server):
        yield valkey_server


@pytest.fixture
def redis_server(redis_server: AnyServer) -> Iterator[AnyServer]:
    """A Redis, running and empty."""
    with _unsynced(redis_server):
        yield redis_server


@pytest.fixture
def faults(monkeypatch: pytest.MonkeyPatch) -> Faults:
    """All calls go to the library that fails on demand."""
    return Faults.installed(monkeypatch)


@contextmanager
def _unsynced(server: AnyServer) -> Iterator[None]:
    client = server.client()
    before = str(client.config_get("appendfsync")["appendfsync"])
    client.config_set("appendfsync", "no")
    yield
    client.config_set("appendfsync", before)
