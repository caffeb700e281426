"""The market's prices as marks: of everything listed, and of every asset in dollars."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Final, NamedTuple

from pm.decimals import Amount
from pm.demo.exact import fixed, text_of
from pm.demo.market import LISTINGS, MID_DECIMALS, listed_price
from pm.marks.mark import Mark, Pair
from pm.reference.snapshot import Reference

REPORTING_CURRENCY: Final = "USD"

_SOURCE: Final = "demo"
_COINS: Final = ("BTC", "ETH", "SOL", "POL", "AVAX", "AAPL")
# Stablecoins are never worth exactly one dollar.
_STABLE: Final = {"USDT": fixed(9_997, 4), "USDC": fixed(10_002, 4)}


class PricePoint(NamedTuple):
    """Prices by subject and quote, once so many executions were told; `at` is nanoseconds."""

    executions: int
    at: int
    prices: Mapping[Pair, Fraction]

    def of(self, instrument: str) -> Fraction:
        """The price of an instrument in its quote."""
        return next(price for (subject, _), price in self.prices.items() if subject == instrument)

    def rate(self, asset: str) -> Fraction:
        """What one unit of an asset is worth in dollars."""
        return Fraction(1) if asset == REPORTING_CURRENCY else self.prices[asset, "USD"]


def price_point(
    mids: Mapping[str, int], reference: Reference, executions: int, at: int
) -> PricePoint:
    """The prices of a moment, from those of the assets."""
    prices: dict[Pair, Fraction] = {
        (listing.instrument, reference.instruments[listing.instrument].quote): fixed(
            listed_price(mids, listing), listing.price_decimals
        )
        for listing in LISTINGS
    }
    for asset in _COINS:
        prices[asset, REPORTING_CURRENCY] = fixed(mids[asset], MID_DECIMALS)
    for asset, price in _STABLE.items():
        prices[asset, REPORTING_CURRENCY] = price
    return PricePoint(executions, at, prices)


def marks_of(point: PricePoint, at: int, received_at: int) -> list[Mark]:
    """The marks to record, as of `at`; times are nanoseconds."""
    return [
        Mark(subject, quote, Amount.parse(text_of(price)), at, _SOURCE, "mark", received_at)
        for (subject, quote), price in point.prices.items()
    ]
