"""Legs: what an event adds to a position, and how a leg is folded into one.

A leg is a signed quantity and a signed notional in the settlement token. Every event that touches a
position is a short list of legs, and folding them is the only arithmetic a position knows. Whatever
is rounded on the way, `quantity` stays the sum of the quantities and `cost - realized_pnl` the sum
of the notionals, to the last digit.
"""

from collections.abc import Sequence
from typing import NamedTuple

from pm.decimals import ZERO, Amount, divide, multiply_divide

MIN_SCALE = 18


class Leg(NamedTuple):
    """A signed quantity and its signed notional in the settlement token."""

    quantity: Amount
    notional: Amount


class Holding(NamedTuple):
    """The three figures legs are folded into; cost is signed like quantity and 0 when flat."""

    quantity: Amount
    cost: Amount
    realized_pnl: Amount


class Crossing(NamedTuple):
    """The first moment a fold stood at zero: in which leg, the quantity closed by it, the state."""

    leg: int
    closed: Amount
    at_zero: Holding


FLAT = Holding(ZERO, ZERO, ZERO)


def rounding_scale(operand: Amount) -> int:
    """Decimals kept when `operand` is divided up: never fewer than it has, at least 18."""
    return max(MIN_SCALE, operand.scale)


def share(whole: Amount, piece: Amount, of: Amount) -> Amount:
    """The part of `whole` that `piece` is of `of`; all of it, unrounded, when they are equal."""
    return whole if piece == of else multiply_divide(whole, piece, of, rounding_scale(whole))


def notional(
    quantity: Amount,
    price: Amount | None,
    quote_amount: Amount | None,
    multiplier: Amount,
    inverse: bool,
) -> Amount | None:
    """Signed notional of `quantity`, exact unless inverse (18 decimals, half-even).

    A stated `quote_amount` is the notional's size and makes the price mere information. None when
    neither is known, or when an inverse price is 0; a quantity of 0 needs neither.
    """
    if not quantity:
        return ZERO
    if quote_amount is not None:
        return quote_amount if (quantity.sign > 0) is not inverse else -quote_amount
    if price is None or (inverse and not price):
        return None
    if inverse:
        return -multiply_divide(quantity, multiplier, price, MIN_SCALE)
    return quantity * price * multiplier


def unit_price(
    quantity: Amount,
    notional: Amount | None,
    price: Amount | None,
    quote_amount: Amount | None,
    multiplier: Amount,
) -> Amount | None:
    """Price of one unit of the base token, for fees paid in it; None when unknown.

    A stated `quote_amount` outranks the price here too: the price that was really paid is the
    notional by quantity and multiplier, rounded half-even.
    """
    if quote_amount is None or notional is None or not quantity:
        return price
    return divide(abs(notional), abs(quantity * multiplier), rounding_scale(notional))


def average_price(
    quantity: Amount, cost: Amount, multiplier: Amount, inverse: bool
) -> Amount | None:
    """Average cost of one unit, 18 decimals half-even; harmonic if inverse; None when undefined."""
    if not quantity:
        return None
    if inverse:
        return -multiply_divide(quantity, multiplier, cost, MIN_SCALE) if cost else None
    return divide(cost, quantity * multiplier, MIN_SCALE)


def fold_leg(held: Holding, leg: Leg) -> tuple[Holding, Holding | None]:
    """The holding after `leg`, and the holding at zero if the leg closes all there was."""
    quantity, cost, realized = held
    if not quantity or quantity.sign == leg.quantity.sign:
        return Holding(quantity + leg.quantity, cost + leg.notional, realized), None
    size, leg_size = abs(quantity), abs(leg.quantity)
    if leg_size < size:
        removed = multiply_divide(cost, leg_size, size, rounding_scale(cost))
        realized = realized - leg.notional - removed
        return Holding(quantity + leg.quantity, cost - removed, realized), None
    closing = leg.notional
    if leg_size > size:
        closing = multiply_divide(closing, size, leg_size, rounding_scale(closing))
    at_zero = Holding(ZERO, ZERO, realized - closing - cost)
    opened = Holding(quantity + leg.quantity, leg.notional - closing, at_zero.realized_pnl)
    return opened, at_zero


def fold(held: Holding, legs: Sequence[Leg]) -> tuple[Holding, Crossing | None]:
    """Fold `legs` in order; the crossing is None unless something held was closed and reopened."""
    crossing: Crossing | None = None
    was_open = bool(held.quantity)
    for index, leg in enumerate(legs):
        after, at_zero = fold_leg(held, leg)
        if at_zero is not None and was_open and crossing is None:
            crossing = Crossing(index, abs(held.quantity), at_zero)
        held = after
    return held, crossing if held.quantity else None
