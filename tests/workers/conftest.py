"""A desk on the embedded server, its workers, and the end an undisturbed run comes to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.servers import ServerProcess, flush, running_valkey, server_folder
from tests.workers.desk import BookEnd, Desk
from tests.workers.lane_contents import LaneContent
from tests.workers.processes import Crew

Undisturbed = Callable[..., BookEnd]


@pytest.fixture(scope="session")
def _quiet_server() -> Iterator[ServerProcess]:
    with running_valkey() as server:
        yield server


@pytest.fixture(scope="session")
def undisturbed(_quiet_server: ServerProcess) -> Undisturbed:
    """Where the book main comes to when nothing disturbs it, by the contents of its lanes."""

    def run(batch_max: int = 200, **contents: LaneContent) -> BookEnd:
        flush(_quiet_server)
        desk = Desk(_quiet_server)
        for lane, content in contents.items():
            desk.put(content, lane=lane)
        return desk.finish(batch_max=batch_max)

    return run


@pytest.fixture
def desk(valkey_server: ServerProcess) -> Desk:
    """One book, main, on the embedded server."""
    return Desk(valkey_server)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A new folder with a short path."""
    with server_folder() as made:
        yield made


@pytest.fixture
def crew(valkey_server: ServerProcess, folder: Path) -> Iterator[Crew]:
    """Starts workers on the embedded server."""
    made = Crew(folder, valkey_server.url)
    try:
        yield made
    finally:
        made.close()
