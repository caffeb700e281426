"""Trace contexts: five layouts, one form, and an arbitrage flag that only one family has."""

from __future__ import annotations

import pytest

from pm.wire.encode import encode_frame
from pm.wire.execution_records import Fill32
from pm.wire.frame import decode_frame
from pm.wire.layout import Record
from pm.wire.trace_layouts import (
    DocumentedTrace28,
    DocumentedTrace36,
    Trace32,
    Trace36,
    Trace40,
    TraceContext,
    trace_context,
)

WIDE_ID = bytes.fromhex("00112233445566778899aabbccddeeff")
SHORT_ID = bytes.fromhex("0001020304050607")
FILL = Fill32(1, 2, 3, 4)


def trace_of(*records: Record) -> TraceContext | None:
    return decode_frame(encode_frame(records, sequence=1, timestamp=2)).trace


@pytest.mark.parametrize(
    "record",
    [
        Trace36(WIDE_ID, 42, 2, 1, 5, 6),
        Trace40(5, 6, WIDE_ID, 42, 2, 1),
        DocumentedTrace36(int.from_bytes(WIDE_ID, "big"), 5, 4, 1, 3),
        DocumentedTrace28(int.from_bytes(WIDE_ID, "big"), 5, 1),
    ],
    ids=lambda record: type(record).__name__,
)
def test_wide_id_reads_the_same_in_every_layout(record: Record) -> None:
    trace = trace_of(FILL, record)
    assert trace is not None
    assert trace.trace_id == WIDE_ID.hex()
    assert trace.wire_id() == WIDE_ID


def test_short_id_is_padded_and_stays_apart_from_a_wide_one() -> None:
    short = trace_of(Trace32(5, 6, 42, 0, 1, SHORT_ID))
    wide = trace_of(Trace40(5, 6, bytes(8) + SHORT_ID, 42, 0, 1))
    assert short is not None
    assert wide is not None
    assert short.trace_id == wide.trace_id == "0" * 16 + SHORT_ID.hex()
    assert (short.wire_id(), wide.wire_id()) == (SHORT_ID, bytes(8) + SHORT_ID)


@pytest.mark.parametrize(
    "record",
    [
        Trace32(5, 6, 42, 0, 0xFF, SHORT_ID),
        Trace36(WIDE_ID, 42, 2, 0xFF, 5, 6),
        Trace40(5, 6, WIDE_ID, 42, 2, 0xFF),
    ],
)
def test_stage_flags_say_nothing_about_arbitrage(record: Record) -> None:
    trace = trace_of(record)
    assert trace is not None
    assert trace.arbitrage is None


@pytest.mark.parametrize(("flags", "arbitrage"), [(0, False), (1, True), (0xFE, False), (3, True)])
def test_business_flag_bit_0_is_arbitrage(flags: int, arbitrage: bool) -> None:
    for record in (DocumentedTrace36(1, 2, 3, flags, 4), DocumentedTrace28(1, 2, flags)):
        trace = trace_of(record)
        assert trace is not None
        assert trace.arbitrage is arbitrage


def test_trace_that_knows_about_arbitrage_wins_wherever_it_stands() -> None:
    vague = Trace32(5, 6, 42, 0, 1, SHORT_ID)
    telling = DocumentedTrace28(9, 2, 1)
    for order in ((vague, FILL, telling), (telling, FILL, vague)):
        trace = trace_of(*order)
        assert trace is not None
        assert trace.trace_id == f"{9:032x}"


def test_first_of_several_equal_traces_wins() -> None:
    trace = trace_of(DocumentedTrace28(1, 2, 0), DocumentedTrace28(3, 4, 1))
    assert trace is not None
    assert trace.trace_id == f"{1:032x}"


def test_frame_without_trace_has_none() -> None:
    assert trace_of(FILL) is None
    assert trace_context(FILL) is None
