"""What an event makes of a position: legs, fees, carry and corrections of what is held.

An event that closes what was held and opens anew makes two states, the one at zero first; every
other event makes one. Whatever happens to a position that holds no more than its instrument's dust
begins a new trip, but for a fee whose value becomes known late: it belongs where it was paid.
"""

from collections.abc import Sequence
from typing import NamedTuple

from pm.decimals import ZERO, Amount
from pm.rules.facts import Fee, Terms
from pm.rules.fees import NO_FEES, FeeSum, closing_fees, fee_legs, plus_fees
from pm.rules.legs import FLAT, Crossing, Holding, Leg, fold
from pm.rules.position import NO_TRIP, Figures, Position, Trip, position_of, trip_outcome
from pm.rules.token_amounts import NO_AMOUNTS, TokenAmounts, plus


class PositionEvent(NamedTuple):
    """What reaches a position: the event's own leg if any, fees, and whether it is a trade."""

    main: Leg | None
    fees: Sequence[Fee]
    unit_price: Amount | None
    executed_at: str
    is_trade: bool


class Correction(NamedTuple):
    """What reaches a position beside legs: the holding it leaves, carry, transfer cost."""

    executed_at: str
    held: Holding | None = None
    legs: Sequence[Leg] = ()
    carry: Amount = ZERO
    transfer_cost: Amount = ZERO


class PositionChange(NamedTuple):
    """One step of a position as the feed tells it; `old` is None when it never existed."""

    type: str
    old: Position | None
    new: Position


class PositionEffect(NamedTuple):
    """All an event does to a position; `trip` is won, lost or unknown when it closed one.

    `rescaled` is the quantity that came without a leg, None when the event rescales nothing.
    """

    legs: Sequence[Leg]
    changes: Sequence[PositionChange]
    realized_pnl: Amount
    fees: FeeSum
    trip: str
    carry: Amount = ZERO
    transfer_cost: Amount = ZERO
    rescaled: Amount | None = None

    @property
    def new(self) -> Position:
        """The state after the event."""
        return self.changes[-1].new


_NOTHING = Figures(FLAT, NO_FEES, ZERO, ZERO, 0, "", "", NO_TRIP)


class _Step(NamedTuple):
    """What one change of state adds to the figures; `held` and `fees` are those after it."""

    held: Holding
    fees: FeeSum
    executed_at: str
    trades: int = 0
    carry: Amount = ZERO
    transfer_cost: Amount = ZERO


def apply_event(old: Position | None, terms: Terms, event: PositionEvent) -> PositionEffect:
    """Fold an event's legs and fees into a position, which may not exist yet."""
    legs = fee_legs(event.fees, terms, event.unit_price)
    if event.main is not None:
        legs.insert(0, event.main)
    before = _NOTHING if old is None else old.figures
    after, crossing = fold(before.held, legs)
    fees = plus_fees(before.fees, event.fees, terms, event.unit_price)
    if crossing is None:
        step = _Step(after, fees, event.executed_at, int(event.is_trade))
        changes, trip = _one_change(old, terms, step)
    else:
        assert old is not None, "only something held can be crossed"
        changes, trip = _two_changes(old, terms, event, after, fees, crossing)
    own_fees = plus_fees(NO_FEES, event.fees, terms, event.unit_price)
    realized_pnl = after.realized_pnl - before.held.realized_pnl
    return PositionEffect(legs, changes, realized_pnl, own_fees, trip)


def apply_leg(old: Position | None, terms: Terms, leg: Leg, executed_at: str) -> PositionEffect:
    """Fold one leg that is no trade into a position, which may not exist yet."""
    return apply_event(old, terms, PositionEvent(leg, (), None, executed_at, is_trade=False))


def apply_correction(
    old: Position, terms: Terms, correction: Correction, *, is_rescale: bool = False
) -> PositionEffect:
    """Correct a position without folding: never more than one change, no trade."""
    before = old.held
    after = before if correction.held is None else correction.held
    step = _Step(
        after,
        old.fees,
        correction.executed_at,
        carry=correction.carry,
        transfer_cost=correction.transfer_cost,
    )
    changes, trip = _one_change(old, terms, step)
    return PositionEffect(
        correction.legs,
        changes,
        after.realized_pnl - before.realized_pnl,
        NO_FEES,
        trip,
        correction.carry,
        correction.transfer_cost,
        after.quantity - before.quantity if is_rescale else None,
    )


