"""What the books must hold at the end, worked out apart from the rules that keep them.

Legs are entered in the order in which the relay tells them, which is that of the books; everything
else depends on no order. A future pays out what is realized, everything else what is exchanged.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Final, NamedTuple

from pm.demo.desk import book_of
from pm.demo.exact import ZERO, part_of
from pm.demo.holding import Holding
from pm.reference.chains import location
from pm.reference.records import Instrument
from pm.reference.snapshot import Reference

FUTURES: Final = frozenset({"future", "perpetual"})
_INVERSE_DECIMALS: Final = 18


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


class Trade(NamedTuple):
    """What an execution adds: signed quantity, the notional of it, and a fee.

    `price` is the average one that a fee in the base token is valued at.
    """

    quantity: Fraction
    notional: Fraction
    fee: Fraction
    price: Fraction


class TradeName(NamedTuple):
    """How a venue names a trade, within itself."""

    order_id: int
    execution_id: int


class NamedTrade(NamedTuple):
    """A trade that its venue can name again, and its place among the legs of its position."""

    key: PositionKey
    name: TradeName
    trade: Trade
    leg: int

    @property
    def buys(self) -> bool:
        """Whether it is a purchase."""
        return self.trade.quantity > 0


class Ledger:
    """The sums so far; `named` are the trades that have an execution id, in order."""

    def __init__(self, reference: Reference) -> None:
        self.reference: Final = reference
        self.positions: dict[PositionKey, Holding] = {}
        self.balances: dict[BalanceKey, Fraction] = {}
        self.allocated: dict[int, dict[str, Fraction]] = {}
        self.named: list[NamedTrade] = []

    def fund(self, book: str, place: str, token: str, amount: Fraction) -> None:
        """An amount comes in, or goes out below zero."""
        key = BalanceKey(book, place, token)
        self.balances[key] = self.balances.get(key, ZERO) + amount

    def allocate(self, strategy: int, token: str, amount: Fraction) -> None:
        """Capital that a strategy works with; no balance moves."""
        given = self.allocated.setdefault(strategy, {})
        given[token] = given.get(token, ZERO) + amount

    def open_position(
        self, strategy: int, instrument: str, quantity: Fraction, cost: Fraction
    ) -> None:
        """A position that was held before, at what it cost."""
        self._holding(strategy, instrument).fold(quantity, cost)

    def instrument(self, instrument: str) -> Instrument:
        """What reference data says of an instrument."""
        return self.reference.instruments[instrument]

    def notional(self, instrument: str, quantity: Fraction, price: Fraction) -> Fraction:
        """Signed notional of a signed quantity; that of an inverse contract is in coin."""
        known = self.instrument(instrument)
        size = quantity * Fraction(known.multiplier)
        return round(-size / price, _INVERSE_DECIMALS) if known.inverse else size * price

    def quantity(self, strategy: int, instrument: str) -> Fraction:
        """The signed quantity held now."""
        held = self.positions.get(PositionKey(book_of(strategy), strategy, instrument))
        return ZERO if held is None else held.quantity

    def amend(self, told: NamedTrade, trade: Trade) -> None:
        """Have a spot trade with its fee in the quote been another one from the beginning."""
        known, before = self.instrument(told.key.instrument), told.trade
        holding = self.positions[told.key]
        holding.refold(told.leg, trade.quantity, trade.notional)
        holding.charge(known.quote, trade.fee - before.fee, trade.fee - before.fee)
        book, place = told.key.book, self._place(known)
        paid = trade.notional + trade.fee - before.notional - before.fee
        self.fund(book, place, known.base, trade.quantity - before.quantity)
        self.fund(book, place, known.quote, -paid)

    def trade(
        self,
        strategy: int,
        instrument: str,
        trade: Trade,
        *,
        buys: bool,
        name: TradeName | None = None,
    ) -> None:
        """Add one execution, or the part of one that a cumulative report told anew."""
        known = self.instrument(instrument)
        holding = self._holding(strategy, instrument)
        book, place = book_of(strategy), self._place(known)
        realized = holding.realized
        if name is not None:
            key = PositionKey(book, strategy, instrument)
            self.named.append(NamedTrade(key, name, trade, len(holding.legs)))
        holding.fold(trade.quantity, trade.notional)
        if trade.fee:
            token = known.fee_token_of(is_buy=buys)
            self._charge(holding, known, trade, token)
            self.fund(book, place, token, -trade.fee)
        if known.kind in FUTURES:
            self.fund(book, place, known.settlement, holding.realized - realized)
        elif known.kind == "option":
            self.fund(book, place, known.settlement, -trade.notional)
        else:
            self.fund(book, place, known.base, trade.quantity)
            self.fund(book, place, known.quote, -trade.notional)

    def bridge(
        self, strategy: int, source: str, target: str, sent: Fraction, arrived: Fraction
    ) -> None:
        """Move a part of a position with its cost to another chain; less arrives than was sent."""
        cost = self._holding(strategy, source).take_out(sent)
        lost = part_of(cost, sent - arrived, sent)
        self._holding(strategy, source).transfer_cost += lost
        self._holding(strategy, target).fold(arrived, cost - lost)
        for instrument, amount in ((source, -sent), (target, arrived)):
            known = self.instrument(instrument)
            self.fund(book_of(strategy), self._place(known), known.base, amount)

    def pay(self, instrument: str, per_unit: Fraction) -> Fraction:
        """Pay every holder so much for each unit, below zero to take it; what was paid in all."""
        known, paid = self.instrument(instrument), ZERO
        for key, holding in self._holders(instrument):
            amount = holding.quantity * Fraction(known.multiplier) * per_unit
            holding.carry += amount
            paid += amount
            self.fund(key.book, self._place(known), known.settlement, amount)
        return paid

    def split(self, instrument: str, new: int, old: int, price: Fraction) -> None:
        """Give `new` units for `old` ones; a fraction of a unit is sold at a price."""
        known = self.instrument(instrument)
        unit = Fraction(1, 10**known.decimals)
        for key, holding in self._holders(instrument):
            before, exact = holding.quantity, holding.quantity * new / old
            after = unit * int(exact / unit)
            cash = (exact - after) * price
            holding.cost -= part_of(holding.cost, abs(exact - after), abs(exact))
            holding.notional -= cash
            holding.quantity = after
            self.fund(key.book, self._place(known), known.base, after - before)
            self.fund(key.book, self._place(known), known.settlement, cash)

    def settle(self, instrument: str, price: Fraction) -> Fraction:
        """Pay out what every holder has gained up to a price; what was paid in all."""
        known, paid = self.instrument(instrument), ZERO
        for key, holding in self._holders(instrument):
            gained = self.notional(instrument, holding.quantity, price) - holding.cost
            holding.cost += gained
            paid += gained
            self.fund(key.book, self._place(known), known.settlement, gained)
        return paid

    def _charge(self, holding: Holding, known: Instrument, trade: Trade, token: str) -> None:
        is_base = known.kind == "spot" and token == known.base
        holding.charge(token, trade.fee, trade.fee * trade.price if is_base else trade.fee)
        if is_base:
            # Tokens kept back are no longer held, at the price they were bought for.
            holding.fold(-trade.fee, -trade.fee * trade.price)

    def _holders(self, instrument: str) -> Iterator[tuple[PositionKey, Holding]]:
        for key, holding in self.positions.items():
            if key.instrument == instrument and holding.quantity:
                yield key, holding

    def _holding(self, strategy: int, instrument: str) -> Holding:
        key = PositionKey(book_of(strategy), strategy, instrument)
        return self.positions.setdefault(key, Holding())

    @staticmethod
    def _place(known: Instrument) -> str:
        return location(known.venue, None, known.chain_id)
