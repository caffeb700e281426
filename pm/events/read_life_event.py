"""Tables to what happens to instruments: funding, dividends, splits, and the ends of contracts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from pm.events.event_values import (
    PLACE_KEYS,
    check_place,
    parse_chain,
    parse_moment,
    parse_outside_id,
    parse_strategy,
    require_together,
)
from pm.events.model import (
    DIVIDEND_STEPS,
    Dividend,
    DividendStep,
    Exercise,
    Expiry,
    Funding,
    LifeEvent,
    Settlement,
    Split,
)
from pm.reference.table import (
    KeyFault,
    Table,
    one_of,
    parse_flag,
    parse_not_negative,
    parse_number,
    parse_positive,
)

_COMMON_KEYS: Final = (
    "kind", "event_id", "executed_at", "instrument", "strategy_id", *PLACE_KEYS, "book",
)  # fmt: skip
KEYS: Final[dict[str, tuple[str, ...]]] = {
    "funding": (*_COMMON_KEYS, "token", "amount", "rate", "price"),
    "dividend": (*_COMMON_KEYS, "dividend_id", "step", "token", "amount", "rate"),
    "split": (*_COMMON_KEYS, "numerator", "denominator", "price"),
    "expiry": _COMMON_KEYS,
    "exercise": (
        *_COMMON_KEYS, "quantity", "intrinsic", "settlement_price", "physical", "underlying",
    ),
    "settlement": (*_COMMON_KEYS, "price", "final"),
}  # fmt: skip
_KEYS_OF_STEPS: Final[dict[str, tuple[DividendStep, ...]]] = {
    "rate": ("ex", "whole"),
    "amount": ("paid", "whole"),
}

_parse_step: Final = one_of(DIVIDEND_STEPS)


def _read_funding(table: Table) -> Funding:
    if not require_together(table, "rate", "price") and "amount" not in table:
        raise KeyFault("amount: is missing, or rate and price")
    return Funding(
        event_id=table.required("event_id", parse_outside_id),
        amount=table.maybe("amount", parse_number),
        rate=table.maybe("rate", parse_number),
        price=table.maybe("price", parse_not_negative),
        token=table.maybe("token", parse_outside_id),
        **_read_common_part(table),
    )


def _read_dividend(table: Table) -> Dividend:
    step = table.required("step", _parse_step)
    for key, steps in _KEYS_OF_STEPS.items():
        if key in table and step not in steps:
            raise KeyFault(f"{key}: belongs to step {' or '.join(steps)}, not {step}")
    event_id = table.maybe("event_id", parse_outside_id)
    return Dividend(
        dividend_id=table.maybe("dividend_id", parse_outside_id)
        or event_id
        or table.required("dividend_id", parse_outside_id),
        step=step,
        rate=None if step == "paid" else table.required("rate", parse_positive),
        amount=table.maybe("amount", parse_number),
        token=table.maybe("token", parse_outside_id),
        **_read_common_part(table),
    )


def _read_split(table: Table) -> Split:
    return Split(
        event_id=table.required("event_id", parse_outside_id),
        numerator=table.required("numerator", parse_positive),
        denominator=table.required("denominator", parse_positive),
        price=table.maybe("price", parse_not_negative),
        **_read_common_part(table),
    )


def _read_expiry(table: Table) -> Expiry:
    return Expiry(event_id=table.required("event_id", parse_outside_id), **_read_common_part(table))


def _read_exercise(table: Table) -> Exercise:
    physical = table.optional("physical", parse_flag, False)
    given = [key for key in ("intrinsic", "settlement_price") if key in table]
    if physical:
        given.append("physical")
    if not given:
        raise KeyFault("intrinsic: is missing, or settlement_price, or physical")
    if len(given) > 1:
        raise KeyFault(f"{given[1]}: cannot stand beside {given[0]}")
    if "underlying" in table and not physical:
        raise KeyFault("underlying: needs physical beside it")
    if "quantity" in table and "strategy_id" not in table:
        raise KeyFault("strategy_id: is missing beside quantity")
    return Exercise(
        event_id=table.required("event_id", parse_outside_id),
        intrinsic=table.maybe("intrinsic", parse_not_negative),
        settlement_price=table.maybe("settlement_price", parse_not_negative),
        physical=physical,
        underlying=table.maybe("underlying", parse_outside_id),
        quantity=table.maybe("quantity", parse_positive),
        **_read_common_part(table),
    )


def _read_settlement(table: Table) -> Settlement:
    return Settlement(
        event_id=table.required("event_id", parse_outside_id),
        price=table.required("price", parse_not_negative),
        final=table.optional("final", parse_flag, False),
        **_read_common_part(table),
    )


def _read_common_part(table: Table) -> dict[str, Any]:
    check_place(table, is_needed=False)
    return {
        "instrument": table.required("instrument", parse_outside_id),
        "executed_at": table.required("executed_at", parse_moment),
        "strategy_id": table.maybe("strategy_id", parse_strategy),
        "venue": table.maybe("venue", parse_outside_id),
        "location": table.maybe("location", parse_outside_id),
        "account": table.maybe("account", parse_outside_id),
        "chain_id": table.maybe("chain_id", parse_chain),
        "book": table.maybe("book", parse_outside_id),
    }


READERS: Final[dict[str, Callable[[Table], LifeEvent]]] = {
    "funding": _read_funding,
    "dividend": _read_dividend,
    "split": _read_split,
    "expiry": _read_expiry,
    "exercise": _read_exercise,
    "settlement": _read_settlement,
}
