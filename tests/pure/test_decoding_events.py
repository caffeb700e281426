"""Lane entries and direct submissions of events: which book takes them, and with what facts."""

import json
from typing import Any

import pytest

from pm.books.decoding import Decoder, DecodingOptions
from pm.books.lanes import LaneEntry
from pm.events.lines import parse_line
from pm.events.message import pack
from pm.events.model import Event
from pm.settings import BooksSettings
from tests.pure.event_tables import REFERENCE, TIME, line, text_of

TRACE = {"id": "1" * 32}
TABLES: tuple[dict[str, Any], ...] = (
    {
        "kind": "reserve", "event_id": "E", "order_id": "O", "venue": "v", "token": "A",
        "amount": "1",
    },
    {"kind": "release", "event_id": "E", "order_id": "O", "venue": "v", "token": "A"},
    {"kind": "withdrawal", "event_id": "E", "venue": "v", "token": "A", "amount": "1"},
    {"kind": "allocation", "event_id": "E", "strategy_id": 7, "token": "A", "amount": "1"},
    {
        "kind": "transfer", "transfer_id": "T", "step": "sent", "token": "A", "amount": "1",
        "from_location": "a",
    },
    {"kind": "funding", "event_id": "E", "instrument": "v.perpetual", "amount": "1"},
    {"kind": "dividend", "dividend_id": "D", "step": "ex", "instrument": "v.stock", "rate": "1"},
    {
        "kind": "split", "event_id": "E", "instrument": "v.stock", "numerator": "2",
        "denominator": "1",
    },
    {"kind": "expiry", "event_id": "E", "instrument": "v.call"},
    {"kind": "exercise", "event_id": "E", "instrument": "v.call", "intrinsic": "1"},
    {"kind": "settlement", "event_id": "E", "instrument": "v.perpetual", "price": "1"},
    {
        "kind": "fee_value", "fee_seq": 1, "strategy_id": 7, "instrument": "v.coin", "token": "A",
        "amount": "1", "value": "1", "fee_executed_at": 10**18,
    },
    {"kind": "trace_expired", "trace_id": "1" * 32, "steps": 1, "verdict": "expired"},
    {"kind": "trace_archived", "trace_id": "1" * 32, "steps": 1},
)  # fmt: skip
EVENTS = tuple(parse_line(line(table, executed_at=TIME)) for table in TABLES)
OF_OTHER = BooksSettings(strategies={"7": "other", "None": "other"})


def decoder(*, books: BooksSettings | None = None, track_traces: bool = True) -> Decoder:
    options = DecodingOptions(books=books or BooksSettings(), track_traces=track_traces)
    return Decoder("main", REFERENCE, options)


def entry(event: Event) -> LaneEntry:
    fields = {b"event": pack(event), b"received_at": b"%d" % (TIME + 9)}
    return LaneEntry("executions", "5-0", fields)


def without_place(facts: Any) -> dict[str, Any]:
    return {key: facts[key] for key in facts if key not in ("lane", "entry", "index", "of")}


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.kind)
def test_a_lane_entry_of_any_kind_becomes_its_facts(event: Event) -> None:
    (prepared,) = decoder().prepare(entry(event))
    assert prepared.facts["kind"] == event.kind
    assert prepared.facts["lane"] == "executions"
    assert (prepared.facts["index"], prepared.facts["of"]) == ("0", "1")
    assert without_place(prepared.facts) == json.loads(text_of(event))
    assert prepared.raw == b""


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.kind)
def test_a_submitted_event_has_the_same_facts_without_a_place(event: Event) -> None:
    prepared = decoder().prepare_direct(event, TIME + 9)
    assert prepared.text == text_of(event)
    assert prepared.facts == json.loads(prepared.text)
    assert prepared.raw == b""


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.kind)
def test_an_event_without_a_strategy_belongs_to_the_book_it_was_sent_to(event: Event) -> None:
    (prepared,) = decoder(books=OF_OTHER).prepare(entry(event))
    direct = decoder(books=OF_OTHER).prepare_direct(event, TIME + 9)
    assert without_place(prepared.facts) == direct.facts
    if event.strategy_id is None:
        assert direct.facts["kind"] == event.kind
    else:
        assert direct.facts["reason"] == "wrong_book"
        assert direct.facts["detail"] == "strategy 7 belongs to book other"
        assert direct.raw == prepared.raw == pack(event)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.kind)
def test_where_traces_are_not_tracked_only_steps_lose_theirs(event: Event) -> None:
    facts = decoder(track_traces=False).prepare_direct(event, TIME).facts
    assert ("trace" in facts) == event.kind.startswith("trace_")


def test_a_transfer_is_a_step_of_a_trace_only_where_traces_are_tracked() -> None:
    table = next(table for table in TABLES if table["kind"] == "transfer")
    bridge = parse_line(line(table, executed_at=TIME, trace=TRACE))
    assert decoder().prepare_direct(bridge, TIME).facts["trace"] == TRACE
    assert "trace" not in decoder(track_traces=False).prepare_direct(bridge, TIME).facts


def test_a_submitted_event_that_cannot_be_applied_keeps_its_message() -> None:
    event = parse_line(
        line({"kind": "expiry", "event_id": "E", "instrument": "x.y"}, executed_at=TIME)
    )
    prepared = decoder().prepare_direct(event, TIME + 9)
    assert (prepared.facts["kind"], prepared.facts["reason"]) == (
        "quarantined", "unknown_instrument",
    )  # fmt: skip
    assert prepared.raw == pack(event)
