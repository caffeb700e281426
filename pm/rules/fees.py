"""What the fees of an event are worth, and how they part when a position is closed and reopened."""

from collections.abc import Sequence
from typing import NamedTuple

from pm.decimals import ZERO, Amount
from pm.rules.facts import Fee, Terms
from pm.rules.legs import Crossing, Leg, share
from pm.rules.token_amounts import NO_AMOUNTS, TokenAmounts, plus


class FeeSum(NamedTuple):
    """Fees per token, the value of those with one, and per token those without."""

    paid: TokenAmounts
    value: Amount
    unvalued: TokenAmounts


NO_FEES = FeeSum(NO_AMOUNTS, ZERO, NO_AMOUNTS)


def fee_legs(fees: Sequence[Fee], terms: Terms, price: Amount | None) -> list[Leg]:
    """The legs of trading fees paid in the base token of a spot instrument; others have none.

    Without a price the leg carries no notional: the tokens are gone all the same.
    """
    if terms.kind != "spot":
        return []
    return [
        Leg(-fee.amount, ZERO if price is None else -(fee.amount * price))
        for fee in fees
        if fee.token == terms.base and not fee.gas
    ]


def fee_value(token: str, amount: Amount, terms: Terms, price: Amount | None) -> Amount | None:
    """The value of a fee in the settlement token; None where only a later mark can tell."""
    if token == terms.settlement:
        return amount
    if token == terms.base and price is not None and not terms.inverse:
        return amount * price
    return None


def plus_fees(fees: FeeSum, more: Sequence[Fee], terms: Terms, price: Amount | None) -> FeeSum:
    """`fees` with `more` added."""
    paid, value, unvalued = fees
    for token, amount, _ in more:
        if not amount:
            continue
        paid = plus(paid, token, amount)
        worth = fee_value(token, amount, terms, price)
        if worth is None:
            unvalued = plus(unvalued, token, amount)
        else:
            value = value + worth
    return FeeSum(paid, value, unvalued)


def closing_fees(fees: Sequence[Fee], crossing: Crossing, main: Amount) -> list[Fee]:
    """The part of an event's fees that belongs to what it closed; the rest is that of the opened.

    The execution's own leg of quantity `main` (0 when there is none) shares them by quantity; where
    only a fee leg reached zero, the execution and its fees belong to what was closed.
    """
    size = abs(main)
    if not main or crossing.leg > 0 or crossing.closed == size:
        return list(fees)
    return [
        Fee(token, share(amount, crossing.closed, size), is_gas) for token, amount, is_gas in fees
    ]
