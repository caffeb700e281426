"""Every slot is filled once, whoever schedules and whoever dies; nothing piles up."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest
from pydantic import SecretStr

from pm import keys
from tests.jobs.office import NOW_S, Office, with_settings
from tests.workers.desk import ROOT, eventually
from workers.jobs.queue import QueueServer
from workers.jobs.schedule import Scheduler

TRACES_SLOT = int(NOW_S) // 5
MARKS_SLOT = int(NOW_S) // 60
FIRST = [f"mark-to-market-{MARKS_SLOT}", f"expire-traces-{TRACES_SLOT}"]


@pytest.fixture
def two_jobs(office: Office, monkeypatch: pytest.MonkeyPatch) -> Office:
    """Only these two are scheduled, whatever else the table holds."""
    from workers.jobs import schedule
    from workers.jobs.table import JOBS

    names = ("mark-to-market", "expire-traces")
    monkeypatch.setattr(schedule, "jobs_on", lambda _settings: [JOBS[name] for name in names])
    return office


def test_a_run_of_each_job_in_each_slot(two_jobs: Office) -> None:
    scheduler = two_jobs.scheduler()
    assert scheduler.round() == FIRST
    assert scheduler.round() == []
    two_jobs.work()
    two_jobs.now_s += 5
    assert scheduler.round() == [f"expire-traces-{TRACES_SLOT + 1}"]


def test_two_schedulers_fill_a_slot_once(two_jobs: Office) -> None:
    one, two = two_jobs.scheduler("one"), two_jobs.scheduler("two")
    assert one.round() + two.round() + one.round() == FIRST
    two_jobs.work()
    two_jobs.now_s += 60
    filled = two.round() + one.round()
    assert filled == [f"mark-to-market-{MARKS_SLOT + 1}", f"expire-traces-{TRACES_SLOT + 12}"]


def test_missed_slots_are_made_up_for_once(two_jobs: Office) -> None:
    two_jobs.scheduler().round()
    two_jobs.work()
    two_jobs.now_s += 3600
    late = two_jobs.scheduler("two")
    assert [name.rpartition("-")[0] for name in late.round()] == ["mark-to-market", "expire-traces"]
    assert late.round() == []


def test_nothing_is_put_behind_a_run_that_waits(two_jobs: Office) -> None:
    scheduler = two_jobs.scheduler()
    scheduler.round()
    for _ in range(20):
        two_jobs.now_s += 60
        assert scheduler.round() == []
    two_jobs.work()
    two_jobs.now_s += 60
    assert len(scheduler.round()) == 2


@pytest.mark.parametrize("step", ["job_after_claim", "job_after_enqueue"])
def test_a_slot_of_a_scheduler_that_died_is_filled_by_another(two_jobs: Office, step: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _ONE_ROUND, two_jobs.desk.server.url],
        env={**os.environ, "PM_TEST_CRASH_AT": step, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert done.returncode == -9
    two_jobs.raw.pexpire(keys.job_slot("mark-to-market", MARKS_SLOT), 1)
    time.sleep(0.01)
    two_jobs.scheduler("two").round()
    two_jobs.work()
    assert two_jobs.states() == dict.fromkeys(FIRST, "finished")


def test_a_failed_run_is_tried_again_and_then_stays_visible(two_jobs: Office) -> None:
    two_jobs.settings = with_settings(
        two_jobs.settings,
        jobs={"retries_max": 1, "trace_expiry_interval_seconds": 1},
    )
    broken = two_jobs.runner()
    object.__setattr__(broken, "books_target", "unix:///nowhere/at-all.sock")
    scheduler = two_jobs.scheduler()
    scheduler.round()
    two_jobs.work(broken)
    run = two_jobs.run_of("expire-traces")
    assert (run.state, run.attempts) == ("scheduled", 1)
    assert run.text.startswith("unix:///nowhere/at-all.sock: there is no such socket")

    brought: list[str] = []
    eventually(lambda: bool(brought.extend(_traces(scheduler)) or brought))
    two_jobs.work(broken)
    run = two_jobs.run_of("expire-traces")
    assert (run.state, run.attempts) == ("failed", 2)
    assert "no such socket" in run.text
    assert run.id in two_jobs.server.queue("pm-quick").failed_job_registry.get_job_ids()
    two_jobs.now_s += 1
    assert _traces(scheduler), "a job that has failed is not given up"


def test_one_scheduler_brings_retries_back(two_jobs: Office) -> None:
    first, second = two_jobs.scheduler("one"), two_jobs.scheduler("two")
    first.round()
    second.round()
    assert two_jobs.raw.get(keys.jobs_scheduler()) == b"one"
    two_jobs.raw.delete(keys.jobs_scheduler())
    second.round()
    assert two_jobs.raw.get(keys.jobs_scheduler()) == b"two"


_ONE_ROUND = f"""
import sys
from pm.settings import Settings
from workers.jobs.queue import QueueServer
from workers.jobs.schedule import Scheduler
Scheduler(Settings(), QueueServer.of(Settings(), sys.argv[1]), "dies", lambda: {NOW_S}).round()
"""


def _traces(scheduler: Scheduler) -> list[str]:
    return [name for name in scheduler.round() if name.startswith("expire-traces")]


def test_the_queue_may_lie_on_another_server(two_jobs: Office) -> None:
    target = two_jobs.desk.server.url
    settings = with_settings(two_jobs.settings, jobs={"url": SecretStr(f"{target}?db=1")})
    server = QueueServer.of(settings, target)
    Scheduler(settings, server, "one", lambda: NOW_S).round()
    assert not list(two_jobs.raw.scan_iter(match="rq:*"))
    assert sorted(server.queue("pm-quick").job_ids) == sorted(FIRST)
