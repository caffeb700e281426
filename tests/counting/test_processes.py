"""Real workers, killed between applying and reporting: never counted twice, lost at most what the
killed one had not reported."""

from __future__ import annotations

import signal
from typing import Any

import pytest

from pm import keys
from pm.counting.catalogue import UPDATE_SECONDS, UPDATES
from pm.counting.stored import Counted, read_counted
from tests.workers.desk import Desk, eventually
from tests.workers.lane_contents import fills
from tests.workers.processes import Crew

QUICKLY = {"PM_MONITORING__METRICS_UPDATE_INTERVAL_SECONDS": "1"}
FIRST, SECOND = 40, 25


def counted(desk: Desk) -> Counted:
    stored: Any = desk.client.hgetall(keys.metrics())
    return read_counted(stored)


def updates(desk: Desk) -> int:
    found = counted(desk).counters
    return sum(count for series, count in found.items() if series.name == UPDATES)


@pytest.mark.parametrize(
    ("step", "lost"), [("counts_before_adding", FIRST), ("counts_after_adding", 0)]
)
def test_a_killed_worker_loses_at_most_what_it_had_not_reported(
    desk: Desk,
    crew: Crew,
    step: str,
    lost: int,
) -> None:
    content = fills(FIRST + SECOND)
    desk.put(content[:FIRST])
    dying = crew.worker(PM_TEST_CRASH_AT=step)
    desk.await_done(content[FIRST - 1][0])
    assert dying.stop() == -signal.SIGKILL  # it dies over its last report
    assert updates(desk) == FIRST - lost

    last = desk.put(content[FIRST:])
    beside = [crew.worker(**QUICKLY), crew.worker(**QUICKLY)]
    desk.await_done(last)
    expected = FIRST - lost + SECOND
    eventually(lambda: updates(desk) >= expected, lambda: str(counted(desk)))
    beside[0].kill()
    assert beside[1].stop() == 0
    assert updates(desk) == expected
    assert counted(desk).total(UPDATE_SECONDS).count == expected


def test_what_a_worker_counted_last_is_reported_when_it_stops(
    desk: Desk,
    crew: Crew,
) -> None:
    worker = crew.worker()
    desk.await_done(desk.put(fills(FIRST)))
    assert worker.stop() == 0
    assert updates(desk) == FIRST
