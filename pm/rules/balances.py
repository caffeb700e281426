"""Balances: total, what orders have reserved of it, and what is available.

A balance below zero is a fact and is neither refused nor clamped. The total moves by settlement
only, the reserved part by orders only; available is what is left of one after the other.
"""

from dataclasses import dataclass

from pm.decimals import ZERO, Amount


@dataclass(frozen=True, slots=True)
class Balance:
    """A balance at one location; `text` is its JSON."""

    available: Amount
    reserved: Amount
    total: Amount
    text: str


def balance_of(reserved: Amount, total: Amount) -> Balance:
    """A balance of which `reserved` is not available, with its JSON made."""
    shown = str(total)
    if not reserved:
        text = f'{{"available":"{shown}","reserved":"0","total":"{shown}"}}'
        return Balance(total, reserved, total, text)
    available = total - reserved
    text = f'{{"available":"{available}","reserved":"{reserved}","total":"{shown}"}}'
    return Balance(available, reserved, total, text)


def moved(old: Balance | None, amount: Amount, released: Amount = ZERO) -> Balance:
    """The balance after `amount` came in and `released` became available; both may be below 0."""
    reserved, total = (ZERO, ZERO) if old is None else (old.reserved, old.total)
    return balance_of(reserved - released if released else reserved, total + amount)
