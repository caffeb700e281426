"""A worker killed at any step: whoever comes next ends at the same books as if nothing happened."""

from __future__ import annotations

import re
import signal

import pytest

from pm import keys
from tests.workers.conftest import Undisturbed
from tests.workers.desk import ROOT, Desk
from tests.workers.lane_contents import LaneContent, mixed
from tests.workers.processes import Crew

SEED = 20_260_101
STEPS = (
    "worker_after_lease",
    "worker_before_read",
    "worker_after_read",
    "worker_before_apply",
    "worker_after_apply",
)
AT_THE_END = "worker_before_release"


@pytest.fixture(scope="module")
def content() -> LaneContent:
    """One life of a book with every kind of entry."""
    return mixed(SEED, 120)


def test_every_step_of_a_worker_is_one_of_these() -> None:
    sources = [path.read_text() for path in (ROOT / "workers").glob("*.py")]
    named = re.findall(r'crash_point\("(worker_\w+)"\)', "\n".join(sources))
    assert sorted(set(named)) == sorted((*STEPS, AT_THE_END))


@pytest.mark.parametrize("step", [*STEPS, "worker_after_apply:4"])
def test_a_worker_killed_at_a_step_loses_and_repeats_nothing(
    desk: Desk, crew: Crew, undisturbed: Undisturbed, content: LaneContent, step: str
) -> None:
    last = desk.put(content)
    dying = crew.worker(PM_TEST_CRASH_AT=step, PM_WORKERS__BATCH_MAX_ENTRIES="7")
    assert dying.ended() == -signal.SIGKILL
    assert not desk.is_done(last)
    assert desk.finish() == undisturbed(executions=content)


@pytest.mark.slow
def test_workers_killed_again_and_again_lose_and_repeat_nothing(
    desk: Desk, undisturbed: Undisturbed, crew: Crew, content: LaneContent
) -> None:
    last = desk.put(content)
    for step in ("worker_after_apply:3", "worker_before_apply:5", "worker_after_read:2"):
        dying = crew.worker(PM_TEST_CRASH_AT=step, PM_WORKERS__BATCH_MAX_ENTRIES="5")
        assert dying.ended() == -signal.SIGKILL
        desk.client.delete(keys.lease("main"))
    crew.worker()
    desk.await_done(last)
    assert desk.end() == undisturbed(executions=content)


def test_a_worker_killed_before_it_gave_its_books_back_holds_nobody_up(
    desk: Desk, undisturbed: Undisturbed, crew: Crew, content: LaneContent
) -> None:
    half = desk.put(content[:60])
    dying = crew.worker(PM_TEST_CRASH_AT=AT_THE_END)
    desk.await_done(half)
    assert dying.stop() == -signal.SIGKILL
    last = desk.put(content[60:])
    crew.worker()
    desk.await_done(last)
    assert desk.end() == undisturbed(executions=content)
