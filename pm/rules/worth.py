"""What a position is worth at a mark: the rule by which the store values it, computed apart.

market value = quantity * mark * multiplier, inverse -(quantity * multiplier / mark) at 18 decimals,
half-even; unrealized P&L = market value - cost. Both are in the settlement token.
"""

from typing import NamedTuple

from pm.decimals import ZERO, Amount, multiply_divide
from pm.rules.facts import Terms
from pm.rules.legs import Holding

_INVERSE_SCALE = 18


class Worth(NamedTuple):
    """Market value and unrealized P&L."""

    market_value: Amount
    unrealized_pnl: Amount


def worth(held: Holding, terms: Terms, mark: Amount | None) -> Worth | None:
    """The worth of a holding; nothing when flat, None without a mark or inverse at a mark of 0."""
    if not held.quantity:
        return Worth(ZERO, ZERO)
    if mark is None or (terms.inverse and not mark):
        return None
    if terms.inverse:
        value = -multiply_divide(held.quantity, terms.multiplier, mark, _INVERSE_SCALE)
    else:
        value = held.quantity * mark * terms.multiplier
    return Worth(value, value - held.cost)
