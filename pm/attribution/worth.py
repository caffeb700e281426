"""What a quantity is worth at a price, and what price moves alone have made of a position.

V = q·P·m, for inverse instruments −(q·m/P) at 18 decimals half-even, both in the settlement token.
Over any range the price P&L is V(end) − V(start) − Σn: whatever was bought or sold in between is in
the notionals Σn, however many trades, splits, settlements or transfers there were.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pm.decimals import ONE, ZERO, Amount, multiply_divide

INVERSE_SCALE = 18


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What of an instrument decides its worth; `settlement` is the token of all its money."""

    instrument: str
    base: str
    quote: str
    settlement: str
    multiplier: Amount = ONE
    inverse: bool = False


def worth(quantity: Amount, price: Amount | None, terms: Terms) -> Amount | None:
    """V of a quantity, signed like it in linear instruments; 0 when flat, None without a price.

    An inverse instrument has no worth at a price of 0.
    """
    if not quantity:
        return ZERO
    if price is None:
        return None
    if not terms.inverse:
        return quantity * price * terms.multiplier
    return -multiply_divide(quantity, terms.multiplier, price, INVERSE_SCALE) if price else None


@dataclass(frozen=True, slots=True)
class PriceSet:
    """Prices of instruments and rates of tokens at one moment, and how to speak of the moment.

    `doubts` says of an instrument's price, or of the rate of a token in `rate_doubts`, why it is
    not a fresh one.
    """

    when: str
    prices: Mapping[str, Amount]
    rates: Mapping[str, Amount]
    doubts: Mapping[str, str] = field(default_factory=dict)
    rate_doubts: Mapping[str, str] = field(default_factory=dict)

    def price(self, instrument: str) -> Amount | None:
        """The price of an instrument, None where there is none."""
        return self.prices.get(instrument)
