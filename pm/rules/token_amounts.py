"""Amounts per token: added to, never removed from, written as JSON sorted by token.

A token that has once been counted stays, at "0" if its amounts cancel: a set of state fields only
grows, and a fee and its rebate in a token without a price have no known value of 0.
"""

from collections.abc import Mapping

from pm.decimals import Amount

TokenAmounts = Mapping[str, Amount]
NO_AMOUNTS: TokenAmounts = {}


def plus(amounts: TokenAmounts, token: str, amount: Amount) -> TokenAmounts:
    """`amounts` with `amount` added to `token`; an amount of 0 adds nothing, not even the token."""
    if not amount:
        return amounts
    held = amounts.get(token)
    return {**amounts, token: amount if held is None else held + amount}


def amounts_json(amounts: TokenAmounts) -> str:
    """The JSON object of `amounts`, tokens in byte order."""
    if not amounts:
        return "{}"
    return "{" + ",".join([f'"{token}":"{amounts[token]}"' for token in sorted(amounts)]) + "}"


def plus_all(amounts: TokenAmounts, more: TokenAmounts) -> TokenAmounts:
    """`amounts` with all of `more` added."""
    for token, amount in more.items():
        amounts = plus(amounts, token, amount)
    return amounts
