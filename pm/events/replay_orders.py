"""The facts of orders back to events."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from pm.events.facts_fields import FactsTable, event_id, fees_of, integer, trace_of
from pm.events.model import (
    ExecutionResult,
    Fill,
    OrderStatus,
    Rejected,
    Release,
    Reservation,
)
from pm.reference.chains import NO_CHAIN, chain_name

_DATED_ORDER: Final = re.compile(r"(.+)\.([0-9]{4}-[0-9]{2}-[0-9]{2})", re.ASCII)


def _fill(facts: FactsTable) -> Fill:
    return Fill(
        execution_id=facts["id"].rpartition("/")[2],
        strategy_id=int(facts["strategy"]),
        instrument=facts["instrument"],
        quantity=facts["quantity"],
        price=facts["price"],
        fees=fees_of(facts) or (),
        quote_amount=facts.get("quote_amount"),
        decided_at=integer(facts, "decided_at"),
        **_placed_part(facts),
    )


def _execution_result(facts: FactsTable) -> ExecutionResult:
    return ExecutionResult(
        event_id=event_id(facts),
        strategy_id=int(facts["strategy"]),
        instrument=facts["instrument"],
        quantity=facts["quantity"],
        price=facts.get("price"),
        result=facts["result"],
        fees=fees_of(facts),
        quote_amount=facts.get("quote_amount"),
        decided_at=integer(facts, "decided_at"),
        **_placed_part(facts),
    )


def _rejected(facts: FactsTable) -> Rejected:
    return Rejected(
        event_id=event_id(facts),
        strategy_id=integer(facts, "strategy"),
        instrument=facts.get("instrument"),
        reason=facts.get("reason"),
        fees=fees_of(facts) or (),
        **_placed_part(facts),
    )


def _order_status(facts: FactsTable) -> OrderStatus:
    return OrderStatus(
        event_id=event_id(facts),
        strategy_id=integer(facts, "strategy"),
        instrument=facts.get("instrument"),
        status=facts["status"],
        fees=fees_of(facts) or (),
        **_placed_part(facts),
    )


def _reservation(facts: FactsTable) -> Reservation:
    return Reservation(
        amount=facts["amount"],
        quantity=facts.get("quantity"),
        strategy_id=integer(facts, "strategy"),
        **_held_part(facts),
    )


def _release(facts: FactsTable) -> Release:
    return Release(amount=facts.get("amount"), **_held_part(facts))


def _held_part(facts: FactsTable) -> dict[str, Any]:
    return {
        **_order_part(facts),
        "event_id": event_id(facts),
        "token": facts["token"],
        "location": facts["location"],
    }


def _placed_part(facts: FactsTable) -> dict[str, Any]:
    """Return what an event has that names an account and no location, by field name."""
    part = _order_part(facts)
    account = _account(facts["location"], part["venue"], part["chain_id"])
    return {**part, "trace": trace_of(facts), "account": account}


def _order_part(facts: FactsTable) -> dict[str, Any]:
    """Return what every event of an order has, by field name."""
    venue, _, order_id = facts["order"].partition(":")
    dated = _DATED_ORDER.fullmatch(order_id)
    return {
        "order_id": order_id if dated is None else dated.group(1),
        "order_date": None if dated is None else dated.group(2),
        "venue": venue,
        "executed_at": int(facts["executed_at"]),
        "chain_id": int(facts["chain_id"]),
    }


def _account(location: str, venue: str, chain_id: int) -> str | None:
    """Return the account that leads to this location, None where none is needed."""
    if chain_id == NO_CHAIN:
        return None if location == venue else location
    name = chain_name(chain_id)
    return None if location == name else str(location.removesuffix(f".{name}"))


READERS: Final[
    dict[
        str,
        Callable[
            [FactsTable], Fill | ExecutionResult | Rejected | OrderStatus | Reservation | Release
        ],
    ]
] = {
    "fill": _fill,
    "execution_result": _execution_result,
    "rejected": _rejected,
    "order_status": _order_status,
    "reserve": _reservation,
    "release": _release,
}
