"""The exposure of one position: the money that moves with the price of what it is on.

Spot and equity are exposed with their value, a linear derivative with its notional, an inverse one
with its face value, which is in quote whatever the price, and an option with the notional of its
delta. Exact: nothing is divided and nothing is rounded. What is not known makes the exposure
unknown, which is not the same as none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from pm.decimals import ZERO, Amount


class ExposureTerms(Protocol):
    """What exposure asks of an instrument."""

    @property
    def kind(self) -> str:
        """spot, equity, option, future or perpetual."""

    @property
    def quote(self) -> str:
        """The token its price is in."""

    @property
    def multiplier(self) -> Amount:
        """Units of base, or of quote if inverse, in a quantity of 1."""

    @property
    def inverse(self) -> bool:
        """Whether its face value is in quote."""


@dataclass(frozen=True, slots=True)
class Exposure:
    """A signed amount of `token`, short below zero; None when `missing` is what is not known."""

    amount: Amount | None
    token: str
    missing: str = ""


def exposure(
    terms: ExposureTerms,
    quantity: Amount,
    price: Amount | None,
    delta: Amount | None = None,
    underlying_price: Amount | None = None,
) -> Exposure:
    """Exposure in the quote token of a signed quantity.

    Spot, equity, linear future and perpetual: q * P * m. Inverse: q * m, no price asked. Option:
    delta * q * m * S with S the underlying's price in the option's quote, its own price not asked.
    A quantity of 0 has none.
    """
    if not quantity:
        return Exposure(ZERO, terms.quote)
    face = quantity * terms.multiplier
    if terms.kind == "option":
        if delta is None:
            return Exposure(None, terms.quote, "delta")
        if underlying_price is None:
            return Exposure(None, terms.quote, "underlying_price")
        return Exposure(delta * face * underlying_price, terms.quote)
    if terms.inverse:
        return Exposure(face, terms.quote)
    if price is None:
        return Exposure(None, terms.quote, "price")
    return Exposure(face * price, terms.quote)
