"""A whole chain on a server of its own, whose files may be replaced."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.servers import ServerProcess, StartServer, server_folder
from tests.system.site import Chain


@pytest.fixture
def chain(start_server: StartServer) -> Iterator[Chain]:
    """Relay, server, and what a test starts between them."""
    server = start_server("valkey")
    assert isinstance(server, ServerProcess)
    with server_folder() as folder:
        made = Chain(folder, server)
        try:
            yield made
        finally:
            made.close()
