"""What a book holds, as valuation reads it: positions, balances, totals, what is on its way."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pm.decimals import ONE, ZERO, Amount

POSITION_FIELDS: Final = (
    "quantity",
    "cost",
    "instrument_kind",
    "base",
    "quote",
    "settlement",
    "multiplier",
    "inverse",
    "location",
    "mark",
    "mark_time",
    "mark_stale",
    "market_value",
    "seq",
)
TOTALS: Final = ("realized_pnl", "carry", "transfer_cost", "fee_value")
TOKEN_TOTALS: Final = ("fees_unvalued", "allocated")


@dataclass(slots=True, kw_only=True)
class HeldPosition:
    """An open position; `mark` is the text stored with it, "" when it has none."""

    strategy: str
    instrument: str
    kind: str
    base: str
    quote: str
    settlement: str
    multiplier: Amount
    inverse: bool
    location: str
    quantity: Amount
    cost: Amount
    mark: str
    mark_time: str
    mark_stale: str
    market_value: str
    seq: int

    @property
    def member(self) -> str:
        """Its name in the book's lists."""
        return f"{self.strategy}:{self.instrument}"


@dataclass(frozen=True, slots=True)
class HeldBalance:
    """One token at one location."""

    location: str
    token: str
    total: Amount
    available: Amount


@dataclass(slots=True)
class StrategyTotals:
    """A strategy's sums by settlement token, and by token what it was allocated and fees owed."""

    seq: int = 0
    realized_pnl: dict[str, Amount] = field(default_factory=dict)
    carry: dict[str, Amount] = field(default_factory=dict)
    transfer_cost: dict[str, Amount] = field(default_factory=dict)
    fee_value: dict[str, Amount] = field(default_factory=dict)
    fees_unvalued: dict[str, Amount] = field(default_factory=dict)
    allocated: dict[str, Amount] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PendingTransfer:
    """A position that has left one place and not arrived at another."""

    strategy: str
    instrument: str
    quantity: Amount
    cost: Amount


def position_of(strategy: str, instrument: str, values: Sequence[Any]) -> HeldPosition:
    """A position from the values of `POSITION_FIELDS` of its hash."""
    (quantity, cost, kind, base, quote, settlement, multiplier, inverse, location) = values[:9]
    mark, mark_time, mark_stale, market_value, seq = values[9:]
    return HeldPosition(
        strategy=strategy,
        instrument=instrument,
        kind=kind,
        base=base,
        quote=quote,
        settlement=settlement,
        multiplier=ONE if multiplier in (None, "1") else Amount.parse(multiplier),
        inverse=inverse == "1",
        location=location or "",
        quantity=Amount.parse(quantity),
        cost=Amount.parse(cost),
        mark=mark or "",
        mark_time=mark_time or "",
        mark_stale=mark_stale or "0",
        market_value=market_value or "",
        seq=int(seq),
    )


def pending_of(told: Mapping[str, Any]) -> PendingTransfer | None:
    """What a transfer has in flight of a position; None when it is nothing, or has ended."""
    quantity = Amount.parse(told.get("quantity") or "0")
    if told["kind"] != "transfer" or told["status"] != "in_flight" or not quantity:
        return None
    cost = Amount.parse(told.get("cost") or "0")
    return PendingTransfer(told["strategy"], told["instrument"], quantity, cost)


def amounts_of(text: str | None) -> dict[str, Amount]:
    """A map of amounts from JSON text; empty for none."""
    if not text or text == "{}":
        return {}
    return {token: Amount.parse(amount) for token, amount in json.loads(text).items()}


def add_text(amounts: dict[str, Amount], token: str, text: str) -> None:
    """Add an amount, given as text, to a map of them."""
    amounts[token] = amounts.get(token, ZERO) + Amount.parse(text)
