"""Folders to run commands in: a fresh one, and one whose private server holds some events."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pm.server import embedded_server
from tests.cli.site import EVENTS, INSTRUMENTS, Shell, write_events
from tests.servers import server_folder


@pytest.fixture
def folder() -> Iterator[Path]:
    """A new folder with a short path."""
    with server_folder() as made:
        yield made


@pytest.fixture
def shell(folder: Path) -> Iterator[Shell]:
    """Commands on the private server of a new folder, which stays up meanwhile."""
    with embedded_server(folder / "data"):
        yield Shell(folder, "--data", str(folder / "data"))


@pytest.fixture(scope="module")
def told() -> Iterator[Shell]:
    """Commands on a private server that was told EVENTS; nothing may be added to it."""
    with server_folder() as folder, embedded_server(folder / "data"):
        shell = Shell(folder, "--data", str(folder / "data"))
        events = write_events(folder / "events.jsonl", *EVENTS)
        shell.ok("ingest", events, "--instruments", INSTRUMENTS)
        yield shell
