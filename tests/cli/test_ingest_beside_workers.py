"""`pm ingest` leaves the applying to a worker that serves the book, and does it where none does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pm import keys
from tests.cli.site import EVENTS, INSTRUMENTS, Shell, fill, spawn, write_events
from tests.servers import ServerProcess
from tests.workers.processes import Crew

DIES_IF_IT_APPLIES = {"PM_TEST_CRASH_AT": "worker_before_apply"}


@pytest.fixture
def shared(valkey_server: ServerProcess, folder: Path) -> Shell:
    """Commands on a server that others use, too."""
    return Shell(folder, "--redis", valkey_server.url)


@pytest.fixture
def crew(valkey_server: ServerProcess, folder: Path) -> Iterator[Crew]:
    """Starts workers on that server."""
    made = Crew(folder, valkey_server.url)
    try:
        yield made
    finally:
        made.close()


def ingest(shell: Shell, events: Path) -> tuple[int, str]:
    arguments = ("ingest", str(events), "--instruments", str(INSTRUMENTS))
    command = spawn(*shell.options, *arguments, cwd=shell.folder, **DIES_IF_IT_APPLIES)
    out, _ = command.communicate(timeout=60)
    return command.returncode, out


def test_without_a_worker_it_applies_the_events_itself(shared: Shell) -> None:
    events = write_events(shared.path("e.jsonl"), *EVENTS)
    assert ingest(shared, events) == (-9, "")
    shared.ok("ingest", events)
    assert len(shared.json("positions")) == 1


def test_with_workers_it_waits_for_them(shared: Shell, crew: Crew) -> None:
    worker = crew.worker()
    worker.says("serves book main")
    code, told = ingest(shared, write_events(shared.path("e.jsonl"), *EVENTS))
    assert (code, told) == (
        0,
        "applied 4, refused 0, duplicate 0, covered 0, stale 0, noted 1, declined 0\n",
    )
    assert worker.running


def test_with_a_lease_nobody_serves_it_steps_in(
    shared: Shell, valkey_server: ServerProcess
) -> None:
    valkey_server.client().set(keys.lease("main"), "nobody-1")
    events = write_events(shared.path("e.jsonl"), fill(1))
    shared.ok("ingest", events, "--instruments", INSTRUMENTS)
    [position] = shared.json("positions")
    assert position["quantity"] == "0.5"
