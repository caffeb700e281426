"""One key-value table to one checked event: what each kind needs, and what its keys may hold.

The table is what JSON or msgpack gave, with every number kept as text or as an exact integer. Ids
are taken in their outside spelling and escaped here, once. Any fault refuses the whole event, and
an unknown key is a fault: a misspelt `quote_amount` would otherwise change a notional unseen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from pm.events.event_values import (
    check_place,
    parse_date,
    parse_fees,
    parse_outside_id,
    parse_reason,
    parse_result,
    parse_status,
    parse_trace,
    read_quantity,
    require_together,
)
from pm.events.model import (
    MAX_STRATEGY_ID,
    SIDES,
    CapitalFlow,
    Event,
    EventError,
    ExecutionResult,
    Fill,
    FlowKind,
    OrderStatus,
    Rejected,
    Trace,
)
from pm.reference.table import (
    MAX_TIME,
    KeyFault,
    Table,
    one_of,
    parse_not_negative,
    parse_number,
    whole_number,
)

_ORDER_KEYS: Final = (
    "kind", "order_id", "venue", "executed_at", "strategy_id", "instrument", "side", "fees",
    "trace", "account", "chain_id", "order_date", "book",
)  # fmt: skip
_TRADE_KEYS: Final = (*_ORDER_KEYS, "quantity", "price", "quote_amount", "decided_at")
_KEYS: Final[dict[str, tuple[str, ...]]] = {
    "fill": (*_TRADE_KEYS, "execution_id"),
    "execution_result": (*_TRADE_KEYS, "event_id", "result"),
    "rejected": (*_ORDER_KEYS, "event_id", "reason"),
    "order_status": (*_ORDER_KEYS, "event_id", "status"),
    **dict.fromkeys(
        ("opening", "deposit"),
        (
            "kind", "event_id", "executed_at", "token", "amount", "strategy_id", "instrument",
            "side", "quantity", "cost", "venue", "location", "account", "chain_id", "book",
        ),
    ),
}  # fmt: skip

# The names that the execution engine's own record has for the same things.
_RESULT_ALIASES: Final = {
    "quantity_filled": "quantity",
    "average_price": "price",
    "total_fees": "fees",
    "execution_time": "executed_at",
    "result_type": "result",
    "instrument_id": "instrument",
}
_FLOW_KINDS: Final[tuple[FlowKind, ...]] = ("opening", "deposit")

_parse_kind: Final = one_of(tuple(_KEYS))
_parse_flow_kind: Final = one_of(_FLOW_KINDS)
_parse_side: Final = one_of(SIDES)
_parse_strategy: Final = whole_number(0, MAX_STRATEGY_ID)
_parse_chain: Final = whole_number(0, (1 << 32) - 1)
_parse_time: Final = whole_number(1, MAX_TIME)


def read_event(values: Mapping[str, Any]) -> Event:
    """Return the event a table describes; EventError names the kind and the first wrong key."""
    try:
        kind = Table(values).required("kind", _parse_kind)
    except KeyFault as error:
        raise EventError(str(error)) from None
    try:
        if kind == "execution_result":
            values = _without_aliases(values)
        table = Table(values)
        table.refuse_unknown(_KEYS[kind])
        return _READERS[kind](table)
    except KeyFault as error:
        raise EventError(f"{kind}: {error}") from None


class _OrderPart(NamedTuple):
    """What every event of an order may say beside its own keys."""

    trace: Trace | None
    account: str | None
    chain_id: int | None
    order_date: str | None
    book: str | None


def _without_aliases(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the table under the usual names; KeyFault for a thing that is given under two."""
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
    side = table.maybe("side", _parse_side)
    quantity = read_quantity(table, side)
    if quantity == "0":
        raise KeyFault("quantity: must not be 0")
    return Fill(
        table.required("execution_id", parse_outside_id),
        table.required("order_id", parse_outside_id),
        table.required("venue", parse_outside_id),
        table.required("strategy_id", _parse_strategy),
        table.required("instrument", parse_outside_id),
        quantity,
        table.required("price", parse_not_negative),
        table.required("executed_at", _parse_time),
        table.optional("fees", parse_fees, ()),
        table.maybe("quote_amount", parse_not_negative),
        table.maybe("decided_at", _parse_time),
        *_read_order_part(table),
    )


