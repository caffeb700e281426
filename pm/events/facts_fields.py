"""Single fields of facts, read back for a replay."""

from __future__ import annotations

from typing import Any

from pm.events.model import Fee, Trace

FactsTable = dict[str, Any]


def event_id(facts: FactsTable) -> str:
    """Return the id of an event that is deduplicated by its own."""
    return str(facts["id"]).removeprefix("event/")


def integer(facts: FactsTable, key: str) -> int | None:
    """Return a whole number, None where it is absent."""
    return int(facts[key]) if key in facts else None


def fees_of(facts: FactsTable) -> tuple[Fee, ...] | None:
    """Return the fees, None where they were not stated."""
    if "fees" not in facts:
        return None
    return tuple([Fee(token, amount, kind) for token, amount, kind in facts["fees"]])


def trace_of(facts: FactsTable) -> Trace | None:
    """Return the trace the event is a step of."""
    trace = facts.get("trace")
    if trace is None:
        return None
    return Trace(trace["id"], trace.get("arbitrage") == "1", trace.get("step"))
