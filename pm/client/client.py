"""The client of blocking code: the queries, straight from Redis.

A client reads; nothing it sends can write. A query that names a book asks that one; one that names
a strategy asks the strategy's book; any other spans all books the client was given. Errors of the
server are one `ServerError`, an answer that took too long a `QueryTimeout`; a book that does not
exist is a `BookError` wherever a query meets it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, overload

import redis
from redis import exceptions

from pm.client import plans, valued_plans
from pm.client.asking import Asker, open_server, server_name
from pm.client.journal import JournalEntry
from pm.client.limits import UNLIMITED, QueryLimits
from pm.client.measures import QueryMeasures
from pm.client.past import Past, Wanted
from pm.client.plans import PositionState, TraceState
from pm.client.results import (
    Balance,
    Listing,
    NettedPosition,
    Position,
    Reservation,
    Trace,
)
from pm.client.scope import Scope, make_scope
from pm.client.totals import BookState, PortfolioSummary, RiskMetrics, StrategyPortfolio
from pm.connect import ServerError
from pm.connect.errors import explain
from pm.history import Archive, History
from pm.reference.snapshot import Reference
from pm.settings import Settings
from pm.valuation.records import EquityPoint

if TYPE_CHECKING:
    from pm.client.as_of import PastProgress
    from pm.client.past_books import PastBooks

Id = str | int

DEFAULT_BOOK = "main"
ONE_YEAR = timedelta(days=365)


class Client:
    """Queries of blocking code. `server` must give text (`pm.connect.connect` does by default)."""

    def __init__(
        self,
        server: redis.Redis,
        *,
        book: str = DEFAULT_BOOK,
        books: Sequence[str] = (),
        book_of: Callable[[str], str] | None = None,
        reference: Reference | None = None,
        settings: Settings | None = None,
        limits: QueryLimits = UNLIMITED,
        measures: QueryMeasures | None = None,
        archive: Archive | None = None,
    ) -> None:
        """`book` is the home book, `books` all of them; `book_of` tells the book of a strategy.

        With `reference`, positions carry their instrument's metadata and risk figures. `settings`
        are the conventions of valued figures (the defaults without), and name the archive, which
        holds what is no longer in Redis, unless `archive` is given; `limits` bound every query,
        none by default; `measures` count them. Threads may share a client.
        """
        self.server = server
        self.scope: Scope = make_scope(book, books, book_of, reference, settings)
        self._settings = settings
        self.past = Past(settings, archive)
        self._asker = Asker(server, limits, measures)

    @classmethod
    def open(cls, target: str, settings: Settings | None = None, **options: Any) -> Client:
        """A client of the server at `target` (a URL or the path of a socket) with its options.

        With `settings`, its queries are cached and bounded as they say unless `limits` do, and
        counted unless `measures` is None.
        """
        if settings is not None:
            options.setdefault("limits", QueryLimits.of(settings))
            options.setdefault("measures", QueryMeasures(settings, target))
        limits = options.get("limits", UNLIMITED)
        return cls(open_server(target, limits), settings=settings, **options)

    def close(self) -> None:
        """Close the connections."""
        self._asker.close()
        self.server.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @overload
    def position(
        self, instrument: str, strategy: Id, book: str | None = None, *, live: bool = False
    ) -> Position | None: ...

    @overload
    def position(
        self, instrument: str, strategy: None = None, book: str | None = None
    ) -> NettedPosition | None: ...

    def position(
        self,
        instrument: str,
        strategy: Id | None = None,
        book: str | None = None,
        *,
        live: bool = False,
    ) -> Position | NettedPosition | None:
        """A strategy's position, or without strategy the instrument over all; None if never.

        With `live`, a strategy's position carries its value at the newest mark there is.
        """
        if strategy is None:
            netted = plans.netted_position(self.scope, instrument, book)
            return self._asker.answer(netted, self.scope.spanned(book))
        plan = plans.live_position if live else plans.position
        name = self.scope.one(book, str(strategy))
        return self._asker.answer(plan(self.scope, instrument, str(strategy), name), (name,))

    def positions(
        self,
        state: PositionState = "open",
        *,
        strategy: Id | None = None,
        book: str | None = None,
    ) -> Listing[Position]:
        """Positions, open ones unless asked otherwise, of a strategy or of all."""
        plan = plans.positions(self.scope, state, text(strategy), book)
        return self._asker.answer(plan, self.scope.spanned(book, text(strategy)))

    def strategy_portfolio(
        self, strategy: Id, *, positions: PositionState = "open", book: str | None = None
    ) -> StrategyPortfolio:
        """A strategy's totals and positions, its valuation and performance."""
        plan = valued_plans.strategy_portfolio(self.scope, str(strategy), positions, book)
        return self._asker.answer(plan, self.scope.spanned(book, str(strategy)))

    def portfolio_summary(self, book: str | None = None) -> PortfolioSummary:
        """Totals of a book or of all, their worth now, and the last mark-to-market."""
        plan = valued_plans.portfolio_summary(self.scope, book)
        return self._asker.answer(plan, self.scope.spanned(book))

    def risk_metrics(
        self,
        lookback: timedelta | int = ONE_YEAR,
        *,
        strategy: Id | None = None,
        book: str | None = None,
    ) -> RiskMetrics:
        """Risk of a strategy, a book or all books, of the last `lookback` (a number is days)."""
        plan = valued_plans.risk_metrics(self.scope, in_days(lookback), text(strategy), book)
        return self._asker.answer(plan, self.scope.spanned(book, text(strategy)))

    def equity(
        self,
        strategy: Id | None = None,
        *,
        start: int | None = None,
        end: int | None = None,
        count: int = 100,
        book: str | None = None,
    ) -> tuple[EquityPoint, ...]:
        """The last `count` equity points from `start` to `end` (ns), oldest first."""
        plan = valued_plans.equity(self.scope, text(strategy), book, start, end, count)
        return self._asker.answer(plan, self.scope.spanned(book, text(strategy)))

    def balance(
        self, location: str, token: str, book: str | None = None, *, margin: bool = False
    ) -> Balance | None:
        """One balance of one book, the home book unless named; None if it knows of none."""
        plan = plans.balance(self.scope, location, token, book, margin)
        return self._asker.answer(plan, (self.scope.one(book),))

    def balances(
        self, *, location: str | None = None, book: str | None = None, margin: bool = False
    ) -> Listing[Balance]:
        """Balances of a location or of all, with `margin` what derivatives take from them."""
        plan = plans.balances(self.scope, location, book, margin)
        return self._asker.answer(plan, self.scope.spanned(book))

    def chain_balances(
        self, chain_id: Id, *, book: str | None = None, margin: bool = False
    ) -> Listing[Balance]:
        """Balances on a chain; 0 is off chain."""
        plan = plans.chain_balances(self.scope, str(chain_id), book, margin)
        return self._asker.answer(plan, self.scope.spanned(book))

    def reservations(self, *, book: str | None = None) -> Listing[Reservation]:
        """What orders hold back of balances, those longest without news first."""
        plan = plans.reservations(self.scope, book)
        return self._asker.answer(plan, self.scope.spanned(book))

    def trace(self, trace_id: str, *, book: str | None = None) -> Trace | None:
        """What one book, the home book unless named, holds of a trace."""
        plan = plans.trace(self.scope, trace_id, book)
        return self._asker.answer(plan, (self.scope.one(book),))

    def traces(
        self,
        *,
        since: int | None = None,
        count: int = 100,
        state: TraceState = "all",
        book: str | None = None,
    ) -> Listing[Trace]:
        """Traces by their last step, latest first; `since` in nanoseconds."""
        plan = plans.traces(self.scope, since, count, state, book)
        return self._asker.answer(plan, (self.scope.one(book),))

    def journal(
        self,
        start: int | None = None,
        end: int | None = None,
        count: int = 100,
        *,
        newest_first: bool = False,
        book: str | None = None,
    ) -> Listing[JournalEntry]:
        """At most `count` journal entries from seq `start` to `end`, both included.

        HistoryGap where some are neither in Redis nor in an archive the client knows.
        """
        name = self.scope.one(book)
        plan = plans.journal(self.scope, start, end, count, newest_first, book)
        found = self._asker.answer(plan, (name,))
        return self.past.complete(name, found, Wanted(start, end, count, newest_first))

    def head(self, book: str | None = None) -> BookState:
        """Where a book stands: seq, digest, cursors, totals."""
        plan = plans.head(self.scope, book)
        return self._asker.answer(plan, (self.scope.one(book),))

    def as_of(
        self,
        at: int | datetime,
        *,
        book: str | None = None,
        progress: PastProgress | None = None,
    ) -> PastBooks:
        """The books as they were at a time, or a book after a journal entry; see `as_of`.

        A number below 10**12 is a seq, another is nanoseconds. It takes as long as it takes to fold
        the journal from the nearest checkpoint; archive and checkpoints are found by the settings.
        """
        # The rules are loaded by who asks for the past: most processes never do.
        from pm.client.as_of import as_of, no_progress

        books, told = self.scope.spanned(book), progress or no_progress
        try:
            history = History(self.server, self.past.archive)
            return as_of(history, at, books, self._settings, self.scope.reference, told)
        except (exceptions.RedisError, OSError) as error:
            raise ServerError(explain(error, server_name(self.server))) from error

    def strategies(self, book: str | None = None) -> tuple[str, ...]:
        """The strategies that ever did anything."""
        plan = plans.strategies(self.scope, book)
        return self._asker.answer(plan, self.scope.spanned(book))

    def books(self) -> tuple[str, ...]:
        """The books that exist on the server."""
        plan = plans.books()
        return self._asker.answer(plan, self.scope.books)


def in_days(lookback: timedelta | int) -> int:
    """A period as whole days, a part of a day counting as one; ValueError unless above 0."""
    days = lookback if isinstance(lookback, int) else -(-lookback // timedelta(days=1))
    if days < 1:
        raise ValueError(f"lookback: {lookback} is not above 0")
    return days


def text(strategy: Id | None) -> str | None:
    """A strategy's id as keys have it."""
    return None if strategy is None else str(strategy)
