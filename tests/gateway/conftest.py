"""A site on the embedded server, and one on each engine in turn."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.gateway.gateway_site import Site
from tests.servers import AnyServer, ServerProcess, server_folder


@pytest.fixture
def site(valkey_server: ServerProcess) -> Iterator[Site]:
    """A site on the embedded server."""
    yield from _opened(valkey_server)


@pytest.fixture
def any_site(server: AnyServer) -> Iterator[Site]:
    """A site on each engine in turn."""
    yield from _opened(server)


def _opened(server: AnyServer) -> Iterator[Site]:
    with server_folder() as folder:
        site = Site(folder, server)
        try:
            yield site
        finally:
            site.close()
