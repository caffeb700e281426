"""An event no rule or no decoder can take goes to the quarantine; its lane goes on."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from pm.books import journal, quarantine
from pm.books.applying import Prepared
from pm.books.decoding import Decoder
from pm.books.lanes import LaneEntry
from pm.wire.encode import encode_frame
from pm.wire.execution_records import ExecutionResult48
from tests.servers import AnyServer
from tests.workers.conftest import Undisturbed
from tests.workers.desk import BookEnd, Desk
from tests.workers.lane_contents import BTCUSDT, START_NS, LaneContent, entry, fills

POISONED = ("7-0", "8-0", "23-0")


def broken(event: Prepared) -> Prepared:
    """The event without what the rules cannot do without."""
    facts = {name: value for name, value in event.facts.items() if name != "quantity"}
    return Prepared(json.dumps(facts, separators=(",", ":")), facts, event.raw)


@pytest.fixture
def poisoned(monkeypatch: pytest.MonkeyPatch) -> None:
    """The decoder breaks the last event of some entries."""
    prepare = Decoder.prepare

    def prepare_some_badly(self: Decoder, found: LaneEntry) -> list[Prepared]:
        events = prepare(self, found)
        if found.id in POISONED:
            events[-1] = broken(events[-1])
        return events

    monkeypatch.setattr(Decoder, "prepare", prepare_some_badly)


def end_after(desk: Desk, content: LaneContent, batch_max: int) -> BookEnd:
    desk.put(content)
    return desk.finish(batch_max=batch_max)


def kept(desk: Desk) -> list[quarantine.Refused]:
    return quarantine.listed(desk.client, "main")


@pytest.mark.usefixtures("poisoned")
def test_an_event_no_rule_can_decide_is_quarantined_with_its_bytes(server: AnyServer) -> None:
    desk = Desk(server)
    content = fills(30)
    end = end_after(desk, content, 200)
    assert end.seq == 2 + 30
    refused = kept(desk)
    assert [found.facts["entry"] for found in refused] == list(POISONED)
    for found in refused:
        number = int(found.facts["entry"].partition("-")[0])
        assert (found.reason, found.raw) == ("cannot_apply", content[number - 1][1]["event"])
        assert found.detail == f"no rule can decide this fill binance/O{number}/T{number}"


@pytest.mark.usefixtures("poisoned")
@pytest.mark.parametrize("batch_max", [1, 3, 8])
def test_any_split_of_a_poisoned_lane_gives_the_same_journal(
    desk: Desk, undisturbed: Undisturbed, batch_max: int
) -> None:
    content = fills(30)
    assert end_after(desk, content, batch_max) == undisturbed(executions=content)


@pytest.mark.usefixtures("poisoned")
def test_the_error_is_logged_and_nothing_of_it_is_in_the_journal(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    end_after(desk, fills(10), 200)
    said = [record.getMessage() for record in caplog.records if record.name == "pm.worker"]
    assert [line.partition(": ")[0] for line in said] == [
        "lane executions entry 7-0[0] cannot be applied",
        "lane executions entry 8-0[0] cannot be applied",
    ]
    error = re.sub(r".*?(\w+)$", r"\1", said[0])
    stored = "".join(found["facts"] for found in journal.read(desk.client, "main"))
    assert "lua" not in stored.lower()
    assert error not in stored


@pytest.mark.usefixtures("poisoned")
def test_the_other_events_of_its_entry_are_applied(desk: Desk) -> None:
    results = [ExecutionResult48(n, BTCUSDT, 10**8, 10**8, 1, 7, 1, 1) for n in (1, 2, 3)]
    frame = encode_frame(results, sequence=1, timestamp=START_NS)
    end_after(desk, [entry(7, "frame", frame)], 200)
    found = list(journal.read(desk.client, "main", after=2))
    assert [entry["result"] for entry in found] == ["applied", "applied", "refused"]
    assert kept(desk)[0].raw == frame


def test_a_replay_takes_it_once_the_cause_is_gone(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        prepare = Decoder.prepare
        patch.setattr(
            Decoder, "prepare", lambda self, found: [broken(e) for e in prepare(self, found)]
        )
        end_after(desk, fills(1), 200)
    [refused] = kept(desk)
    before = desk.end()
    lane_entry = quarantine.replay(desk.client, refused)
    desk.finish()
    assert quarantine.settle(desk.client, refused, lane_entry, before.seq) == (True, "applied")
    assert kept(desk) == []


def test_an_entry_the_decoder_fails_on_is_quarantined_whole(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    prepare = Decoder.prepare

    def fail(self: Decoder, found: LaneEntry) -> Any:
        if found.id == "2-0":
            raise KeyError("nobody thought of this")
        return prepare(self, found)

    monkeypatch.setattr(Decoder, "prepare", fail)
    content = fills(3)
    assert end_after(desk, content, 200).seq == 2 + 3
    [refused] = kept(desk)
    assert (refused.reason, refused.raw) == ("cannot_decode", content[1][1]["event"])
    assert "lane executions entry 2-0 cannot be decoded" in caplog.text


def test_a_refused_command_is_no_fault_of_the_event(server: AnyServer) -> None:
    desk = Desk(server)
    desk.put(fills(3))
    name = "pm:{main}:position:7:binance.coin.BTCUSDT"
    desk.client.set(name, "not a hash")
    consumer = desk.consumer()
    with pytest.raises(Exception, match="WRONGTYPE"):
        consumer.consume(desk.client)
    assert kept(desk) == []
    desk.client.delete(name)
    consumer.forget()
    assert desk.finish().seq == 2 + 3
