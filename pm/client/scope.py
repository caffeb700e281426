"""Which books a reader looks at, and what it knows of instruments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pm.reference.snapshot import Reference


@dataclass(frozen=True, slots=True)
class Scope:
    """The home book, all books (home among them), the book of a strategy, reference data.

    A book named in a query counts first, then the strategy's; what names neither spans all books.
    """

    home: str
    books: tuple[str, ...]
    book_of: Callable[[str], str] | None
    reference: Reference | None

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