def value_fee(
    old: Position, terms: Terms, fee: tuple[str, Amount, Amount], paid_at: int, executed_at: str
) -> PositionEffect:
    """Give a fee (token, amount, value) paid at `paid_at` ns its value; its trip, if it still runs.

    The token is no longer without value once nothing of it is left.
    """
    token, amount, value = fee
    figures = old.figures
    unvalued = dict(plus(figures.fees.unvalued, token, -amount))
    if not unvalued[token]:
        del unvalued[token]
    trip = figures.trip
    if paid_at >= int(figures.first_trade_time):
        trip = trip._replace(fee_value=trip.fee_value + value)
    after = figures._replace(
        fees=FeeSum(figures.fees.paid, figures.fees.value + value, unvalued),
        last_update_time=executed_at,
        trip=trip,
    )
    change = PositionChange("position_modified", old, position_of(after, terms))
    return PositionEffect((), [change], ZERO, FeeSum(NO_AMOUNTS, value, {token: -amount}), "")


def difference_effect(old: Position, new: Position) -> PositionEffect:
    """A position that is other than was thought: one change, and as one leg what it differs by."""
    before, after = old.figures, new.figures
    leg = Leg(
        new.quantity - old.quantity,
        new.cost - new.realized_pnl - (old.cost - old.realized_pnl),
    )
    return PositionEffect(
        [leg] if leg.quantity or leg.notional else [],
        [PositionChange(_change_type(before.held, after.held), old, new)],
        new.realized_pnl - old.realized_pnl,
        FeeSum(
            _difference(before.fees.paid, after.fees.paid),
            after.fees.value - before.fees.value,
            _difference(before.fees.unvalued, after.fees.unvalued),
        ),
        "",
        after.carry - before.carry,
        after.transfer_cost - before.transfer_cost,
    )


def _difference(before: TokenAmounts, after: TokenAmounts) -> TokenAmounts:
    moved = {
        token: after.get(token, ZERO) - before.get(token, ZERO) for token in {**before, **after}
    }
    return {token: amount for token, amount in moved.items() if amount}


def _one_change(
    old: Position | None, terms: Terms, step: _Step
) -> tuple[list[PositionChange], str]:
    before = _NOTHING if old is None else old.figures
    was_open = old is not None and abs(before.held.quantity) > terms.dust
    trip = before.trip if was_open else NO_TRIP
    new = _after(before, terms, step, trip, before.first_trade_time if was_open else None)
    change = PositionChange(_change_type(before.held, step.held), old, new)
    is_closed = was_open and abs(step.held.quantity) <= terms.dust
    return [change], trip_outcome(new) if is_closed else ""


def _after(
    before: Figures, terms: Terms, step: _Step, trip: Trip, first_trade_time: str | None
) -> Position:
    """The position after a step; `trip` is the one it adds to, which begins now without a time."""
    figures = Figures(
        held=step.held,
        fees=step.fees,
        carry=_plus(before.carry, step.carry),
        transfer_cost=_plus(before.transfer_cost, step.transfer_cost),
        total_trades=before.total_trades + step.trades,
        first_trade_time=step.executed_at if first_trade_time is None else first_trade_time,
        last_update_time=step.executed_at,
        trip=Trip(
            _moved(trip.realized_pnl, before.held.realized_pnl, step.held.realized_pnl),
            _moved(trip.fee_value, before.fees.value, step.fees.value),
            _plus(_plus(trip.carry, step.carry), -step.transfer_cost),
        ),
    )
    return position_of(figures, terms)


def _plus(held: Amount, more: Amount) -> Amount:
    """The sum; most of what is added here is nothing, and adding it takes time all the same."""
    return held + more if more else held


def _moved(held: Amount, before: Amount, after: Amount) -> Amount:
    """`held` moved by as much as a lifetime figure was."""
    return held if before == after else held + after - before


def _change_type(before: Holding, after: Holding) -> str:
    if before.quantity and not after.quantity:
        return "position_closed"
    if after.quantity and not before.quantity:
        return "position_opened"
    return "position_modified"


def _two_changes(
    old: Position,
    terms: Terms,
    event: PositionEvent,
    after: Holding,
    fees: FeeSum,
    crossing: Crossing,
) -> tuple[list[PositionChange], str]:
    main = ZERO if event.main is None else event.main.quantity
    due = closing_fees(event.fees, crossing, main)
    closed_fees = plus_fees(old.fees, due, terms, event.unit_price)
    closing = _Step(crossing.at_zero, closed_fees, event.executed_at, int(event.is_trade))
    closed = _after(old.figures, terms, closing, old.figures.trip, old.figures.first_trade_time)
    opening = _Step(after, fees, event.executed_at)
    opened = _after(closed.figures, terms, opening, NO_TRIP, None)
    changes = [
        PositionChange("position_closed", old, closed),
        PositionChange("position_opened", closed, opened),
    ]
    was_open = abs(old.quantity) > terms.dust
    return changes, trip_outcome(closed) if was_open else ""
