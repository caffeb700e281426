"""What the books must hold at the end, worked out apart from the rules that keep them.

Only sums are kept: quantities, notionals, fees and balances. They say everything that does not
depend on the order of events, for a position also `cost - realized P&L`, which is the sum of its
notionals however often it was opened, closed or turned. A future's balance is known once it is flat
again: then all it made is minus the sum of its notionals.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from pm.decimals import ZERO, Amount, divide
from pm.demo.desk import book_of
from pm.reference.chains import location
from pm.reference.records import Instrument
from pm.reference.snapshot import Reference

_INVERSE_DECIMALS = 18


class PositionKey(NamedTuple):
    """One strategy's position in one instrument."""

    book: str
    strategy: int
    instrument: str


class BalanceKey(NamedTuple):
    """One token at one location, as one book knows it."""

    book: str
    location: str
    token: str


@dataclass(slots=True)
class PositionTotals:
    """Sums over a position's executions; `notional` is signed, fees are per token."""

    quantity: Amount = ZERO
    notional: Amount = ZERO
    fees: dict[str, Amount] = field(default_factory=dict)


class Trade(NamedTuple):
    """What an execution adds: signed quantity, the notional of it, and a fee.

    `price` is the average one that a fee in the base token is valued at.
    """

    quantity: Amount
    notional: Amount
    fee: Amount
    price: Amount


class Ledger:
    """The sums so far."""

    def __init__(self, reference: Reference) -> None:
        self.positions: dict[PositionKey, PositionTotals] = {}
        self.balances: dict[BalanceKey, Amount] = {}
        self._instruments: Mapping[str, Instrument] = reference.instruments

    def fund(self, book: str, place: str, token: str, amount: Amount) -> None:
        """An amount comes in, or goes out below zero."""
        key = BalanceKey(book, place, token)
        self.balances[key] = self.balances.get(key, ZERO) + amount

    def open_position(self, strategy: int, instrument: str, quantity: Amount, cost: Amount) -> None:
        """A position that was held before, at what it cost."""
        totals = self._totals(strategy, instrument)
        totals.quantity += quantity
        totals.notional += cost

    def chain_id(self, instrument: str) -> int:
        """The chain an instrument is traded on, 0 off chain."""
        return self._instruments[instrument].chain_id

    def notional(self, instrument: str, quantity: Amount, price: Amount) -> Amount:
        """Signed notional of a signed quantity; that of an inverse contract is in coin."""
        known = self._instruments[instrument]
        size = quantity * Amount.parse(known.multiplier)
        return divide(-size, price, _INVERSE_DECIMALS) if known.inverse else size * price

    def quantity(self, strategy: int, instrument: str) -> Amount:
        """The signed quantity held now."""
        totals = self.positions.get(PositionKey(book_of(strategy), strategy, instrument))
        return ZERO if totals is None else totals.quantity

    def trade(self, strategy: int, instrument: str, trade: Trade, *, buys: bool) -> None:
        """Add one execution, or the part of one that a cumulative report told anew."""
        known = self._instruments[instrument]
        totals = self._totals(strategy, instrument)
        totals.quantity += trade.quantity
        totals.notional += trade.notional
        book, place = book_of(strategy), location(known.venue, None, known.chain_id)
        if known.kind in ("spot", "equity"):
            self.fund(book, place, known.base, trade.quantity)
            self.fund(book, place, known.quote, -trade.notional)
        else:
            self.fund(book, place, known.settlement, -trade.notional)
        if trade.fee:
            self._charge(totals, known, trade, known.fee_token_of(is_buy=buys))
            self.fund(book, place, known.fee_token_of(is_buy=buys), -trade.fee)

    def _charge(self, totals: PositionTotals, known: Instrument, trade: Trade, token: str) -> None:
        totals.fees[token] = totals.fees.get(token, ZERO) + trade.fee
        if known.kind == "spot" and token == known.base:
            # Tokens kept back are no longer held, at the price they were bought for.
            totals.quantity -= trade.fee
            totals.notional -= trade.fee * trade.price

    def _totals(self, strategy: int, instrument: str) -> PositionTotals:
        key = PositionKey(book_of(strategy), strategy, instrument)
        return self.positions.setdefault(key, PositionTotals())
