"""What later entries do to a position, so that it can be done again to another one.

Legs, carry and transfer cost are as journaled: they state what others paid or moved. What depends
on the quantity held (a split, a settlement, an expiry) or on realized P&L (what a future pays out)
is worked out again, and so are the balances it moves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from pm.decimals import ZERO, Amount
from pm.rules.endings import marked
from pm.rules.facts import Fee, Place, Terms
from pm.rules.fees import NO_FEES
from pm.rules.legs import FLAT, Leg, notional, share
from pm.rules.movements import EXCHANGED, MARGINED, TokenMoves, execution_moves, fee_moves
from pm.rules.position import NO_TRIP, Figures, Position, position_of
from pm.rules.position_events import (
    Correction,
    PositionEffect,
    PositionEvent,
    apply_correction,
    apply_event,
    apply_leg,
    value_fee,
)
from pm.rules.splits import Ratio, split_one

NEVER = "0"
"""The time of what never happened."""


class Version(NamedTuple):
    """What an entry books of executions: a leg (None: nothing), fees, the price of one unit.

    `counts` is whether that is a trade; fees alone are none.
    """

    main: Leg | None
    fees: tuple[Fee, ...]
    unit_price: Amount | None
    counts: bool = True


NOT_BOOKED = Version(None, (), None, counts=False)


class Done(NamedTuple):
    """What a step made of a position; `trip` is how one ended with it."""

    position: Position | None
    trip: str = ""
    moves: Sequence[tuple[Place, str, Amount]] = ()


class Step(Protocol):
    """Something that happened to a position, in entry `seq`."""

    @property
    def seq(self) -> int:
        """The journal entry it happened in."""

    @property
    def terms(self) -> Terms:
        """What the instrument was then."""

    def run(self, held: Position | None) -> Done:
        """Do it to a position."""


def empty(terms: Terms) -> Position:
    """The position of one that never traded."""
    return position_of(Figures(FLAT, NO_FEES, ZERO, ZERO, 0, NEVER, NEVER, NO_TRIP), terms)


def _done(effect: PositionEffect, moves: Sequence[tuple[Place, str, Amount]] = ()) -> Done:
    return Done(effect.new, effect.trip, moves)


def _at(place: Place, moves: TokenMoves) -> list[tuple[Place, str, Amount]]:
    return [(place, token, amount) for token, amount in moves]


@dataclass(frozen=True, slots=True)
class Execution:
    """A fill, or what a cumulative result added."""

    seq: int
    terms: Terms
    place: Place
    executed_at: str
    version: Version

    @property
    def volume(self) -> Amount:
        """The size of its notional."""
        return ZERO if self.version.main is None else abs(self.version.main.notional)

    def run(self, held: Position | None) -> Done:
        """Fold its legs and fees; busted with all its fees it does nothing."""
        main, fees, unit_price, counts = self.version
        if main is None and not fees:
            return Done(held)
        event = PositionEvent(
            main, fees, unit_price, self.executed_at, is_trade=counts and main is not None
        )
        effect = apply_event(held, self.terms, event)
        leg = main or Leg(ZERO, ZERO)
        moves = execution_moves(self.terms, *leg, effect.realized_pnl)
        return _done(effect, _at(self.place, moves + fee_moves(fees)))


@dataclass(frozen=True, slots=True)
class PlainLeg:
    """A leg as journaled; `settles_at` is where what it realizes is paid, None where nothing is."""

    seq: int
    terms: Terms
    executed_at: str
    leg: Leg
    settles_at: Place | None = None

    def run(self, held: Position | None) -> Done:
        """Fold it."""
        effect = apply_leg(held, self.terms, self.leg, self.executed_at)
        if self.settles_at is None or self.terms.kind not in MARGINED:
            return _done(effect)
        return _done(effect, [(self.settles_at, self.terms.settlement, effect.realized_pnl)])


@dataclass(frozen=True, slots=True)
class Earning:
    """Carry and transfer cost as journaled."""

    seq: int
    terms: Terms
    executed_at: str
    carry: Amount
    transfer_cost: Amount

    def run(self, held: Position | None) -> Done:
        """Add them."""
        correction = Correction(
            self.executed_at, carry=self.carry, transfer_cost=self.transfer_cost
        )
        return _done(apply_correction(held or empty(self.terms), self.terms, correction))


@dataclass(frozen=True, slots=True)
class FeeValued:
    """The value a fee got later; `paid_in` is the entry it was paid in, 0 for none that is known.

    `of_version` is the fee as its execution now has it: where that is another, its value is in
    proportion, and where there is none it has no value.
    """

    seq: int
    terms: Terms
    executed_at: str
    paid_in: int
    token: str
    amount: Amount
    value: Amount
    paid_at: int
    of_version: Amount | None = None

    def run(self, held: Position | None) -> Done:
        """Give it its value, unless no such fee is without one."""
        amount = self.amount if self.of_version is None else self.of_version
        if held is None or not amount or self.token not in held.fees.unvalued:
            return Done(held)
        value = share(self.value, amount, self.amount)
        fee = (self.token, amount, value)
        return _done(value_fee(held, self.terms, fee, self.paid_at, self.executed_at))


@dataclass(frozen=True, slots=True)
class Splitting:
    """A split, at the quantity then held."""

    seq: int
    terms: Terms
    executed_at: str
    place: Place
    ratio: Ratio

    def run(self, held: Position | None) -> Done:
        """Rescale what is held."""
        if held is None or not held.quantity:
            return Done(held)
        correction, _ = split_one(held.held, self.terms, self.ratio, self.executed_at)
        effect = apply_correction(held, self.terms, correction, is_rescale=True)
        moves = [(self.place, self.terms.settlement, -leg.notional) for leg in correction.legs]
        if self.terms.kind in EXCHANGED:
            moves.append((self.place, self.terms.base, effect.rescaled or ZERO))
        return _done(effect, moves)


@dataclass(frozen=True, slots=True)
class Settling:
    """A daily or final settlement at a price, of the quantity then held."""

    seq: int
    terms: Terms
    executed_at: str
    place: Place
    price: Amount
    is_final: bool

    def run(self, held: Position | None) -> Done:
        """Pay out what is held, or close it."""
        if held is None or not held.quantity:
            return Done(held)
        terms = self.terms
        target = notional(held.quantity, self.price, None, terms.multiplier, terms.inverse)
        if target is None:
            return Done(held)
        if self.is_final:
            effect = apply_leg(held, terms, Leg(-held.quantity, -target), self.executed_at)
        else:
            effect = apply_correction(held, terms, marked(held.held, target, self.executed_at))
        return _done(effect, [(self.place, terms.settlement, effect.realized_pnl)])


@dataclass(frozen=True, slots=True)
class Expiring:
    """An expiry: what is held then ends at nothing."""

    seq: int
    terms: Terms
    executed_at: str
    place: Place

    def run(self, held: Position | None) -> Done:
        """Close what is held."""
        if held is None or not held.quantity:
            return Done(held)
        leg = Leg(-held.quantity, ZERO)
        effect = apply_leg(held, self.terms, leg, self.executed_at)
        moves = execution_moves(self.terms, *leg, effect.realized_pnl)
        return _done(effect, _at(self.place, moves))
