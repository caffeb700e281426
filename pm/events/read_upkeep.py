"""Tables to what the books' own processes find out: values of fees, ends of traces."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pm.events.event_values import (
    parse_moment,
    parse_nonzero,
    parse_outside_id,
    parse_strategy,
    parse_trace_id,
)
from pm.events.model import TRACE_VERDICTS, FeeValue, TraceArchived, TraceExpired, UpkeepEvent
from pm.reference.table import Table, one_of, parse_number, whole_number

KEYS: Final[dict[str, tuple[str, ...]]] = {
    "fee_value": (
        "kind", "executed_at", "fee_seq", "strategy_id", "instrument", "token", "amount", "value",
        "fee_executed_at", "venue", "book",
    ),
    "trace_expired": ("kind", "executed_at", "trace_id", "steps", "verdict", "book"),
    "trace_archived": ("kind", "executed_at", "trace_id", "steps", "book"),
}  # fmt: skip

_parse_verdict: Final = one_of(TRACE_VERDICTS)
_parse_count: Final = whole_number(1, (1 << 53) - 1)


def _read_fee_value(table: Table) -> FeeValue:
    return FeeValue(
        fee_seq=table.required("fee_seq", _parse_count),
        strategy_id=table.required("strategy_id", parse_strategy),
        instrument=table.required("instrument", parse_outside_id),
        token=table.required("token", parse_outside_id),
        amount=table.required("amount", parse_nonzero),
        value=table.required("value", parse_number),
        fee_executed_at=table.required("fee_executed_at", parse_moment),
        executed_at=table.required("executed_at", parse_moment),
        venue=table.maybe("venue", parse_outside_id),
        book=table.maybe("book", parse_outside_id),
    )


def _read_trace_expired(table: Table) -> TraceExpired:
    return TraceExpired(
        trace_id=table.required("trace_id", parse_trace_id),
        steps=table.required("steps", _parse_count),
        verdict=table.required("verdict", _parse_verdict),
        executed_at=table.required("executed_at", parse_moment),
        book=table.maybe("book", parse_outside_id),
    )


def _read_trace_archived(table: Table) -> TraceArchived:
    return TraceArchived(
        trace_id=table.required("trace_id", parse_trace_id),
        steps=table.required("steps", _parse_count),
        executed_at=table.required("executed_at", parse_moment),
        book=table.maybe("book", parse_outside_id),
    )


READERS: Final[dict[str, Callable[[Table], UpkeepEvent]]] = {
    "fee_value": _read_fee_value,
    "trace_expired": _read_trace_expired,
    "trace_archived": _read_trace_archived,
}
