"""`pm worker` as it is run: a pool over several books whose members are killed and stopped."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from pm import keys
from tests.servers import ServerProcess
from tests.workers.conftest import Undisturbed
from tests.workers.desk import Desk, eventually
from tests.workers.lane_contents import fills, mixed
from tests.workers.processes import Command, Crew

BOOKS = ("main", "a", "b", "c")


@pytest.fixture
def several(valkey_server: ServerProcess) -> Desk:
    """A desk with several books."""
    return Desk(valkey_server, BOOKS)


def holder(desk: Desk, book: str) -> int | None:
    """The process that serves a book, as its lease says."""
    found: Any = desk.client.get(keys.lease(book))
    return None if found is None else int(found.rpartition(b"-")[2])


def await_holder(desk: Desk, book: str) -> int:
    """Who serves a book; while the workers share the books out anew, nobody may for a moment."""
    found: list[int] = []

    def is_held() -> bool:
        present = holder(desk, book)
        found[:] = [] if present is None else [present]
        return present is not None

    eventually(is_held)
    return found[0]


def holders(desk: Desk) -> set[int | None]:
    return {holder(desk, book) for book in desk.books}


def members(pool: Command) -> set[int]:
    """The processes of a pool that run now."""
    children = Path(f"/proc/{pool.pid}/task/{pool.pid}/children").read_text().split()
    return {int(child) for child in children}


def await_shared(desk: Desk, workers: int) -> None:
    """Wait until every book has its worker, and so many have one."""
    eventually(
        lambda: None not in holders(desk) and len(holders(desk)) == workers,
        lambda: f"{[holder(desk, book) for book in desk.books]}",
    )


@pytest.fixture
def pool(several: Desk, crew: Crew) -> Command:
    """Three workers that share the books."""
    started = crew.worker(count=3)
    await_shared(several, 3)
    return started


@pytest.mark.slow
def test_every_book_of_a_pool_is_served(several: Desk, pool: Command) -> None:
    for strategy, book in enumerate(BOOKS):
        several.put(fills(20, strategy=strategy + 1), book)
    for book in BOOKS:
        several.await_done("20-0", book)
        assert several.end(book).seq == 2 + 20


def test_a_killed_member_is_replaced_and_its_books_move(
    several: Desk, pool: Command, undisturbed: Undisturbed
) -> None:
    content = mixed(5, 60)
    before = members(pool)
    for round_number in range(2):
        victim = await_holder(several, "main")
        os.kill(victim, signal.SIGKILL)
        killed_at = time.monotonic()
        last = several.put(content[round_number * 30 : round_number * 30 + 30])
        several.await_done(last)
        print(f"main was served again {time.monotonic() - killed_at:.2f} s after the kill")
        assert holder(several, "main") != victim
        eventually(lambda: len(members(pool)) == 3, lambda: pool.log)
    assert members(pool) != before
    pool.says(r"ended with -9; another starts in", times=2)
    assert several.end() == undisturbed(executions=content)


@pytest.mark.slow
def test_all_members_killed_at_once_come_back(several: Desk, pool: Command) -> None:
    for victim in members(pool):
        os.kill(victim, signal.SIGKILL)
    last = several.put(fills(10))
    several.await_done(last)
    await_shared(several, 3)
    assert several.end().seq == 2 + 10


@pytest.mark.parametrize(
    "how", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)]
)
def test_a_stopped_pool_ends_with_0_and_gives_its_books_back(
    several: Desk, pool: Command, how: signal.Signals
) -> None:
    workers = members(pool)
    assert pool.stop(how) == 0
    assert holders(several) == {None}
    assert several.client.zrange(keys.workers(), 0, -1) == []
    for worker in workers:
        with pytest.raises(ProcessLookupError):
            os.kill(worker, 0)


@pytest.mark.parametrize(
    "how", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)]
)
def test_a_worker_stopped_at_work_finishes_its_batch(
    desk: Desk, crew: Crew, undisturbed: Undisturbed, how: signal.Signals
) -> None:
    content = fills(1500)
    desk.put(content)
    worker = crew.worker()
    eventually(lambda: desk.is_done("16-0"))
    assert worker.stop(how) == 0
    assert desk.client.get(keys.lease("main")) is None
    assert "Traceback" not in worker.log
    done = desk.end().seq - 2
    assert desk.client.hget(keys.book("main"), "cursor:executions") == f"{done}-0".encode()
    assert desk.finish().seq == 2 + 1500


@pytest.mark.slow
def test_the_books_of_a_stopped_member_are_taken_over(several: Desk, pool: Command) -> None:
    victim = holder(several, "main")
    assert victim is not None
    os.kill(victim, signal.SIGTERM)
    last = several.put(fills(10))
    several.await_done(last)
    assert holder(several, "main") != victim


@pytest.mark.slow
def test_a_second_pool_takes_its_share(several: Desk, crew: Crew) -> None:
    crew.worker(count=2)
    await_shared(several, 2)
    crew.worker(count=2)
    await_shared(several, 4)


@pytest.mark.slow
def test_members_started_while_the_server_is_away_wait_for_it(several: Desk, pool: Command) -> None:
    several.server.kill()
    for victim in members(pool):
        with suppress(ProcessLookupError):
            os.kill(victim, signal.SIGKILL)
    pool.says(r"worker process \d+ started", times=3)
    pool.says(r"worker \S+: unix://\S+: (connection refused|there is no such socket)", times=3)
    several.server.restart()
    last = several.put(fills(10))
    several.await_done(last)
    assert "ended with 1" not in pool.log
