"""One position in the demo's own arithmetic: average cost, worked out leg by leg."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from pm.demo.exact import ZERO, part_of

Leg = tuple[Fraction, Fraction]


@dataclass(slots=True)
class Holding:
    """A position's sums; `notional` is that of all legs, `cost` that of what is held.

    `fee_value`, `carry` and `transfer_cost` are in the settlement token, `fees` per token. `legs`
    are the signed quantities and notionals that were folded, in order.
    """

    quantity: Fraction = ZERO
    cost: Fraction = ZERO
    notional: Fraction = ZERO
    carry: Fraction = ZERO
    fee_value: Fraction = ZERO
    transfer_cost: Fraction = ZERO
    fees: dict[str, Fraction] = field(default_factory=dict)
    legs: list[Leg] = field(default_factory=list)

    @property
    def realized(self) -> Fraction:
        """What was made by closing: the part of the cost that no leg has paid for."""
        return self.cost - self.notional

    def fold(self, quantity: Fraction, notional: Fraction) -> None:
        """Add a leg: it opens more, or closes at average cost and opens with what is left."""
        self.legs.append((quantity, notional))
        held = self.quantity
        self.quantity += quantity
        self.notional += notional
        if held * quantity >= 0:
            self.cost += notional
            return
        closed = min(abs(held), abs(quantity))
        opening = notional - part_of(notional, closed, abs(quantity))
        self.cost += opening - part_of(self.cost, closed, abs(held))

    def refold(self, place: int, quantity: Fraction, notional: Fraction) -> None:
        """Have one leg been another from the beginning; nothing but legs may have changed it."""
        legs = [*self.legs[:place], (quantity, notional), *self.legs[place + 1 :]]
        self.quantity = self.cost = self.notional = ZERO
        self.legs = []
        for leg in legs:
            self.fold(*leg)

    def take_out(self, quantity: Fraction) -> Fraction:
        """Take out a part of a long position with its cost, realizing nothing; that cost."""
        cost = part_of(self.cost, quantity, self.quantity)
        self.quantity -= quantity
        self.cost -= cost
        self.notional -= cost
        return cost

    def charge(self, token: str, fee: Fraction, value: Fraction) -> None:
        """A fee, and what it is worth in the settlement token."""
        self.fees[token] = self.fees.get(token, ZERO) + fee
        self.fee_value += value
