"""The close of the day: what happens to instruments once trading has ended, and what it comes to.

A funding payment, a dividend, a split with cash for the fraction, a daily settlement. All of them
depend on what is held at that moment, so they come when nothing else moves.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Final, NamedTuple

from pm.demo.book_event import BookEvent
from pm.demo.desk import BASIS_DESK, EQUITIES, book_of
from pm.demo.exact import ZERO, text_of
from pm.demo.labels import amount_label
from pm.demo.ledger import Ledger
from pm.demo.market import BASIS, SHARES
from pm.demo.prices import PricePoint
from pm.events.model import Dividend, Funding, Settlement, Split

_PERPETUAL, _FUTURE = (listing.instrument for listing in BASIS)
(_SHARE,) = (listing.instrument for listing in SHARES)
_FUNDING_RATE: Final = "0.0001"
_DIVIDEND: Final = "0.26"
_SPLIT_NEW, _SPLIT_OLD = 3, 2
_DIVIDEND_ID: Final = "demo-dividend"


class Close(NamedTuple):
    """The events, in words what they came to, and the prices after them."""

    events: tuple[BookEvent, ...]
    told: tuple[str, ...]
    prices: PricePoint


def close_day(ledger: Ledger, prices: PricePoint) -> Close:
    """Close the day at its last prices, `ledger` included."""
    after = _split_prices(prices)
    events = (
        BookEvent(book_of(BASIS_DESK), _funding(prices)),
        *(BookEvent(book_of(EQUITIES), event) for event in _of_share(prices, after)),
        BookEvent(book_of(BASIS_DESK), _settlement(prices)),
    )
    return Close(events, _enter(ledger, prices, after), after)


def _enter(ledger: Ledger, prices: PricePoint, after: PricePoint) -> tuple[str, ...]:
    funding = ledger.pay(_PERPETUAL, -Fraction(_FUNDING_RATE) * prices.of(_PERPETUAL))
    held = _held(ledger)
    dividend = ledger.pay(_SHARE, Fraction(_DIVIDEND))
    ledger.split(_SHARE, _SPLIT_NEW, _SPLIT_OLD, after.of(_SHARE))
    settled = ledger.settle(_FUTURE, prices.of(_FUTURE))
    price, holds = prices.of(_FUTURE), _held(ledger)
    return (
        f"the close: {_label(funding)} USDT of funding; a dividend of {_label(dividend)} USD on"
        f" {_label(held)} AAPL, which a split {_SPLIT_NEW}:{_SPLIT_OLD} makes {_label(holds)}",
        f"BTC25JUN is settled at {_label(price)}: its gain so far, {_label(settled)} BTC, is cash",
    )


def _label(amount: Fraction) -> str:
    return amount_label(text_of(amount))


def _held(ledger: Ledger) -> Fraction:
    return sum(
        (held.quantity for key, held in ledger.positions.items() if key.instrument == _SHARE), ZERO
    )


def _funding(prices: PricePoint) -> Funding:
    return Funding(
        "demo-funding",
        _PERPETUAL,
        prices.at + 1,
        rate=_FUNDING_RATE,
        price=text_of(prices.of(_PERPETUAL)),
    )


def _of_share(prices: PricePoint, after: PricePoint) -> tuple[Dividend, Dividend, Split]:
    return (
        Dividend(_DIVIDEND_ID, "ex", _SHARE, prices.at + 2, rate=_DIVIDEND),
        Dividend(_DIVIDEND_ID, "paid", _SHARE, prices.at + 3),
        Split(
            "demo-split",
            _SHARE,
            str(_SPLIT_NEW),
            str(_SPLIT_OLD),
            prices.at + 4,
            price=text_of(after.of(_SHARE)),
        ),
    )


def _settlement(prices: PricePoint) -> Settlement:
    return Settlement("demo-settlement", _FUTURE, text_of(prices.of(_FUTURE)), prices.at + 5)


def _split_prices(prices: PricePoint) -> PricePoint:
    """The prices after the split: 8 decimals, rounded down, of the share and of its token."""
    split: Mapping[tuple[str, str], Fraction] = {
        pair: Fraction(int(price * 10**8 * _SPLIT_OLD / _SPLIT_NEW), 10**8)
        for pair, price in prices.prices.items()
        if pair[0] in (_SHARE, "AAPL")
    }
    return prices._replace(at=prices.at + 6, prices={**prices.prices, **split})
