"""Trades that their venue takes back or tells anew once the day has been traded.

The books hear of it when everything else has long been built on them; the ledger works it out as if
the first had never happened and the second had been told rightly at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Final, NamedTuple

from pm.demo.desk import STRATEGY_NAMES, TREND
from pm.demo.exact import ZERO, text_of
from pm.demo.labels import amount_label
from pm.demo.ledger import Ledger, NamedTrade, Trade
from pm.reference.snapshot import Reference

_NOTHING: Final = Trade(ZERO, ZERO, ZERO, ZERO)
_HIGHER: Final = Fraction(1002, 1000)
_PRICE_DECIMALS: Final = 2


class Amendment(NamedTuple):
    """A trade, and the price it has been made at; None: it never happened."""

    told: NamedTrade
    price: Fraction | None


def correctable(ledger: Ledger) -> list[NamedTrade]:
    """Trades of positions to which nothing happens but trades: no transfer, split or settlement."""
    return [told for told in ledger.named if told.key.strategy == TREND]


def amend_trades(ledger: Ledger) -> tuple[Amendment, ...]:
    """Bust one trade of the morning and correct the price of one of the afternoon, in the ledger.

    It must have two that are correctable.
    """
    trades = correctable(ledger)
    busted, corrected = trades[(len(trades) - 1) // 4], trades[-1 - (len(trades) - 1) // 4]
    price = round(corrected.trade.price * _HIGHER, _PRICE_DECIMALS)
    notional = ledger.notional(corrected.key.instrument, corrected.trade.quantity, price)
    ledger.amend(busted, _NOTHING)
    ledger.amend(corrected, corrected.trade._replace(notional=notional, price=price))
    return Amendment(busted, None), Amendment(corrected, price)


def tell_of(amendments: Sequence[Amendment], reference: Reference) -> str:
    """All of them in one line."""
    return "; ".join(_words(amendment, reference) for amendment in amendments)


def _words(amendment: Amendment, reference: Reference) -> str:
    told, price = amendment
    known, trade = reference.instruments[told.key.instrument], told.trade
    done = "purchase" if told.buys else "sale"
    size, at = amount_label(text_of(abs(trade.quantity))), amount_label(text_of(trade.price))
    what = f"{STRATEGY_NAMES[told.key.strategy]}'s {done} of {size} {known.base}"
    if price is None:
        return f"{known.venue} busts {what} at {at}"
    right = amount_label(text_of(price))
    return f"{known.venue} corrects the price of {what} from {at} to {right}"
