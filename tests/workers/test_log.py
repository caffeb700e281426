"""What a worker logs of events: valid JSON that names book, lane, entry and trace."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from pm.counting.catalogue import (
    APPLY_EVENTS,
    APPLY_SECONDS,
    UPDATE_ERRORS,
    UPDATE_SECONDS,
    UPDATES,
    Series,
)
from pm.counting.recorder import Recorder
from pm.counting.stored import Counted, read_counted
from pm.events.message import pack
from pm.events.model import Trace
from pm.keys import QUARANTINE_LANE
from pm.settings import MonitoringSettings, Settings
from pm.wire.encode import encode_frame
from pm.wire.execution_records import ExecutionResult48
from tests.workers.desk import Desk
from tests.workers.lane_contents import BTCUSDT, LaneContent, entry, fill, fills, message
from tests.workers.processes import Crew
from workers.event_log import trace_of
from workers.worker import new_consumer

TRACE = f"{7:032x}"
BOOK = ("main",)


def unknown_instrument(number: int) -> tuple[str, dict[str, bytes | int]]:
    event = fill(number)._replace(instrument="binance.coin.NOPE", trace=Trace(TRACE, True))
    return message(number, event)


def consumed(
    desk: Desk, content: LaneContent, lane: str = "executions", slow_ms: int = 1
) -> Counted:
    """What a worker in this process counts of a lane."""
    desk.put(content, lane=lane)
    recorder = Recorder()
    settings = Settings(monitoring=MonitoringSettings(slow_batch_threshold_ms=slow_ms))
    consumer = new_consumer(settings, "main", recorder)
    while consumer.lag(desk.client):
        consumer.consume(desk.client)
    return read_counted(recorder.take())


def test_a_refused_event_is_a_line_with_its_trace(desk: Desk, crew: Crew) -> None:
    desk.put([*fills(1), unknown_instrument(2), entry(3, "event", b"garbage")])
    worker = crew.worker(PM_MONITORING__LOG_FORMAT="json")
    worker.says(r"seq 5 refused")
    worker.stop()
    lines = [json.loads(line) for line in worker.log.splitlines()]
    assert all({"ts", "level", "logger", "message"} <= line.keys() for line in lines)
    refused: list[dict[str, Any]] = [line for line in lines if "refused" in line["message"]]
    about = {"book": "main", "lane": "executions", "entry": "2-0", "index": "0"}
    assert about | {"seq": 4, "reason": "unknown_instrument", "trace": TRACE} == {
        name: value
        for name, value in refused[0].items()
        if name not in ("ts", "level", "logger", "message")
    }
    assert refused[0]["message"].endswith(f" (trace {TRACE})")
    assert (refused[1]["entry"], refused[1]["reason"]) == ("3-0", "malformed_event")


def test_the_trace_of_a_refused_frame_is_found_in_its_bytes() -> None:
    record = ExecutionResult48(1, BTCUSDT, 10**8, 10**8, 1, 7, 1, 1)
    assert trace_of(encode_frame([record], sequence=1, timestamp=1)) is None
    assert trace_of(pack(fill(1)._replace(trace=Trace(TRACE, True)))) == TRACE
    for raw in (b"", b"garbage", encode_frame([record], sequence=1, timestamp=1)[:20]):
        assert trace_of(raw) is None


def test_a_flood_of_refusals_is_counted_not_told(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "pm.worker"):
        found = consumed(
            desk, [unknown_instrument(number) for number in range(1, 13)], slow_ms=60_000
        )
    said = [record.getMessage() for record in caplog.records]
    assert len([line for line in said if "unknown_instrument" in line]) == 5
    assert said[-1] == "book main: 7 more refused before these"
    assert found.counters[Series(UPDATE_ERRORS, ("main", "refused"))] == 12


def test_updates_are_counted_by_result_and_calls_by_their_time(desk: Desk) -> None:
    found = consumed(desk, [*fills(8), message(9, fill(3)), unknown_instrument(10)])
    assert found.counters == {
        Series(UPDATES, ("main", "applied")): 8,
        Series(UPDATES, ("main", "duplicate")): 1,
        Series(UPDATES, ("main", "refused")): 1,
        Series(UPDATE_ERRORS, ("main", "refused")): 1,
        Series(APPLY_EVENTS, BOOK): 10,
    }
    assert found.histograms[Series(UPDATE_SECONDS, BOOK)].count == 10
    assert found.histograms[Series(UPDATE_SECONDS, BOOK)].counts[-1] == 10  # received in 2023
    assert found.histograms[Series(APPLY_SECONDS, BOOK)].count >= 1


def test_replays_say_nothing_of_latency(desk: Desk) -> None:
    found = consumed(desk, fills(3), lane=QUARANTINE_LANE)
    assert found.counters[Series(UPDATES, ("main", "applied"))] == 3
    assert Series(UPDATE_SECONDS, BOOK) not in found.histograms


def test_a_slow_batch_is_a_line(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "pm.worker"):
        consumed(desk, fills(5), slow_ms=60_000)
        assert caplog.records == []
        consumed(desk, [message(number, fill(number)) for number in range(6, 206)], slow_ms=1)
    slow = [record for record in caplog.records if record.getMessage().startswith("slow batch: ")]
    assert slow
    assert {"book": "main", "lane": "executions"}.items() <= vars(slow[0]).items()
    assert slow[0].took_ms > 1  # type: ignore[attr-defined]
