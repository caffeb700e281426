"""The state of a position: what it holds, what it earned and paid, and its JSON.

A position exists per strategy and instrument and keeps quantity and exact cost; the average is
derived. Realized P&L, fees, carry, transfer cost and the count of trades are lifetime figures. The
trip figures belong to the current trip, flat to flat within the instrument's dust, and keep their
last values once it is closed.
"""

from dataclasses import dataclass
from typing import NamedTuple

from pm.decimals import ZERO, Amount
from pm.rules.facts import Terms
from pm.rules.fees import FeeSum
from pm.rules.legs import Holding, average_price
from pm.rules.token_amounts import amounts_json


class Trip(NamedTuple):
    """The current trip: what it realized, its fees' value, its carry less transfer cost."""

    realized_pnl: Amount
    fee_value: Amount
    carry: Amount

    @property
    def is_won(self) -> bool:
        """Whether it earned more than nothing."""
        return self.realized_pnl + self.carry > self.fee_value


NO_TRIP = Trip(ZERO, ZERO, ZERO)


class Figures(NamedTuple):
    """All figures of a position; times are ns as text."""

    held: Holding
    fees: FeeSum
    carry: Amount
    transfer_cost: Amount
    total_trades: int
    first_trade_time: str
    last_update_time: str
    trip: Trip


@dataclass(frozen=True, slots=True)
class Position:
    """One state of a position; `text` is its JSON."""

    figures: Figures
    average: Amount | None
    text: str

    @property
    def held(self) -> Holding:
        """Quantity, cost and realized P&L together."""
        return self.figures.held

    @property
    def fees(self) -> FeeSum:
        """Lifetime fees."""
        return self.figures.fees

    @property
    def quantity(self) -> Amount:
        """Signed quantity, short below zero."""
        return self.figures.held.quantity

    @property
    def cost(self) -> Amount:
        """What the open quantity cost, signed like it, in the settlement token."""
        return self.figures.held.cost

    @property
    def realized_pnl(self) -> Amount:
        """Lifetime price P&L of what was closed, before fees, in the settlement token."""
        return self.figures.held.realized_pnl


def position_of(figures: Figures, terms: Terms) -> Position:
    """The position of these figures, with its average and JSON made."""
    held, fees, carry, transfer_cost, trades, first_time, last_time, trip = figures
    average = average_price(held.quantity, held.cost, terms.multiplier, terms.inverse)
    shown = "null" if average is None else f'"{average}"'
    text = (
        f'{{"quantity":"{held.quantity}","cost":"{held.cost}","avg_cost_basis":{shown},'
        f'"realized_pnl":"{held.realized_pnl}","fees_paid":{amounts_json(fees.paid)},'
        f'"fee_value":"{fees.value}","fees_unvalued":{amounts_json(fees.unvalued)},'
        f'"carry":"{carry}","transfer_cost":"{transfer_cost}","total_trades":"{trades}",'
        f'"first_trade_time":"{first_time}","last_update_time":"{last_time}",'
        f'"trip_realized_pnl":"{trip.realized_pnl}","trip_fee_value":"{trip.fee_value}",'
        f'"trip_carry":"{trip.carry}"}}'
    )
    return Position(figures, average, text)


def trip_outcome(closed: Position) -> str:
    """Won or lost, unknown while a fee has no value, of the trip that ended in this state."""
    if closed.fees.unvalued:
        return "unknown"
    return "won" if closed.figures.trip.is_won else "lost"
