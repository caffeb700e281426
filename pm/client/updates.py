"""What the feed delivers: one message for each journal entry that changed something.

A message is a pure function of its entry, so what was missed on the channel is built again, byte
for byte, from the journal. `lua/lib/journal.lua` writes the same text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pm.client.amounts import parse_amount, parse_amounts, parse_optional, parse_time
from pm.client.results import Amounts
from pm.decimals import Amount

UpdateType = Literal[
    "position_opened",
    "position_modified",
    "position_closed",
    "balance_changed",
    "trace_stranded",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionFigures:
    """The figures of a position as an update tells them; see `results.Position`."""

    quantity: Amount
    avg_cost_basis: Amount | None
    cost: Amount
    realized_pnl: Amount
    fees_paid: Amounts
    fee_value: Amount
    fees_unvalued: Amounts
    carry: Amount
    transfer_cost: Amount
    total_trades: int
    first_trade_time: int | None
    last_update_time: int
    trip_realized_pnl: Amount
    trip_fee_value: Amount
    trip_carry: Amount


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionChange:
    """A position before and after; `old_position` is None for one that never existed."""

    update_type: UpdateType
    strategy_id: str
    instrument_id: str
    old_position: PositionFigures | None
    new_position: PositionFigures


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceFigures:
    """The figures of a balance as an update tells them."""

    available: Amount
    reserved: Amount
    total: Amount


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceChange:
    """A balance before and after; `old_balance` is None for one that never existed."""

    update_type: UpdateType
    location: str
    chain_id: str
    token: str
    old_balance: BalanceFigures | None
    new_balance: BalanceFigures


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceStranded:
    """A trace that ended with assets left: their net amounts, and where they are.

    `locations` has an amount for each `<location>:<asset>`.
    """

    update_type: UpdateType
    trace_id: str
    stranded: Amounts
    locations: Amounts


Change = PositionChange | BalanceChange | TraceStranded


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """All changes of one journal entry, in its order; a flip is a close and an opening.

    `previous_seq` is the seq of the update before this one (0: none), `timestamp` when the event
    was executed. `text` is the message as it was published.
    """

    book: str
    seq: int
    previous_seq: int
    timestamp: int | None
    changes: tuple[Change, ...]
    text: str = field(repr=False, metadata={"in_json": False})


def message_text(book: str, seq: int, entry: Mapping[str, str]) -> str:
    """The message of a journal entry, from its fields as the stream holds them."""
    executed_at = json.loads(entry["facts"]).get("executed_at", "")
    return (
        f'{{"book":"{book}","seq":"{seq}","previous_seq":"{entry["previous_update"]}",'
        f'"timestamp":"{executed_at}","changes":{entry["changes"]}}}'
    )


def parse_update(text: str) -> Update:
    """The update a message tells of; ValueError if it is no such message."""
    try:
        told = json.loads(text)
        return Update(
            book=told["book"],
            seq=int(told["seq"]),
            previous_seq=int(told["previous_seq"]),
            timestamp=parse_time(told["timestamp"]),
            changes=parse_changes(told["changes"]),
            text=text,
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not an update: {text[:80]}") from error


def parse_changes(told: list[dict[str, Any]]) -> tuple[Change, ...]:
    """The changes of a message, or of a journal entry, from decoded JSON."""
    return tuple(_change(change) for change in told)


def _change(told: dict[str, Any]) -> Change:
    if told["type"] == "balance_changed":
        return BalanceChange(
            update_type=told["type"],
            location=told["location"],
            chain_id=told["chain_id"],
            token=told["token"],
            old_balance=None if told["old"] is None else _balance(told["old"]),
            new_balance=_balance(told["new"]),
        )
    if told["type"] == "trace_stranded":
        return TraceStranded(
            update_type=told["type"],
            trace_id=told["trace_id"],
            stranded=parse_amounts(told["stranded"]),
            locations=parse_amounts(told["locations"]),
        )
    return PositionChange(
        update_type=told["type"],
        strategy_id=told["strategy_id"],
        instrument_id=told["instrument"],
        old_position=None if told["old"] is None else _position(told["old"]),
        new_position=_position(told["new"]),
    )


def _balance(told: dict[str, str]) -> BalanceFigures:
    return BalanceFigures(
        available=parse_amount(told["available"]),
        reserved=parse_amount(told["reserved"]),
        total=parse_amount(told["total"]),
    )


def _position(told: dict[str, Any]) -> PositionFigures:
    return PositionFigures(
        quantity=parse_amount(told["quantity"]),
        avg_cost_basis=parse_optional(told["avg_cost_basis"]),
        cost=parse_amount(told["cost"]),
        realized_pnl=parse_amount(told["realized_pnl"]),
        fees_paid=parse_amounts(told["fees_paid"]),
        fee_value=parse_amount(told["fee_value"]),
        fees_unvalued=parse_amounts(told["fees_unvalued"]),
        carry=parse_amount(told["carry"]),
        transfer_cost=parse_amount(told["transfer_cost"]),
        total_trades=int(told["total_trades"]),
        first_trade_time=parse_time(told["first_trade_time"]),
        last_update_time=int(told["last_update_time"]),
        trip_realized_pnl=parse_amount(told["trip_realized_pnl"]),
        trip_fee_value=parse_amount(told["trip_fee_value"]),
        trip_carry=parse_amount(told["trip_carry"]),
    )
