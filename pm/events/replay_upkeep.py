"""The facts of what the books' own processes found out back to events."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pm.events.facts_fields import FactsTable
from pm.events.model import FeeValue, TraceArchived, TraceExpired, UpkeepEvent


def _fee_value(facts: FactsTable) -> FeeValue:
    return FeeValue(
        fee_seq=int(facts["id"].split("/")[1]),
        strategy_id=int(facts["strategy"]),
        instrument=facts["instrument"],
        token=facts["token"],
        amount=facts["amount"],
        value=facts["value"],
        fee_executed_at=int(facts["fee_executed_at"]),
        executed_at=int(facts["executed_at"]),
        venue=facts["venue"],
    )


def _trace_expired(facts: FactsTable) -> TraceExpired:
    return TraceExpired(
        trace_id=facts["trace"]["id"],
        steps=int(facts["steps"]),
        verdict=facts["verdict"],
        executed_at=int(facts["executed_at"]),
    )


def _trace_archived(facts: FactsTable) -> TraceArchived:
    return TraceArchived(
        trace_id=facts["trace"]["id"],
        steps=int(facts["steps"]),
        executed_at=int(facts["executed_at"]),
    )


READERS: Final[dict[str, Callable[[FactsTable], UpkeepEvent]]] = {
    "fee_value": _fee_value,
    "trace_expired": _trace_expired,
    "trace_archived": _trace_archived,
}
