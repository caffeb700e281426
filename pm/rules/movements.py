"""What an event moves between balances: summed per location and token, in order of first mention.

Spot and equity exchange base for quote; an option pays its premium; a future or perpetual settles
what it realized; every fee leaves in its own token. What sums to nothing is no movement.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pm.decimals import Amount
from pm.rules.facts import Fee, Place, Terms

EXCHANGED = frozenset({"spot", "equity"})
MARGINED = frozenset({"future", "perpetual"})

TokenMoves = Iterable[tuple[str, Amount]]


class Movement(NamedTuple):
    """An amount of a token that comes to a place, or leaves it below zero."""

    place: Place
    token: str
    amount: Amount


class Movements:
    """The movements of one event."""

    __slots__ = ("_sums",)

    def __init__(self) -> None:
        self._sums: dict[tuple[str, str], Movement] = {}

    def add(self, place: Place, moves: TokenMoves) -> None:
        """Add movements at one place; the first mention of a location tells its chain."""
        for token, amount in moves:
            key = (place.location, token)
            held = self._sums.get(key)
            summed = amount if held is None else held.amount + amount
            self._sums[key] = Movement(place if held is None else held.place, token, summed)

    def settled(self) -> list[Movement]:
        """All that did not sum to nothing."""
        return [movement for movement in self._sums.values() if movement.amount]


def moves_of(place: Place, moves: TokenMoves) -> list[Movement]:
    """Movements at one place alone."""
    movements = Movements()
    movements.add(place, moves)
    return movements.settled()


def execution_moves(
    terms: Terms, quantity: Amount, notional: Amount, realized_pnl: Amount
) -> list[tuple[str, Amount]]:
    """What an execution settles, in the order base, quote, settlement."""
    if terms.kind in EXCHANGED:
        return [(terms.base, quantity), (terms.quote, -notional)]
    if terms.kind == "option":
        return [(terms.settlement, -notional)]
    return [(terms.settlement, realized_pnl)]


def fee_moves(fees: Sequence[Fee]) -> list[tuple[str, Amount]]:
    """What fees take, in their order."""
    return [(fee.token, -fee.amount) for fee in fees]
