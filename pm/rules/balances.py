"""Balances: what an event settles, per location and token.

Spot and equity exchange base for quote; an option pays its premium; a future or perpetual settles
what it realized; every fee leaves in its own token. A balance below zero is a fact and is neither
refused nor clamped. Only `available` and `total` move here, reservations keep theirs.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pm.decimals import ZERO, Amount
from pm.rules.facts import Fee, Terms

Movements = dict[str, Amount]


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


def moved(old: Balance | None, amount: Amount) -> Balance:
    """The balance after `amount` came in (or went out, below zero)."""
    if old is None:
        return balance_of(ZERO, amount)
    return balance_of(old.reserved, old.total + amount)


def _summed(moves: Iterable[tuple[str, Amount]]) -> Movements:
    movements: Movements = {}
    for token, amount in moves:
        held = movements.get(token)
        movements[token] = amount if held is None else held + amount
    return {token: amount for token, amount in movements.items() if amount}


def execution_movements(
    terms: Terms, quantity: Amount, notional: Amount, realized_pnl: Amount, fees: Sequence[Fee]
) -> Movements:
    """What an execution settles, in the order base, quote, settlement, then its fee tokens."""
    if terms.kind in ("spot", "equity"):
        moves = [(terms.base, quantity), (terms.quote, -notional)]
    elif terms.kind == "option":
        moves = [(terms.settlement, -notional)]
    else:
        moves = [(terms.settlement, realized_pnl)]
    moves += [(fee.token, -fee.amount) for fee in fees]
    return _summed(moves)


def fee_movements(fees: Sequence[Fee]) -> Movements:
    """What fees alone settle."""
    return _summed((fee.token, -fee.amount) for fee in fees)
