"""The spread a multi-step trade captured: bought at one average price, sold at another.

Per trace and token pair with both sides the spread is (sold − bought) / bought, of volume-weighted
prices before fees. Traces are weighted by the notional of what both sides have in common, so that
an unmatched rest weighs nothing. Sums are exact fractions; one rounding ends them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from pm.decimals import Amount, divide

SPREAD_SCALE = 18

Pair = tuple[str, str]


@dataclass(slots=True)
class _Side:
    base: Fraction = Fraction(0)
    quote: Fraction = Fraction(0)


class Spreads:
    """Both sides of every pair in every trace; legs in any order."""

    def __init__(self) -> None:
        self._sides: dict[tuple[str, Pair], tuple[_Side, _Side]] = {}

    def add(self, facts: Mapping[str, Any], quantity: Amount, notional: Amount) -> None:
        """Count the main leg of an execution; one without trace or pair is none of a spread."""
        trace = facts.get("trace")
        if not trace or "base" not in facts or not quantity:
            return
        contracts = abs(_fraction(quantity)) * _fraction(Amount.parse(facts.get("multiplier", "1")))
        money = abs(_fraction(notional))
        inverse = facts.get("inverse") == "1"
        sides = self._sides.setdefault(
            (trace["id"], (facts["base"], facts["quote"])), (_Side(), _Side())
        )
        side = sides[quantity.sign < 0]
        side.base += money if inverse else contracts
        side.quote += contracts if inverse else money

    def include(self, other: Spreads) -> None:
        """Count another collection's legs, too: a trace may have its sides in two books."""
        for place, added in other._sides.items():
            sides = self._sides.setdefault(place, (_Side(), _Side()))
            for side, more in zip(sides, added, strict=True):
                side.base += more.base
                side.quote += more.quote

    def averages(self) -> dict[Pair, Amount]:
        """Average spread captured of each pair that has one, 18 decimals half-even."""
        gained: dict[Pair, Fraction] = {}
        spent: dict[Pair, Fraction] = {}
        for (_, pair), (bought, sold) in self._sides.items():
            if not (bought.base and sold.base):
                continue
            matched = min(bought.base, sold.base)
            cost = matched * bought.quote / bought.base
            gained[pair] = gained.get(pair, Fraction(0)) + matched * sold.quote / sold.base - cost
            spent[pair] = spent.get(pair, Fraction(0)) + cost
        return {pair: _rounded(gained[pair] / spent[pair]) for pair in sorted(spent) if spent[pair]}


def main_leg(legs: Iterable[Iterable[str]]) -> tuple[Amount, Amount]:
    """Quantity and notional of an execution, its fee legs left out; ValueError without legs."""
    for leg in legs:
        quantity, notional, *_ = leg
        return Amount.parse(quantity), Amount.parse(notional)
    raise ValueError("an execution without legs")


def _fraction(amount: Amount) -> Fraction:
    return Fraction(amount.mantissa, 10**amount.scale)


def _rounded(value: Fraction) -> Amount:
    return divide(Amount(value.numerator), Amount(value.denominator), SPREAD_SCALE)
