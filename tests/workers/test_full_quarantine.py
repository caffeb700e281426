"""A full quarantine stops the lane that needs it, and nothing else."""

from __future__ import annotations

import pytest

from pm.books import quarantine
from pm.settings import Settings
from tests.workers.desk import Desk
from tests.workers.lane_contents import LaneContent, entry, fills
from workers.consumer import Consumer
from workers.draining import drain
from workers.worker import new_consumer

SETTINGS = Settings(portfolio_manager={"quarantine_max_entries": 2})  # type: ignore[arg-type]


def garbage(first: int, last: int) -> LaneContent:
    return [entry(number, "event", b"\xc1") for number in range(first, last + 1)]


@pytest.fixture
def consumer(desk: Desk) -> Consumer:
    return new_consumer(SETTINGS, "main")


def test_the_lane_waits_and_the_other_lanes_go_on(
    desk: Desk, consumer: Consumer, caplog: pytest.LogCaptureFixture
) -> None:
    desk.put(garbage(1, 3))
    other = desk.put(fills(5), lane="executions:quarantine")
    consumer.consume(desk.client)
    assert consumer.stalls == {"executions": "the quarantine is full (2 entries)"}
    assert consumer.cursors["executions"] == "2-0"
    assert desk.is_done(other, lane="executions:quarantine")
    assert "book main: lane executions waits at 2-0: the quarantine is full" in caplog.text


def test_the_lane_goes_on_when_there_is_room(desk: Desk, consumer: Consumer) -> None:
    last = desk.put(garbage(1, 4))
    consumer.consume(desk.client)
    for refused in quarantine.listed(desk.client, "main"):
        desk.client.xdel("pm:{main}:quarantine", f"{refused.seq}-0")
    consumer._retry_at.clear()
    consumer.consume(desk.client)
    assert desk.is_done(last)
    assert consumer.stalls == {}


def test_what_is_replayed_out_of_a_full_quarantine_is_applied(desk: Desk) -> None:
    desk.put(garbage(1, 3))
    new_consumer(SETTINGS, "main").consume(desk.client)
    last = desk.put(fills(1), lane="executions:quarantine")
    drain(desk.client, SETTINGS, "main", "executions:quarantine", last)
    assert desk.is_done(last, lane="executions:quarantine")
