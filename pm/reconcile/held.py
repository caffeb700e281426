"""What the books hold at one location: of every book, at one of its seqs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from pm.decimals import ZERO, Amount
from pm.rules.state import BookState


class HeldBalance(NamedTuple):
    """One token of one book."""

    total: Amount
    available: Amount


class HeldPosition(NamedTuple):
    """One strategy's position; P&L and cost in its settlement token."""

    strategy: str
    quantity: Amount
    cost: Amount
    realized_pnl: Amount
    multiplier: Amount
    inverse: bool
    settlement: str
    kind: str


@dataclass(slots=True)
class Held:
    """Balances by token and positions by instrument, each by book; `seqs` says when."""

    location: str
    seqs: dict[str, int] = field(default_factory=dict)
    balances: dict[str, dict[str, HeldBalance]] = field(default_factory=lambda: defaultdict(dict))
    positions: dict[str, dict[str, list[HeldPosition]]] = field(
        default_factory=lambda: defaultdict(dict)
    )

    def total(self, token: str) -> Amount:
        """The token's total over all books."""
        return _sum(held.total for held in self.balances.get(token, {}).values())

    def available(self, token: str) -> Amount:
        """What of it no order holds back."""
        return _sum(held.available for held in self.balances.get(token, {}).values())

    def quantity(self, instrument: str) -> Amount:
        """The instrument's quantity over all books and strategies."""
        return _sum(held.quantity for held in self.all_positions(instrument))

    def all_positions(self, instrument: str) -> list[HeldPosition]:
        """Its positions in all books."""
        books = self.positions.get(instrument, {})
        return [held for book in sorted(books) for held in books[book]]

    def add_state(self, book: str, state: BookState, venue: str) -> None:
        """Take in what a folded book holds."""
        self.seqs[book] = state.seq
        for balance in state.balances.values():
            if balance.location == self.location:
                of = balance.balance
                self.balances[balance.token][book] = HeldBalance(of.total, of.available)
        for record in state.positions.values():
            terms, position = record.terms, record.position
            told = HeldPosition(
                record.strategy,
                position.quantity,
                position.cost,
                position.realized_pnl,
                terms.multiplier,
                terms.inverse,
                terms.settlement,
                terms.kind,
            )
            self.add_position(book, record.instrument, record.place.location, venue, told)

    def add_position(
        self, book: str, instrument: str, place: str, venue: str, position: HeldPosition
    ) -> None:
        """Take in a position, if it is of the venue and, as far as it says where, lies here."""
        if instrument.partition(".")[0] == venue and place in ("", self.location):
            self.positions[instrument].setdefault(book, []).append(position)


def _sum(amounts: Iterable[Amount]) -> Amount:
    summed = ZERO
    for amount in amounts:
        summed += amount
    return summed
