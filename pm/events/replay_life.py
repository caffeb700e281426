"""The facts of what happened to instruments back to events."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from pm.events.facts_fields import FactsTable, event_id, integer
from pm.events.model import (
    Dividend,
    Exercise,
    Expiry,
    Funding,
    LifeEvent,
    Settlement,
    Split,
)


def _funding(facts: FactsTable) -> Funding:
    return Funding(
        event_id=event_id(facts),
        amount=facts.get("amount"),
        rate=facts.get("rate"),
        price=facts.get("price"),
        token=facts["token"],
        **_common_part(facts),
    )


def _dividend(facts: FactsTable) -> Dividend:
    return Dividend(
        dividend_id=facts["dividend"],
        step=facts["step"],
        rate=facts.get("rate"),
        amount=facts.get("amount"),
        token=facts["token"],
        **_common_part(facts),
    )


def _split(facts: FactsTable) -> Split:
    return Split(
        event_id=event_id(facts),
        numerator=facts["numerator"],
        denominator=facts["denominator"],
        price=facts.get("price"),
        **_common_part(facts),
    )


def _expiry(facts: FactsTable) -> Expiry:
    return Expiry(event_id=event_id(facts), **_common_part(facts))


def _exercise(facts: FactsTable) -> Exercise:
    delivered = facts.get("underlying")
    return Exercise(
        event_id=event_id(facts),
        intrinsic=facts.get("intrinsic"),
        physical=delivered is not None,
        underlying=None if delivered is None else delivered["instrument"],
        quantity=facts.get("quantity"),
        **_common_part(facts),
    )


def _settlement(facts: FactsTable) -> Settlement:
    return Settlement(
        event_id=event_id(facts),
        price=facts["price"],
        final=facts.get("final") == "1",
        **_common_part(facts),
    )


def _common_part(facts: FactsTable) -> dict[str, Any]:
    return {
        "instrument": facts["instrument"],
        "executed_at": int(facts["executed_at"]),
        "strategy_id": integer(facts, "strategy"),
        "venue": facts["venue"],
        "location": facts["location"],
        "chain_id": int(facts["chain_id"]),
    }


READERS: Final[dict[str, Callable[[FactsTable], LifeEvent]]] = {
    "funding": _funding,
    "dividend": _dividend,
    "split": _split,
    "expiry": _expiry,
    "exercise": _exercise,
    "settlement": _settlement,
}
