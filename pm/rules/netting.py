"""One instrument's positions of several strategies seen as one.

Quantity, cost and realized P&L add up whatever the sides. An average exists only while the legs do
not oppose each other: a netted quantity of long and short has a break-even price instead, and each
side its own quantity and average.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from pm.decimals import ZERO, Amount
from pm.rules.legs import average_price


class Held(Protocol):
    """What netting asks of a position."""

    @property
    def quantity(self) -> Amount:
        """Signed quantity."""

    @property
    def cost(self) -> Amount:
        """Signed cost of the open quantity."""

    @property
    def realized_pnl(self) -> Amount:
        """Lifetime realized P&L."""


@dataclass(frozen=True, slots=True)
class NettedPosition:
    """Positions added up; prices are 18 decimals half-even, None where they mean nothing."""

    quantity: Amount
    cost: Amount
    realized_pnl: Amount
    average: Amount | None
    break_even: Amount | None
    long_quantity: Amount
    long_average: Amount | None
    short_quantity: Amount
    short_average: Amount | None


def net_positions(
    positions: Iterable[Held], multiplier: Amount, inverse: bool = False
) -> NettedPosition:
    """Net positions of one instrument, which share its multiplier; short_quantity is below zero."""
    long_quantity = long_cost = short_quantity = short_cost = realized_pnl = ZERO
    for position in positions:
        realized_pnl += position.realized_pnl
        if position.quantity.sign > 0:
            long_quantity += position.quantity
            long_cost += position.cost
        else:
            short_quantity += position.quantity
            short_cost += position.cost
    quantity, cost = long_quantity + short_quantity, long_cost + short_cost
    break_even = average_price(quantity, cost, multiplier, inverse)
    opposing = long_quantity and short_quantity
    return NettedPosition(
        quantity=quantity,
        cost=cost,
        realized_pnl=realized_pnl,
        average=None if opposing else break_even,
        break_even=break_even,
        long_quantity=long_quantity,
        long_average=average_price(long_quantity, long_cost, multiplier, inverse),
        short_quantity=short_quantity,
        short_average=average_price(short_quantity, short_cost, multiplier, inverse),
    )
