"""The books as they were: the queries of a client, answered from a journal's prefix.

Everything the journal decides is exactly what was live after its entry. What no journal tells is
told as far as it was recorded: positions are valued at the last mark at or before the moment, and
what a mark-to-market found then (equity, exposure, performance) is None.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import overload

from pm.books.opening import BookError
from pm.client.netting import net_positions
from pm.client.parsing import parse_balance, parse_position, sum_amounts
from pm.client.results import Amounts, Balance, Listing, NettedPosition, Position
from pm.client.totals import StrategyPortfolio, Totals
from pm.client.totals_parsing import net_pnl, parse_portfolio, read_map, totals
from pm.fold import Fold
from pm.reference.snapshot import Reference
from pm.rules.expected import ExpectedState, Hash
from pm.rules.worths import Worths

MarkFields = Mapping[str, str]
"""`mark`, `mark_time` and `mark_stale` as a position's hash has them; empty without a mark."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PastSummary(Totals):
    """Totals of books as they were after the journal entries of `seqs`; see `PortfolioSummary`."""

    seqs: Mapping[str, int]
    net_pnl: Amounts | None
    in_flight: Amounts
    receivables: Amounts
    traces_expired: int
    traces_stranded: int


@dataclass(slots=True)
class PastBook:
    """One book after entry `seq`; `received_at` (ns) is the latest receipt among its entries."""

    name: str
    seq: int
    digest: str
    received_at: int
    _keys: ExpectedState
    _worths: Worths = field(default_factory=Worths)

    @classmethod
    def of(cls, fold: Fold, mark_of: Callable[[Hash], MarkFields]) -> PastBook:
        """The book a fold has reached; `mark_of` gives the mark of a position by its hash."""
        keys = fold.book.expected_state()
        book = cls(fold.name, fold.seq, fold.digest, fold.received_at, keys)
        for member, record in fold.book.state.positions.items():
            held = keys[f"position:{member}"]
            assert isinstance(held, dict)
            mark = mark_of(held) if record.position.quantity else {}
            held.update(book._worths.position(member, record, mark))
        return book

    def hashes(self, kind: str) -> Iterator[tuple[str, Hash]]:
        """Every hash of a kind with the rest of its name, in the order of the live lists."""
        prefix = f"{kind}:"
        # Bytes and code points order names alike: they are ASCII.
        for key in sorted(self._keys):
            held = self._keys[key]
            if key.startswith(prefix) and isinstance(held, dict):
                yield key.removeprefix(prefix), held

    def strategy(self, strategy: str) -> Hash:
        """The hash of a strategy's totals; empty if it never did anything."""
        held = self._keys.get(f"strategy:{strategy}")
        if not isinstance(held, dict):
            return {}
        return held | self._worths.strategy(strategy, {})

    def totals(self) -> Hash:
        """The book's own hash."""
        held = self._keys["book"]
        assert isinstance(held, dict)
        return held | self._worths.book({})


@dataclass(frozen=True, slots=True)
class PastBooks:
    """The books at one moment; the queries are those of `Client`, without what was not recorded."""

    books: Mapping[str, PastBook]
    reference: Reference | None = None

    @property
    def seqs(self) -> dict[str, int]:
        """The last entry that counts, of each book."""
        return {name: book.seq for name, book in self.books.items()}

    @overload
    def position(
        self, instrument: str, strategy: str | int, book: str | None = None
    ) -> Position | None: ...

    @overload
    def position(
        self, instrument: str, strategy: None = None, book: str | None = None
    ) -> NettedPosition | None: ...

    def position(
        self, instrument: str, strategy: str | int | None = None, book: str | None = None
    ) -> Position | NettedPosition | None:
        """A strategy's position, or without strategy the instrument over all; None if never."""
        of = None if strategy is None else str(strategy)
        found = [
            position
            for position in self.positions("all", strategy=of, book=book)
            if position.instrument_id == instrument
        ]
        if not found:
            return None
        return found[0] if of is not None else net_positions(found, self._seqs(book), True)

    def positions(
        self, state: str = "open", *, strategy: str | int | None = None, book: str | None = None
    ) -> Listing[Position]:
        """Positions that were "open" then, "closed" or "all", of a strategy or of all."""
        of = None if strategy is None else str(strategy)
        items = [
            parse_position(past.name, held, self.reference)
            for past in self._chosen(book)
            for _, held in past.hashes("position")
            if of in (None, held["strategy_id"])
            and (state == "all" or (held["quantity"] != "0") == (state == "open"))
        ]
        if state == "all":
            books = list(self.books)
            items.sort(key=lambda item: (books.index(item.book), not item.quantity))
        return Listing(tuple(items), self._seqs(book), True)

    def balances(self, *, location: str | None = None, book: str | None = None) -> Listing[Balance]:
        """Balances of a location or of all."""
        items = [
            parse_balance(past.name, held)
            for past in self._chosen(book)
            for _, held in past.hashes("balance")
            if location in (None, held["location"])
        ]
        return Listing(tuple(items), self._seqs(book), True)

    def strategies(self, book: str | None = None) -> tuple[str, ...]:
        """The strategies that had done anything."""
        return tuple(
            sorted({name for past in self._chosen(book) for name, _ in past.hashes("strategy")})
        )

    def strategy_portfolio(
        self, strategy: str | int, *, positions: str = "open", book: str | None = None
    ) -> StrategyPortfolio:
        """A strategy's totals and positions in the book that knew it (the first, if none did)."""
        of = str(strategy)
        chosen = self._chosen(book)
        past = next((each for each in chosen if each.strategy(of)), chosen[0])
        held = self.positions(positions, strategy=of, book=past.name)
        return parse_portfolio(
            past.name, of, past.strategy(of), held.items, past.seq, True, None, None
        )

    def portfolio_summary(self, book: str | None = None) -> PastSummary:
        """Totals of a book or of all."""
        hashes = [past.totals() for past in self._chosen(book)]
        told = totals(*hashes)
        for name in ("in_flight", "receivables"):
            told[name] = sum_amounts(*(read_map(held, name) for held in hashes))
        for name in ("traces_expired", "traces_stranded"):
            told[name] = sum(int(held[name]) for held in hashes)
        return PastSummary(**told, net_pnl=net_pnl(told), seqs=self._seqs(book))

    def _chosen(self, book: str | None) -> Sequence[PastBook]:
        if book is None:
            return list(self.books.values())
        if book not in self.books:
            raise BookError(f"book {book} does not exist")
        return [self.books[book]]

    def _seqs(self, book: str | None) -> dict[str, int]:
        return {past.name: past.seq for past in self._chosen(book)}
