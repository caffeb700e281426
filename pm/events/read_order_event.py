"""Tables to events of orders: what each kind needs, and what its keys may hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from pm.events.event_values import (
    check_place,
    parse_chain,
    parse_date,
    parse_fees,
    parse_moment,
    parse_outside_id,
    parse_reason,
    parse_result,
    parse_side,
    parse_status,
    parse_strategy,
    parse_trace,
    read_quantity,
)
from pm.events.model import (
    ExecutionResult,
    Fill,
    OrderStatus,
    Rejected,
    Release,
    Reservation,
    Trace,
)
from pm.reference.table import KeyFault, Table, parse_not_negative, parse_positive

_ORDER_KEYS: Final = (
    "kind", "order_id", "venue", "executed_at", "strategy_id", "instrument", "side", "fees",
    "trace", "account", "chain_id", "order_date", "book",
)  # fmt: skip
_TRADE_KEYS: Final = (*_ORDER_KEYS, "quantity", "price", "quote_amount", "decided_at")
_HELD_KEYS: Final = (
    "kind", "event_id", "order_id", "venue", "token", "amount", "executed_at", "strategy_id",
    "location", "account", "chain_id", "order_date", "book",
)  # fmt: skip
KEYS: Final[dict[str, tuple[str, ...]]] = {
    "fill": (*_TRADE_KEYS, "execution_id"),
    "execution_result": (*_TRADE_KEYS, "event_id", "result"),
    "rejected": (*_ORDER_KEYS, "event_id", "reason"),
    "order_status": (*_ORDER_KEYS, "event_id", "status"),
    "reserve": (*_HELD_KEYS, "quantity"),
    "release": _HELD_KEYS,
}

# The names that the execution engine's own record has for the same things.
_RESULT_ALIASES: Final = {
    "quantity_filled": "quantity",
    "average_price": "price",
    "total_fees": "fees",
    "execution_time": "executed_at",
    "result_type": "result",
    "instrument_id": "instrument",
}

OrderEvent = Fill | ExecutionResult | Rejected | OrderStatus | Reservation | Release


class _OrderPart(NamedTuple):
    """What every event of an order may say beside its own keys."""

    trace: Trace | None
    account: str | None
    chain_id: int | None
    order_date: str | None
    book: str | None


def without_aliases(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a result's table under the usual names; KeyFault for one thing under two."""
    if _RESULT_ALIASES.keys().isdisjoint(values):
        return values
    renamed: dict[str, Any] = {}
    for key, value in values.items():
        name = _RESULT_ALIASES.get(key, key)
        if name != key and name in values:
            raise KeyFault(f"{key}: is another name for {name}, which is given too")
        renamed[name] = value
    return renamed


def _read_fill(table: Table) -> Fill:
    side = table.maybe("side", parse_side)
    quantity = read_quantity(table, side)
    if quantity == "0":
        raise KeyFault("quantity: must not be 0")
    return Fill(
        table.required("execution_id", parse_outside_id),
        table.required("order_id", parse_outside_id),
        table.required("venue", parse_outside_id),
        table.required("strategy_id", parse_strategy),
        table.required("instrument", parse_outside_id),
        quantity,
        table.required("price", parse_not_negative),
        table.required("executed_at", parse_moment),
        table.optional("fees", parse_fees, ()),
        table.maybe("quote_amount", parse_not_negative),
        table.maybe("decided_at", parse_moment),
        *_read_order_part(table),
    )


def _read_execution_result(table: Table) -> ExecutionResult:
    side = table.maybe("side", parse_side)
    quantity = read_quantity(table, side)
    price = table.maybe("price", parse_not_negative)
    if price is None and quantity != "0":
        raise KeyFault("price: is missing")
    return ExecutionResult(
        table.required("event_id", parse_outside_id),
        table.required("order_id", parse_outside_id),
        table.required("venue", parse_outside_id),
        table.required("strategy_id", parse_strategy),
        table.required("instrument", parse_outside_id),
        quantity,
        price,
        table.optional("result", parse_result, "filled"),
        table.required("executed_at", parse_moment),
        table.maybe("fees", parse_fees),
        table.maybe("quote_amount", parse_not_negative),
        table.maybe("decided_at", parse_moment),
        *_read_order_part(table),
    )


def _read_rejected(table: Table) -> Rejected:
    return Rejected(
        table.required("event_id", parse_outside_id),
        table.required("order_id", parse_outside_id),
        table.required("venue", parse_outside_id),
        table.required("executed_at", parse_moment),
        table.maybe("strategy_id", parse_strategy),
        table.maybe("instrument", parse_outside_id),
        table.maybe("side", parse_side),
        table.maybe("reason", parse_reason) or None,
        table.optional("fees", parse_fees, ()),
        *_read_order_part(table),
    )


def _read_order_status(table: Table) -> OrderStatus:
    return OrderStatus(
        table.required("event_id", parse_outside_id),
        table.required("order_id", parse_outside_id),
        table.required("venue", parse_outside_id),
        table.required("status", parse_status),
        table.required("executed_at", parse_moment),
        table.maybe("strategy_id", parse_strategy),
        table.maybe("instrument", parse_outside_id),
        table.maybe("side", parse_side),
        table.optional("fees", parse_fees, ()),
        *_read_order_part(table),
    )


def _read_order_part(table: Table) -> _OrderPart:
    return _OrderPart(
        table.maybe("trace", parse_trace),
        table.maybe("account", parse_outside_id),
        table.maybe("chain_id", parse_chain),
        table.maybe("order_date", parse_date),
        table.maybe("book", parse_outside_id),
    )


def _read_reservation(table: Table) -> Reservation:
    return Reservation(
        amount=table.required("amount", parse_positive),
        quantity=table.maybe("quantity", parse_positive),
        **_read_held_part(table),
    )


def _read_release(table: Table) -> Release:
    return Release(amount=table.maybe("amount", parse_positive), **_read_held_part(table))


def _read_held_part(table: Table) -> dict[str, Any]:
    check_place(table, is_needed=False)
    return {
        "event_id": table.required("event_id", parse_outside_id),
        "order_id": table.required("order_id", parse_outside_id),
        "venue": table.required("venue", parse_outside_id),
        "token": table.required("token", parse_outside_id),
        "executed_at": table.required("executed_at", parse_moment),
        "strategy_id": table.maybe("strategy_id", parse_strategy),
        "location": table.maybe("location", parse_outside_id),
        "account": table.maybe("account", parse_outside_id),
        "chain_id": table.maybe("chain_id", parse_chain),
        "order_date": table.maybe("order_date", parse_date),
        "book": table.maybe("book", parse_outside_id),
    }


READERS: Final[dict[str, Callable[[Table], OrderEvent]]] = {
    "fill": _read_fill,
    "execution_result": _read_execution_result,
    "rejected": _read_rejected,
    "order_status": _read_order_status,
    "reserve": _read_reservation,
    "release": _read_release,
}
