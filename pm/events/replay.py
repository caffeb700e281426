"""Facts back to the event they were written from, to replay one that the books refused.

Written again, the event gives the same facts but for its place, as long as the reference data is
the same. That is why account, chain and order date come back as stated, though they may have been
derived, and fees name the tokens they were resolved to.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, Final

from pm.events.model import (
    CapitalFlow,
    Event,
    EventError,
    ExecutionResult,
    Fee,
    Fill,
    OrderStatus,
    Rejected,
    Trace,
)
from pm.reference.chains import NO_CHAIN, chain_name

_DATED_ORDER: Final = re.compile(r"(.+)\.([0-9]{4}-[0-9]{2}-[0-9]{2})", re.ASCII)

FactsTable = dict[str, Any]


def event_from_facts(text: str) -> Event:
    """Return the event; EventError for text that is no facts, or facts that hold no event."""
    try:
        facts = json.loads(text)
        read = _READERS.get(facts["kind"])
        if read is None:
            raise EventError(f"facts of kind {facts['kind']} hold no event")
        return read(facts)
    except (json.JSONDecodeError, KeyError, TypeError, IndexError, RecursionError) as error:
        raise EventError(f"is not the facts of an event: {error}") from None


def _fill(facts: FactsTable) -> Fill:
    return Fill(
        execution_id=facts["id"].rpartition("/")[2],
        strategy_id=int(facts["strategy"]),
        instrument=facts["instrument"],
        quantity=facts["quantity"],
        price=facts["price"],
        fees=_fees(facts) or (),
        quote_amount=facts.get("quote_amount"),
        decided_at=_integer(facts, "decided_at"),
        **_order_part(facts),
    )


def _execution_result(facts: FactsTable) -> ExecutionResult:
    return ExecutionResult(
        event_id=_event_id(facts),
        strategy_id=int(facts["strategy"]),
        instrument=facts["instrument"],
        quantity=facts["quantity"],
        price=facts.get("price"),
        result=facts["result"],
        fees=_fees(facts),
        quote_amount=facts.get("quote_amount"),
        decided_at=_integer(facts, "decided_at"),
        **_order_part(facts),
    )


def _rejected(facts: FactsTable) -> Rejected:
    return Rejected(
        event_id=_event_id(facts),
        strategy_id=_integer(facts, "strategy"),
        instrument=facts.get("instrument"),
        reason=facts.get("reason"),
        fees=_fees(facts) or (),
        **_order_part(facts),
    )


def _order_status(facts: FactsTable) -> OrderStatus:
    return OrderStatus(
        event_id=_event_id(facts),
        strategy_id=_integer(facts, "strategy"),
        instrument=facts.get("instrument"),
        status=facts["status"],
        fees=_fees(facts) or (),
        **_order_part(facts),
    )


def _capital_flow(facts: FactsTable) -> CapitalFlow:
    return CapitalFlow(
        kind=facts["kind"],
        event_id=_event_id(facts),
        executed_at=int(facts["executed_at"]),
        token=facts.get("token"),
        amount=facts.get("amount"),
        strategy_id=_integer(facts, "strategy"),
        instrument=facts.get("instrument"),
        quantity=facts.get("quantity"),
        cost=facts.get("cost"),
        venue=facts.get("venue"),
        location=facts["location"],
        chain_id=int(facts["chain_id"]),
    )


def _order_part(facts: FactsTable) -> dict[str, Any]:
    """Return what every event of an order has, by field name."""
    venue, _, order_id = facts["order"].partition(":")
    dated = _DATED_ORDER.fullmatch(order_id)
    chain_id = int(facts["chain_id"])
    return {
        "order_id": order_id if dated is None else dated.group(1),
        "order_date": None if dated is None else dated.group(2),
        "venue": venue,
        "executed_at": int(facts["executed_at"]),
        "trace": _trace(facts),
        "account": _account(facts["location"], venue, chain_id),
        "chain_id": chain_id,
    }


def _account(location: str, venue: str, chain_id: int) -> str | None:
    """Return the account that leads to this location, None where none is needed."""
    if chain_id == NO_CHAIN:
        return None if location == venue else location
    name = chain_name(chain_id)
    return None if location == name else str(location.removesuffix(f".{name}"))


def _event_id(facts: FactsTable) -> str:
    return str(facts["id"]).removeprefix("event/")


def _integer(facts: FactsTable, key: str) -> int | None:
    return int(facts[key]) if key in facts else None


def _fees(facts: FactsTable) -> tuple[Fee, ...] | None:
    if "fees" not in facts:
        return None
    return tuple([Fee(token, amount, kind) for token, amount, kind in facts["fees"]])


def _trace(facts: FactsTable) -> Trace | None:
    trace = facts.get("trace")
    if trace is None:
        return None
    return Trace(trace["id"], trace.get("arbitrage") == "1", trace.get("step"))


_READERS: Final[dict[str, Callable[[FactsTable], Event]]] = {
    "fill": _fill,
    "execution_result": _execution_result,
    "rejected": _rejected,
    "order_status": _order_status,
    "opening": _capital_flow,
    "deposit": _capital_flow,
}
