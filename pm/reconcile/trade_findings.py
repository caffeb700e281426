"""What a comparison of trades is over and what it gives, and how trades read in a break."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from pm.breaks.found import Event, Found
from pm.decimals import Amount
from pm.reconcile.booked import BookedTrade
from pm.statements.statement import ToldTrade

_NS_PER_MS: Final = 1_000_000


class Span(NamedTuple):
    """The time a statement's trades are complete for, in ns; None is not known."""

    since_ns: int | None
    until_ns: int | None

    @classmethod
    def of(cls, trades: Iterable[ToldTrade], since_ns: int | None, until_ns: int | None) -> Span:
        """As stated, else from the first to the last trade that was told."""
        times = [each.executed_at_ns for each in trades if each.executed_at_ns is not None]
        first, last = (min(times), max(times)) if times else (None, None)
        return cls(first if since_ns is None else since_ns, last if until_ns is None else until_ns)

    def has(self, time_ns: int) -> bool:
        """Whether a trade of that time, to the millisecond, must have been told."""
        if self.since_ns is None or self.until_ns is None:
            return False
        first, last = self.since_ns // _NS_PER_MS, self.until_ns // _NS_PER_MS
        return first <= time_ns // _NS_PER_MS <= last


class Parted(NamedTuple):
    """A trade the two sides do not have alike: when, in what, and what it is here."""

    time_ns: int
    instrument: str
    event: Event


@dataclass(slots=True)
class TradeComparison:
    """What was found, in order of time, and every subject that was looked at."""

    found: list[Found] = field(default_factory=list)
    parted: list[Parted] = field(default_factory=list)
    compared: set[tuple[str, str]] = field(default_factory=set)


def booked_text(trade: BookedTrade) -> str:
    """A booked trade for people: `buy 1.5 at 100, fee 0.1 USDT`."""
    return _shown(trade.quantity, trade.price, trade.cost, trade.fees)


def told_text(trade: ToldTrade) -> str:
    """A told trade in the same words."""
    return _shown(trade.quantity, trade.price, trade.cost, dict(trade.fees or ()))


def _shown(
    quantity: Amount, price: Amount | None, cost: Amount | None, fees: Mapping[str, Amount]
) -> str:
    side = "buy" if quantity.sign > 0 else "sell"
    text = f"{side} {abs(quantity)}"
    if price is not None:
        text += f" at {price}"
    elif cost is not None:
        text += f" for {abs(cost)}"
    return text + fees_text(fees)


def fees_text(fees: Mapping[str, Amount]) -> str:
    """What follows a quantity where there are fees."""
    told = ", ".join(f"{fees[token]} {token}" for token in sorted(fees) if fees[token])
    return f", fee {told}" if told else ""
