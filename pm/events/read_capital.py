"""Tables to capital flows, allocations and transfers.

A key that a step of a transfer could not act on is a fault: who sends it expects it to count.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from pm.decimals import Amount, bounded
from pm.events.event_values import (
    PLACE_KEYS,
    check_place,
    parse_chain,
    parse_moment,
    parse_nonzero,
    parse_outside_id,
    parse_side,
    parse_strategy,
    parse_trace,
    read_quantity,
    require_together,
)
from pm.events.model import (
    FLOW_KINDS,
    TRANSFER_STEPS,
    Allocation,
    CapitalFlow,
    Transfer,
    TransferStep,
)
from pm.reference.table import (
    KeyFault,
    Table,
    one_of,
    parse_not_negative,
    parse_number,
    parse_positive,
)

_COMMON_KEYS: Final = ("kind", "event_id", "executed_at", "strategy_id", "book")
_FLOW_KEYS: Final = (*_COMMON_KEYS, "token", "amount", "instrument", *PLACE_KEYS)
_KEYS_OF_STEPS: Final[dict[str, tuple[TransferStep, ...]]] = {
    "amount": ("sent", "whole"),
    "arrived": ("arrived", "whole"),
    "fee": ("arrived", "whole"),
    "to_instrument": ("arrived", "whole"),
    "rate": ("arrived", "whole"),
    "to_book": ("sent", "arrived"),
    "from_book": ("arrived",),
    "cost": ("arrived",),
}
KEYS: Final[dict[str, tuple[str, ...]]] = {
    "opening": (*_FLOW_KEYS, "side", "quantity", "cost"),
    "deposit": (*_FLOW_KEYS, "side", "quantity", "cost"),
    "withdrawal": _FLOW_KEYS,
    "allocation": (*_COMMON_KEYS, "token", "amount"),
    "transfer": (
        *_COMMON_KEYS, "transfer_id", "step", "token", "instrument", "to_token", "trace",
        *(f"{end}_{key}" for end in ("from", "to") for key in PLACE_KEYS), *_KEYS_OF_STEPS,
    ),
}  # fmt: skip

_parse_flow_kind: Final = one_of(FLOW_KINDS)
_parse_step: Final = one_of(TRANSFER_STEPS)

CapitalEvent = CapitalFlow | Allocation | Transfer


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
    side = table.maybe("side", parse_side)
    if side is not None and "quantity" not in table:
        raise KeyFault("side: needs a quantity beside it")
    return CapitalFlow(
        token=table.maybe("token", parse_outside_id),
        amount=table.maybe("amount", parse_number),
        quantity=read_quantity(table, side) if "quantity" in table else None,
        cost=table.maybe("cost", parse_number),
        **_read_flow_part(table),
    )


def _read_withdrawal(table: Table) -> CapitalFlow:
    require_together(table, "strategy_id", "instrument")
    check_place(table, is_needed=True)
    return CapitalFlow(
        token=table.required("token", parse_outside_id),
        amount=table.required("amount", parse_positive),
        **_read_flow_part(table),
    )


def _read_flow_part(table: Table) -> dict[str, Any]:
    return {
        "kind": table.required("kind", _parse_flow_kind),
        "event_id": table.required("event_id", parse_outside_id),
        "executed_at": table.required("executed_at", parse_moment),
        "strategy_id": table.maybe("strategy_id", parse_strategy),
        "instrument": table.maybe("instrument", parse_outside_id),
        "book": table.maybe("book", parse_outside_id),
        **_read_place(table, ""),
    }


def _read_place(table: Table, prefix: str) -> dict[str, Any]:
    return {
        f"{prefix}venue": table.maybe(f"{prefix}venue", parse_outside_id),
        f"{prefix}location": table.maybe(f"{prefix}location", parse_outside_id),
        f"{prefix}account": table.maybe(f"{prefix}account", parse_outside_id),
        f"{prefix}chain_id": table.maybe(f"{prefix}chain_id", parse_chain),
    }


def _read_allocation(table: Table) -> Allocation:
    return Allocation(
        event_id=table.required("event_id", parse_outside_id),
        strategy_id=table.required("strategy_id", parse_strategy),
        token=table.required("token", parse_outside_id),
        amount=table.required("amount", parse_nonzero),
        executed_at=table.required("executed_at", parse_moment),
        book=table.maybe("book", parse_outside_id),
    )


def _read_transfer(table: Table) -> Transfer:
    step = table.required("step", _parse_step)
    _check_keys_of_step(table, step)
    _check_books(table)
    goes, comes = step in ("sent", "whole"), step in ("arrived", "whole")
    if "instrument" in table and "strategy_id" not in table:
        raise KeyFault("strategy_id: is missing beside instrument")
    check_place(table, is_needed=goes, prefix="from_")
    check_place(table, is_needed=comes and "to_book" not in table, prefix="to_")
    amount = table.required("amount", parse_positive) if goes else None
    event_id = table.maybe("event_id", parse_outside_id)
    return Transfer(
        transfer_id=table.maybe("transfer_id", parse_outside_id)
        or event_id
        or table.required("transfer_id", parse_outside_id),
        step=step,
        token=table.required("token", parse_outside_id),
        executed_at=table.required("executed_at", parse_moment),
        amount=amount,
        arrived=_read_arrived(table) if comes else None,
        strategy_id=table.maybe("strategy_id", parse_strategy),
        instrument=table.maybe("instrument", parse_outside_id),
        **_read_place(table, "from_"),
        **_read_place(table, "to_"),
        to_token=table.maybe("to_token", parse_outside_id),
        to_instrument=table.maybe("to_instrument", parse_outside_id),
        rate=table.maybe("rate", parse_positive),
        to_book=table.maybe("to_book", parse_outside_id),
        from_book=table.maybe("from_book", parse_outside_id),
        cost=table.maybe("cost", parse_number),
        trace=table.maybe("trace", parse_trace),
        book=table.maybe("book", parse_outside_id),
    )


def _check_keys_of_step(table: Table, step: TransferStep) -> None:
    for key, steps in _KEYS_OF_STEPS.items():
        # Beside a fee, the amount of an arrival tells what arrived.
        if key in table and step not in steps and not (key == "amount" and "fee" in table):
            raise KeyFault(f"{key}: belongs to step {' or '.join(steps)}, not {step}")


def _check_books(table: Table) -> None:
    """Refuse keys that another book, or nobody, would have to act on."""
    if "to_book" in table:
        for key in ("from_book", "to_instrument", "rate"):
            if key in table:
                raise KeyFault(f"{key}: cannot stand beside to_book")
    if "from_book" in table:
        if require_together(table, "to_instrument", "cost") and "strategy_id" not in table:
            raise KeyFault("strategy_id: is missing beside cost")
    elif "cost" in table:
        raise KeyFault("cost: needs from_book beside it")
    if "rate" in table and "to_instrument" not in table:
        raise KeyFault("rate: needs to_instrument beside it")


def _read_arrived(table: Table) -> str:
    """Return what arrived, stated or as what a fee leaves of the amount; always more than 0."""
    if "fee" not in table:
        return table.required("arrived", parse_positive)
    if "arrived" in table:
        raise KeyFault("fee: says the same as arrived, which is given too")
    amount = table.required("amount", parse_positive)
    fee = table.required("fee", parse_not_negative)
    arrived = Amount.parse(amount) - Amount.parse(fee)
    if arrived.sign <= 0:
        raise KeyFault(f"fee: must be less than the amount, {amount}, not {fee}")
    try:
        return str(bounded(arrived, "fee"))
    except ValueError as error:
        raise KeyFault(str(error)) from None


READERS: Final[dict[str, Callable[[Table], CapitalEvent]]] = {
    "opening": _read_flow,
    "deposit": _read_flow,
    "withdrawal": _read_withdrawal,
    "allocation": _read_allocation,
    "transfer": _read_transfer,
}
