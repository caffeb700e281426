"""What the books are worth, in the demo's own arithmetic: unrealized P&L, equity, net P&L.

Figures in dollars are rounded to 18 decimals when they are published, and sums of published figures
are made of the rounded ones; figures per token are exact.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Final, NamedTuple

from pm.demo.desk import BOOKS
from pm.demo.exact import ZERO
from pm.demo.holding import Holding
from pm.demo.ledger import FUTURES, Ledger, PositionKey
from pm.demo.prices import PricePoint

_PUBLISHED_DECIMALS: Final = 18


class Valued(NamedTuple):
    """A position with its value at the mark, in its settlement token."""

    key: PositionKey
    holding: Holding
    kind: str
    settlement: str
    value: Fraction

    @property
    def unrealized(self) -> Fraction:
        """Value less cost."""
        return self.value - self.holding.cost


class Worth(NamedTuple):
    """Equity in dollars of each book and strategy, unrealized P&L per book and token."""

    equity_of_books: Mapping[str, Fraction]
    equity_of_strategies: Mapping[int, Fraction]
    unrealized_of_books: Mapping[str, Mapping[str, Fraction]]
    unrealized_of_strategies: Mapping[int, Fraction]
    unrealized: Fraction

    @property
    def equity(self) -> Fraction:
        """That of all books."""
        return sum(self.equity_of_books.values(), ZERO)


def worth_of(ledger: Ledger, prices: PricePoint) -> Worth:
    """What the ledger's positions and balances are worth at these prices."""
    appraisal = _Appraisal(ledger, prices)
    strategies = ledger.allocated
    return Worth(
        {book: appraisal.equity_of_book(book) for book in BOOKS},
        {strategy: appraisal.equity_of_strategy(strategy) for strategy in strategies},
        {book: _unrealized(appraisal.of_book(book)) for book in BOOKS},
        {
            strategy: appraisal.published(_unrealized(appraisal.of_strategy(strategy)))
            for strategy in strategies
        },
        appraisal.published(_unrealized(appraisal.positions)),
    )


class _Appraisal:
    """One ledger at one set of prices."""

    def __init__(self, ledger: Ledger, prices: PricePoint) -> None:
        self._ledger = ledger
        self._prices = prices
        self.positions = [self._valued(*held) for held in ledger.positions.items()]

    def of_book(self, book: str) -> list[Valued]:
        """The positions of a book."""
        return [held for held in self.positions if held.key.book == book]

    def of_strategy(self, strategy: int) -> list[Valued]:
        """The positions of a strategy."""
        return [held for held in self.positions if held.key.strategy == strategy]

    def equity_of_book(self, book: str) -> Fraction:
        """Balances, gains of futures that are not paid out yet, and the value of options."""
        cash = [
            (key.token, total) for key, total in self._ledger.balances.items() if key.book == book
        ]
        derivatives = [
            (held.settlement, held.value if held.kind == "option" else held.unrealized)
            for held in self.of_book(book)
            if held.kind == "option" or held.kind in FUTURES
        ]
        return _rounded(_rounded(self._dollars(cash)) + self._dollars(derivatives))

    def equity_of_strategy(self, strategy: int) -> Fraction:
        """Its capital and all it made, after every cost."""
        made = [
            (
                held.settlement,
                held.holding.realized
                + held.unrealized
                + held.holding.carry
                - held.holding.fee_value
                - held.holding.transfer_cost,
            )
            for held in self.of_strategy(strategy)
        ]
        capital = self._ledger.allocated[strategy].items()
        return _rounded(self._dollars(capital) + self._dollars(made))

    def published(self, amounts: Mapping[str, Fraction]) -> Fraction:
        """Amounts of tokens in dollars."""
        return _rounded(self._dollars(amounts.items()))

    def _dollars(self, amounts: Iterable[tuple[str, Fraction]]) -> Fraction:
        asset, rate = self._ledger.reference.asset, self._prices.rate
        return sum((amount * rate(asset(token)) for token, amount in amounts), ZERO)

    def _valued(self, key: PositionKey, holding: Holding) -> Valued:
        known = self._ledger.instrument(key.instrument)
        price = self._prices.of(key.instrument)
        value = self._ledger.notional(key.instrument, holding.quantity, price)
        return Valued(key, holding, known.kind, known.settlement, value)


def _unrealized(positions: Iterable[Valued]) -> dict[str, Fraction]:
    """Per settlement token."""
    sums: dict[str, Fraction] = {}
    for held in positions:
        sums[held.settlement] = sums.get(held.settlement, ZERO) + held.unrealized
    return sums


def _rounded(amount: Fraction) -> Fraction:
    return round(amount, _PUBLISHED_DECIMALS)
