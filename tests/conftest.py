"""Fixtures of every test that needs a server.

`valkey_server` and `redis_server` are started once a session and handed over empty (data and
function libraries) and running, even if the last test killed them. `server` is each of the two in
turn. `start_server` starts one of its own with other options. tests/servers.py says what they do.

Where a test is about what Python makes of replies, the second engine adds minutes and little else:
those are marked slow. The functions and their state are tested on both engines every time.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

import pytest

_ROOT = str(Path(__file__).resolve().parent.parent)
if _ROOT not in sys.path:  # tests import each other's helpers as tests.<name>
    sys.path.insert(0, _ROOT)

from tests.servers import (  # noqa: E402
    AnyServer,
    ServerProcess,
    StartServer,
    flush,
    running_redis,
    running_valkey,
)

_ON_BOTH_ENGINES = ("state", "server", "roles", "system")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the second engine's turn slow outside the folders that are about the engines."""
    for item in items:
        folder = item.path.relative_to(Path(__file__).parent).parts[0]
        called = getattr(item, "callspec", None)
        is_second = called is not None and "redis" in called.params.values()
        if is_second and folder not in _ON_BOTH_ENGINES:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def _session_valkey() -> Iterator[ServerProcess]:
    with running_valkey() as server:
        yield server


@pytest.fixture(scope="session")
def _session_redis() -> Iterator[AnyServer]:
    with running_redis() as server:
        yield server


@pytest.fixture
def valkey_server(_session_valkey: ServerProcess) -> Iterator[ServerProcess]:
    """The embedded Valkey: running and empty."""
    yield from _handed_over(_session_valkey)


@pytest.fixture
def redis_server(_session_redis: AnyServer) -> Iterator[AnyServer]:
    """A Redis: running and empty; skipped where there is none."""
    yield from _handed_over(_session_redis)


@pytest.fixture(params=["valkey", "redis"])
def server(request: pytest.FixtureRequest) -> AnyServer:
    """Each engine in turn, running and empty."""
    found: AnyServer = request.getfixturevalue(f"{request.param}_server")
    return found


@pytest.fixture
def start_server() -> Iterator[StartServer]:
    """Start a server of one's own: start_server("redis", appendfsync="everysec", options={…})."""
    with ExitStack() as stack:

        def start(engine: str = "valkey", **options: Any) -> AnyServer:
            running: Callable[..., AbstractContextManager[AnyServer]]
            running = running_valkey if engine == "valkey" else running_redis
            return stack.enter_context(running(**options))

        yield start


def _handed_over(server: Any) -> Iterator[Any]:
    if isinstance(server, ServerProcess) and not server.running:
        server.start()
    flush(server)
    yield server
    server.close_clients()
