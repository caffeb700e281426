"""Which books a reader looks at, what it knows of instruments, how its figures are made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from pm.client.rates import Rates
from pm.reference.snapshot import Reference
from pm.settings import RiskMetricsSettings, Settings, ValuationSettings


@dataclass(frozen=True, slots=True)
class Scope:
    """The home book, all books (home among them), the book of a strategy, reference data.

    A book named in a query counts first, then the strategy's; what names neither spans all books.
    """

    home: str
    books: tuple[str, ...]
    book_of: Callable[[str], str] | None
    reference: Reference | None
    valuation: ValuationSettings
    risk_metrics: RiskMetricsSettings
    rates: Rates = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "rates", Rates(self.reference, self.valuation))

    def one(self, book: str | None, strategy: str | None = None) -> str:
        """The single book of a query."""
        if book is not None:
            return book
        if strategy is not None and self.book_of is not None:
            return self.book_of(strategy)
        return self.home

    def spanned(self, book: str | None, strategy: str | None = None) -> tuple[str, ...]:
        """The books of a query that may cover several."""
        if book is None and strategy is None:
            return self.books
        return (self.one(book, strategy),)


def make_scope(
    book: str,
    books: Sequence[str],
    book_of: Callable[[str], str] | None,
    reference: Reference | None,
    settings: Settings | None,
) -> Scope:
    """The scope of a client, with the conventions of its settings or the defaults."""
    told = settings or Settings()
    every = tuple(books) or (book,)
    return Scope(book, every, book_of, reference, told.valuation, told.risk_metrics)
