"""The facts of capital flows, allocations and transfers back to events."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pm.events.facts_fields import FactsTable, event_id, integer, trace_of
from pm.events.model import Allocation, CapitalFlow, Transfer


def _flow(facts: FactsTable) -> CapitalFlow:
    return CapitalFlow(
        kind=facts["kind"],
        event_id=event_id(facts),
        executed_at=int(facts["executed_at"]),
        token=facts.get("token"),
        amount=facts.get("amount"),
        strategy_id=integer(facts, "strategy"),
        instrument=facts.get("instrument"),
        quantity=facts.get("quantity"),
        cost=facts.get("cost"),
        venue=facts.get("venue"),
        location=facts["location"],
        chain_id=int(facts["chain_id"]),
    )


def _allocation(facts: FactsTable) -> Allocation:
    return Allocation(
        event_id=event_id(facts),
        strategy_id=int(facts["strategy"]),
        token=facts["token"],
        amount=facts["amount"],
        executed_at=int(facts["executed_at"]),
    )


def _transfer(facts: FactsTable) -> Transfer:
    # Without a place of its own, the venue of an end was not stated but the instrument's.
    venue, instrument = facts.get("venue"), facts.get("instrument")
    has_start, has_end = "from_location" in facts, "to_location" in facts
    return Transfer(
        transfer_id=facts["transfer"],
        step=facts["step"],
        token=facts["token"],
        executed_at=int(facts["executed_at"]),
        amount=facts.get("amount"),
        arrived=facts.get("arrived"),
        strategy_id=integer(facts, "strategy"),
        instrument=instrument,
        from_location=facts.get("from_location"),
        from_venue=venue if has_start and instrument is not None else None,
        from_chain_id=integer(facts, "from_chain_id"),
        to_location=facts.get("to_location"),
        to_venue=venue if has_end and instrument is None else None,
        to_chain_id=integer(facts, "to_chain_id"),
        to_token=facts.get("to_token"),
        to_instrument=facts["to"]["instrument"] if "to" in facts else None,
        rate=facts.get("rate"),
        to_book=facts.get("to_book"),
        from_book=facts.get("from_book"),
        cost=facts.get("cost"),
        trace=trace_of(facts),
    )


READERS: Final[dict[str, Callable[[FactsTable], CapitalFlow | Allocation | Transfer]]] = {
    "opening": _flow,
    "deposit": _flow,
    "withdrawal": _flow,
    "allocation": _allocation,
    "transfer": _transfer,
}