def _read_execution_result(table: Table) -> ExecutionResult:
    side = table.maybe("side", _parse_side)
    quantity = read_quantity(table, side)
    price = table.maybe("price", parse_not_negative)
    if price is None and quantity != "0":
        raise KeyFault("price: is missing")
    return ExecutionResult(
        table.required("event_id", parse_outside_id),
        table.required("order_id", parse_outside_id),
        table.required("venue", parse_outside_id),
        table.required("strategy_id", _parse_strategy),
        table.required("instrument", parse_outside_id),
        quantity,
        price,
        table.optional("result", parse_result, "filled"),
        table.required("executed_at", _parse_time),
        table.maybe("fees", parse_fees),
        table.maybe("quote_amount", parse_not_negative),
        table.maybe("decided_at", _parse_time),
        *_read_order_part(table),
    )


def _read_rejected(table: Table) -> Rejected:
    return Rejected(
        table.required("event_id", parse_outside_id),
        table.required("order_id", parse_outside_id),
        table.required("venue", parse_outside_id),
        table.required("executed_at", _parse_time),
        table.maybe("strategy_id", _parse_strategy),
        table.maybe("instrument", parse_outside_id),
        table.maybe("side", _parse_side),
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
        table.required("executed_at", _parse_time),
        table.maybe("strategy_id", _parse_strategy),
        table.maybe("instrument", parse_outside_id),
        table.maybe("side", _parse_side),
        table.optional("fees", parse_fees, ()),
        *_read_order_part(table),
    )


def _read_order_part(table: Table) -> _OrderPart:
    return _OrderPart(
        table.maybe("trace", parse_trace),
        table.maybe("account", parse_outside_id),
        table.maybe("chain_id", _parse_chain),
        table.maybe("order_date", parse_date),
        table.maybe("book", parse_outside_id),
    )


def _read_flow(table: Table) -> CapitalFlow:
    has_balance = require_together(table, "token", "amount")
    has_position = require_together(table, "strategy_id", "instrument", "cost")
    if not has_balance and not has_position:
        raise KeyFault("token: is missing")
    if has_position and not has_balance and "quantity" not in table:
        raise KeyFault("quantity: is missing")
    for key in ("quantity", "side"):
        if key in table and not has_position:
            raise KeyFault(f"{key}: needs strategy_id, instrument and cost beside it")
    check_place(table, is_needed=has_balance)
    side = table.maybe("side", _parse_side)
    if side is not None and "quantity" not in table:
        raise KeyFault("side: needs a quantity beside it")
    return CapitalFlow(
        kind=table.required("kind", _parse_flow_kind),
        event_id=table.required("event_id", parse_outside_id),
        executed_at=table.required("executed_at", _parse_time),
        token=table.maybe("token", parse_outside_id),
        amount=table.maybe("amount", parse_number),
        strategy_id=table.maybe("strategy_id", _parse_strategy),
        instrument=table.maybe("instrument", parse_outside_id),
        quantity=read_quantity(table, side) if "quantity" in table else None,
        cost=table.maybe("cost", parse_number),
        venue=table.maybe("venue", parse_outside_id),
        location=table.maybe("location", parse_outside_id),
        account=table.maybe("account", parse_outside_id),
        chain_id=table.maybe("chain_id", _parse_chain),
        book=table.maybe("book", parse_outside_id),
    )


_READERS: Final[dict[str, Callable[[Table], Event]]] = {
    "fill": _read_fill,
    "execution_result": _read_execution_result,
    "rejected": _read_rejected,
    "order_status": _read_order_status,
    "opening": _read_flow,
    "deposit": _read_flow,
}
