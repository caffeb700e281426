"""What it takes a worker to understand an entry, in multiples of parsing the fill's JSON."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import partial
from typing import Final

from pm.bench.book import BOOK, LANE
from pm.bench.figures import Latency, Result, Row
from pm.bench.scale import Scale
from pm.bench.workload import EXCHANGE, Desk, Spread, instrument_id, reference_of
from pm.books.decoding import Decoder, DecodingOptions
from pm.books.lanes import LaneEntry
from pm.events.facts import Facts, Place
from pm.events.lines import parse_line
from pm.events.message import pack
from pm.events.write_event import event_table
from pm.wire.encode import encode_frame
from pm.wire.execution_records import RESULT_FILLED, ExecutionResult48, ExecutionResult96
from pm.wire.frame import decode_frame
from pm.wire.instrument_id import InstrumentId
from pm.wire.layout import BUY, Record
from pm.wire.trace_layouts import DocumentedTrace36

PART: Final = "decode"

_SPREAD: Final = Spread(positions=100, side=10)
_AT: Final = 1_767_355_200_000_000_000
_RUN: Final = 20

Step = Callable[[], object]


def measure_decoding(scale: Scale) -> Result:
    """Every way in, in turns, in runs of the same entry."""
    steps = _steps()
    times: dict[str, list[int]] = {name: [] for name in steps}
    for number in range(scale.rounds):
        scale.say(f"round {number + 1} of {scale.rounds}")
        for _ in range(scale.decodes_a_round // _RUN):
            for name, step in steps.items():
                times[name].append(_run_ns(step))
    found = {name: Latency.of(times[name]) for name in steps}
    yardstick = next(iter(found.values())).p50
    rows = tuple(_row(name, latency, yardstick) for name, latency in found.items())
    return Result(PART, "Decoding an entry, one process", rows, (f"µs: mean of {_RUN} in a row",))


def _run_ns(step: Step) -> int:
    started = time.perf_counter_ns()
    for _ in range(_RUN):
        step()
    return (time.perf_counter_ns() - started) // _RUN


def _row(name: str, latency: Latency, yardstick: float) -> Row:
    return {
        "step": name,
        "p50 µs": latency.p50,
        "p99 µs": latency.p99,
        "ratio": latency.p50 / yardstick,
    }


def _steps() -> dict[str, Step]:
    reference = reference_of(_SPREAD)
    decoder = Decoder(BOOK, reference, DecodingOptions())
    facts = Facts(reference)
    fill = next(Desk(_SPREAD, EXCHANGE, seed=1).openings())
    line = json.dumps(event_table(fill), separators=(",", ":"))
    place = Place(LANE, "1-0", 0, 1, _AT)
    steps: dict[str, Step] = {
        "json.loads of a fill's line (yardstick)": lambda: json.loads(line),
        "JSON line -> facts": lambda: facts.text(parse_line(line), place),
        "message -> facts, ready to apply": _preparing(decoder, {b"event": pack(fill)}),
    }
    for name, raw in _frames().items():
        steps[f"{name} frame -> records"] = partial(decode_frame, raw)
        steps[f"{name} frame -> facts, ready to apply"] = _preparing(decoder, {b"frame": raw})
    return steps


def _preparing(decoder: Decoder, fields: dict[bytes, bytes]) -> Step:
    entry = LaneEntry(LANE, "1-0", {**fields, b"received_at": b"%d" % _AT})
    return lambda: decoder.prepare(entry)


def _frames() -> dict[str, bytes]:
    wire = InstrumentId.from_text(instrument_id(0))
    narrow = ExecutionResult48(
        order_id=71,
        instrument=wire,
        quantity_filled=123_456_789,
        average_price=6_500_012_000_000,
        total_fees=802_483,
        strategy_id=1,
        result_type=RESULT_FILLED,
        side=BUY,
    )
    wide = ExecutionResult96(
        order_id=72,
        instrument=wire,
        quantity_filled=1_234_567_890_123_456_789,
        average_price=2_345_123_456_789_012_345_678,
        total_fees=2_895_214_000_000_000,
        venue_order_id=9,
        execution_time=_AT,
        chain_id=0,
        strategy_id=1,
        result_type=RESULT_FILLED,
        side=BUY,
        quantity_decimals=18,
        price_decimals=18,
        fee_decimals=18,
    )
    trace = DocumentedTrace36(trace_id=5, span_id=1, parent_span_id=0, flags=1, domain=1)
    return {
        "ER48": _frame(narrow),
        "ER96": _frame(wide),
        "ER96 with trace": _frame(trace, wide),
    }


def _frame(*records: Record) -> bytes:
    return encode_frame(records, sequence=1, timestamp=_AT)
