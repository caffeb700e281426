"""Amounts of tokens in the reporting currency, and what could not be converted.

Each figure is exact until it is published, then rounded once. A token without a rate makes the
figure that needs it unknown, and is named.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from pm.decimals import ZERO, Amount
from pm.marks.rates import Prices

PUBLISHED_SCALE: Final = 18


@dataclass(slots=True)
class Conversion:
    """Rates of one moment into one currency; `missing` names what lacks a mark or a rate."""

    prices: Prices
    target: str
    missing: dict[str, None] = field(default_factory=dict)
    assumed: dict[str, None] = field(default_factory=dict)
    stale: dict[str, None] = field(default_factory=dict)

    def rate(self, token: str) -> Amount | None:
        """What one token is worth; None (and it is named) where no mark tells."""
        found = self.prices.rate(token, self.target)
        if found.value is None:
            self.missing[f"{token}/{self.target}"] = None
        if found.is_peg:
            self.assumed[token] = None
        if found.is_stale:
            self.stale[token] = None
        return found.value

    def convert(self, token: str, amount: Amount) -> Amount | None:
        """An amount of a token; nothing is worth nothing whatever the rate."""
        if not amount:
            return ZERO
        rate = self.rate(token)
        return None if rate is None else amount * rate

    def total(self, amounts: Mapping[str, Amount]) -> Amount | None:
        """The sum of amounts by token; None when one of them cannot be converted."""
        parts = [self.convert(token, amount) for token, amount in amounts.items()]
        known = [part for part in parts if part is not None]
        return sum(known, ZERO) if len(known) == len(parts) else None

    def rates(self, tokens: Mapping[str, object]) -> dict[str, Amount]:
        """The rates of these tokens as far as there are any."""
        found = {token: self.rate(token) for token in tokens}
        return {token: rate for token, rate in found.items() if rate is not None}


def published(amount: Amount | None) -> Amount | None:
    """Rounded half-even to 18 decimals."""
    return None if amount is None else round(amount, PUBLISHED_SCALE)


def plus(*parts: Amount | None) -> Amount | None:
    """The sum, None when a part is unknown."""
    known = [part for part in parts if part is not None]
    return sum(known, ZERO) if len(known) == len(parts) else None
