"""The state of a position, and what an event's legs and fees make of it.

A position exists per strategy and instrument and keeps quantity and exact cost; the average is
derived. Its realized P&L, fees and count of trades are lifetime figures. The trip figures belong to
the current trip, flat to flat within the instrument's dust, and keep their last values once it is
closed. An event that closes what was held and opens anew makes two states, the one at zero first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pm.decimals import ZERO, Amount
from pm.rules.facts import Fee, Terms
from pm.rules.fees import NO_FEES, FeeSum, fee_legs, plus_fees, split_fees
from pm.rules.legs import FLAT, Crossing, Holding, Leg, average_price, fold
from pm.rules.token_amounts import amounts_json


@dataclass(frozen=True, slots=True)
class Position:
    """One state of a position; `text` is its JSON, times are ns as text."""

    held: Holding
    average: Amount | None
    fees: FeeSum
    total_trades: int
    first_trade_time: str
    last_update_time: str
    trip_realized_pnl: Amount
    trip_fee_value: Amount
    text: str

    @property
    def quantity(self) -> Amount:
        """Signed quantity, short below zero."""
        return self.held.quantity

    @property
    def cost(self) -> Amount:
        """What the open quantity cost, signed like it, in the settlement token."""
        return self.held.cost

    @property
    def realized_pnl(self) -> Amount:
        """Lifetime price P&L of what was closed, before fees, in the settlement token."""
        return self.held.realized_pnl


class PositionEvent(NamedTuple):
    """What reaches a position: the execution's own leg if any, fees, and whether it is a trade."""

    main: Leg | None
    fees: Sequence[Fee]
    unit_price: Amount | None
    executed_at: str
    is_trade: bool


class PositionChange(NamedTuple):
    """One step of a position as the feed tells it; `old` is None when it never existed."""

    type: str
    old: Position | None
    new: Position


class PositionEffect(NamedTuple):
    """All an event does to a position; `trip` is won, lost or unknown when it closed one."""

    legs: list[Leg]
    changes: list[PositionChange]
    realized_pnl: Amount
    fees: FeeSum
    trip: str

    @property
    def new(self) -> Position:
        """The state after the event."""
        return self.changes[-1].new


def _state(
    held: Holding,
    terms: Terms,
    fees: FeeSum,
    total_trades: int,
    first_trade_time: str,
    last_update_time: str,
    trip: tuple[Amount, Amount],
) -> Position:
    average = average_price(held.quantity, held.cost, terms.multiplier, terms.inverse)
    shown = "null" if average is None else f'"{average}"'
    text = (
        f'{{"quantity":"{held.quantity}","cost":"{held.cost}","avg_cost_basis":{shown},'
        f'"realized_pnl":"{held.realized_pnl}","fees_paid":{amounts_json(fees.paid)},'
        f'"fee_value":"{fees.value}","fees_unvalued":{amounts_json(fees.unvalued)},'
        f'"total_trades":"{total_trades}","first_trade_time":"{first_trade_time}",'
        f'"last_update_time":"{last_update_time}","trip_realized_pnl":"{trip[0]}",'
        f'"trip_fee_value":"{trip[1]}"}}'
    )
    return Position(
        held, average, fees, total_trades, first_trade_time, last_update_time, *trip, text
    )


def _outcome(closed: Position) -> str:
    if closed.fees.unvalued:
        return "unknown"
    return "won" if closed.trip_realized_pnl > closed.trip_fee_value else "lost"


def apply_event(old: Position | None, terms: Terms, event: PositionEvent) -> PositionEffect:
    """Fold an event's legs and fees into a position, which may not exist yet."""
    legs = fee_legs(event.fees, terms, event.unit_price)
    if event.main is not None:
        legs.insert(0, event.main)
    before = FLAT if old is None else old.held
    after, crossing = fold(before, legs)
    if crossing is None:
        changes, trip = _one_change(old, terms, event, after)
    else:
        assert old is not None, "only something held can be crossed"
        changes, trip = _two_changes(old, terms, event, after, crossing)
    fees = plus_fees(NO_FEES, event.fees, terms, event.unit_price)
    return PositionEffect(legs, changes, after.realized_pnl - before.realized_pnl, fees, trip)


def _one_change(
    old: Position | None, terms: Terms, event: PositionEvent, after: Holding
) -> tuple[list[PositionChange], str]:
    before, paid, trades = (
        (FLAT, NO_FEES, 0) if old is None else (old.held, old.fees, old.total_trades)
    )
    fees = plus_fees(paid, event.fees, terms, event.unit_price)
    trip_realized_pnl = after.realized_pnl - before.realized_pnl
    trip_fee_value = fees.value - paid.value
    first_trade_time = event.executed_at
    was_open = old is not None and abs(before.quantity) > terms.dust
    if old is not None and was_open:
        trip_realized_pnl += old.trip_realized_pnl
        trip_fee_value += old.trip_fee_value
        first_trade_time = old.first_trade_time
    new = _state(
        after,
        terms,
        fees,
        trades + event.is_trade,
        first_trade_time,
        event.executed_at,
        (trip_realized_pnl, trip_fee_value),
    )
    change = PositionChange(_change_type(before, after), old, new)
    is_closed = was_open and abs(after.quantity) <= terms.dust
    return [change], _outcome(new) if is_closed else ""


def _change_type(before: Holding, after: Holding) -> str:
    if before.quantity and not after.quantity:
        return "position_closed"
    if after.quantity and not before.quantity:
        return "position_opened"
    return "position_modified"


def _two_changes(
    old: Position, terms: Terms, event: PositionEvent, after: Holding, crossing: Crossing
) -> tuple[list[PositionChange], str]:
    main = ZERO if event.main is None else event.main.quantity
    closing_fees, opening_fees = split_fees(event.fees, crossing, main)
    closed_fees = plus_fees(old.fees, closing_fees, terms, event.unit_price)
    opened_fees = plus_fees(closed_fees, opening_fees, terms, event.unit_price)
    trades = old.total_trades + event.is_trade
    at_zero = crossing.at_zero
    closed = _state(
        at_zero,
        terms,
        closed_fees,
        trades,
        old.first_trade_time,
        event.executed_at,
        (
            old.trip_realized_pnl + at_zero.realized_pnl - old.realized_pnl,
            old.trip_fee_value + closed_fees.value - old.fees.value,
        ),
    )
    opened = _state(
        after,
        terms,
        opened_fees,
        trades,
        event.executed_at,
        event.executed_at,
        (after.realized_pnl - at_zero.realized_pnl, opened_fees.value - closed_fees.value),
    )
    changes = [
        PositionChange("position_closed", old, closed),
        PositionChange("position_opened", closed, opened),
    ]
    was_open = abs(old.quantity) > terms.dust
    return changes, _outcome(closed) if was_open else ""
