"""Tables to busts and corrections of trades, and to adjustments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from pm.events.event_values import (
    PLACE_KEYS,
    check_place,
    parse_chain,
    parse_date,
    parse_fees,
    parse_moment,
    parse_nonzero,
    parse_outside_id,
    parse_side,
    parse_strategy,
    parse_words,
    read_quantity,
    require_together,
)
from pm.events.model import Adjustment, Bust, Correct, CorrectionEvent, Fee
from pm.reference.table import KeyFault, Table, parse_flag, parse_not_negative, parse_number

_COMMON_KEYS: Final = ("kind", "event_id", "executed_at", "by", "why", "strategy_id", "book")
_TRADE_KEYS: Final = (*_COMMON_KEYS, "execution_id", "order_id", "venue", "order_date")
_TERMS: Final = ("quantity", "price", "quote_amount", "fees")
KEYS: Final[dict[str, tuple[str, ...]]] = {
    "bust": (*_TRADE_KEYS, "keep_fees"),
    "correct": (*_TRADE_KEYS, *_TERMS, "side"),
    "adjustment": (
        *_COMMON_KEYS, "break_id", "token", "amount", "instrument", "side", "quantity", "cost",
        *PLACE_KEYS,
    ),
}  # fmt: skip


def _read_bust(table: Table) -> Bust:
    return Bust(keep_fees=table.optional("keep_fees", parse_flag, False), **_read_trade_part(table))


def _read_correct(table: Table) -> Correct:
    if not any(key in table for key in _TERMS):
        raise KeyFault("quantity: is missing, or price, quote_amount or fees")
    side = table.maybe("side", parse_side)
    if side is not None and "quantity" not in table:
        raise KeyFault("side: needs a quantity beside it")
    quantity = read_quantity(table, side) if "quantity" in table else None
    if quantity == "0":
        raise KeyFault("quantity: must not be 0, that is a bust")
    return Correct(
        quantity=quantity,
        price=table.maybe("price", parse_not_negative),
        quote_amount=table.maybe("quote_amount", parse_not_negative),
        fees=_with_tokens(table.maybe("fees", parse_fees)),
        **_read_trade_part(table),
    )


def _with_tokens(fees: tuple[Fee, ...] | None) -> tuple[Fee, ...] | None:
    for place, fee in enumerate(fees or ()):
        if fee.token is None:
            raise KeyFault(f"fees[{place}].token: is missing")
    return fees


def _read_trade_part(table: Table) -> dict[str, Any]:
    return {
        "execution_id": table.required("execution_id", parse_outside_id),
        "order_id": table.required("order_id", parse_outside_id),
        "venue": table.required("venue", parse_outside_id),
        "order_date": table.maybe("order_date", parse_date),
        **_read_common_part(table),
    }


def _read_common_part(table: Table) -> dict[str, Any]:
    return {
        "event_id": table.required("event_id", parse_outside_id),
        "executed_at": table.required("executed_at", parse_moment),
        "by": table.required("by", parse_words),
        "why": table.required("why", parse_words),
        "strategy_id": table.maybe("strategy_id", parse_strategy),
        "book": table.maybe("book", parse_outside_id),
    }


def _read_adjustment(table: Table) -> Adjustment:
    has_balance = require_together(table, "token", "amount")
    has_position = require_together(table, "strategy_id", "instrument", "quantity", "cost")
    if not has_balance and not has_position:
        raise KeyFault("token: is missing, or strategy_id, instrument, quantity and cost")
    check_place(table, is_needed=has_balance)
    side = table.maybe("side", parse_side)
    if side is not None and not has_position:
        raise KeyFault("side: needs a quantity beside it")
    quantity = read_quantity(table, side) if has_position else None
    if quantity == "0":
        raise KeyFault("quantity: must not be 0")
    return Adjustment(
        break_id=table.maybe("break_id", parse_outside_id),
        token=table.maybe("token", parse_outside_id),
        amount=table.maybe("amount", parse_nonzero),
        instrument=table.maybe("instrument", parse_outside_id),
        quantity=quantity,
        cost=table.maybe("cost", parse_number),
        venue=table.maybe("venue", parse_outside_id),
        location=table.maybe("location", parse_outside_id),
        account=table.maybe("account", parse_outside_id),
        chain_id=table.maybe("chain_id", parse_chain),
        **_read_common_part(table),
    )


READERS: Final[dict[str, Callable[[Table], CorrectionEvent]]] = {
    "bust": _read_bust,
    "correct": _read_correct,
    "adjustment": _read_adjustment,
}
