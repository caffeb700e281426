"""The client of asyncio code: `Client`, method by method."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, overload

import redis.asyncio

from pm.client import plans, valued_plans
from pm.client.asking import AsyncAsker, open_server_async
from pm.client.client import DEFAULT_BOOK, ONE_YEAR, Client, Id, in_days, text
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
from pm.history import Archive
from pm.reference.snapshot import Reference
from pm.settings import Settings
from pm.valuation.records import EquityPoint

if TYPE_CHECKING:
    from pm.client.as_of import PastProgress
    from pm.client.past_books import PastBooks


class AsyncClient:
    """Queries of asyncio code: `Client`, method by method."""

    def __init__(
        self,
        server: redis.asyncio.Redis,
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
        """See `Client`; `server` comes from `pm.connect.connect_async`."""
        self.server = server
        self.scope: Scope = make_scope(book, books, book_of, reference, settings)
        self._settings = settings
        self._target: str | None = None
        self.past = Past(settings, archive)
        self._asker = AsyncAsker(server, limits, measures)

    @classmethod
    def open(cls, target: str, settings: Settings | None = None, **options: Any) -> AsyncClient:
        """See `Client.open`; connects at the first query."""
        if settings is not None:
            options.setdefault("limits", QueryLimits.of(settings))
            options.setdefault("measures", QueryMeasures(settings, target))
        limits = options.get("limits", UNLIMITED)
        client = cls(open_server_async(target, limits), settings=settings, **options)
        client._target = target
        return client

    async def close(self) -> None:
        """Close the connections."""
        await self._asker.close()
        await self.server.aclose()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @overload
    async def position(
        self, instrument: str, strategy: Id, book: str | None = None, *, live: bool = False
    ) -> Position | None: ...

    @overload
    async def position(
        self, instrument: str, strategy: None = None, book: str | None = None
    ) -> NettedPosition | None: ...

    async def position(
        self,
        instrument: str,
        strategy: Id | None = None,
        book: str | None = None,
        *,
        live: bool = False,
    ) -> Position | NettedPosition | None:
        """See `Client.position`."""
        if strategy is None:
            netted = plans.netted_position(self.scope, instrument, book)
            return await self._asker.answer(netted, self.scope.spanned(book))
        plan = plans.live_position if live else plans.position
        name = self.scope.one(book, str(strategy))
        return await self._asker.answer(plan(self.scope, instrument, str(strategy), name), (name,))

    async def positions(
        self,
        state: PositionState = "open",
        *,
        strategy: Id | None = None,
        book: str | None = None,
    ) -> Listing[Position]:
        """See `Client.positions`."""
        plan = plans.positions(self.scope, state, text(strategy), book)
        return await self._asker.answer(plan, self.scope.spanned(book, text(strategy)))

    async def strategy_portfolio(
        self, strategy: Id, *, positions: PositionState = "open", book: str | None = None
    ) -> StrategyPortfolio:
        """See `Client.strategy_portfolio`."""
        plan = valued_plans.strategy_portfolio(self.scope, str(strategy), positions, book)
        return await self._asker.answer(plan, self.scope.spanned(book, str(strategy)))

    async def portfolio_summary(self, book: str | None = None) -> PortfolioSummary:
        """See `Client.portfolio_summary`."""
        plan = valued_plans.portfolio_summary(self.scope, book)
        return await self._asker.answer(plan, self.scope.spanned(book))

    async def risk_metrics(
        self,
        lookback: timedelta | int = ONE_YEAR,
        *,
        strategy: Id | None = None,
        book: str | None = None,
    ) -> RiskMetrics:
        """See `Client.risk_metrics`."""
        plan = valued_plans.risk_metrics(self.scope, in_days(lookback), text(strategy), book)
        return await self._asker.answer(plan, self.scope.spanned(book, text(strategy)))

    async def equity(
        self,
        strategy: Id | None = None,
        *,
        start: int | None = None,
        end: int | None = None,
        count: int = 100,
        book: str | None = None,
    ) -> tuple[EquityPoint, ...]:
        """See `Client.equity`."""
        plan = valued_plans.equity(self.scope, text(strategy), book, start, end, count)
        return await self._asker.answer(plan, self.scope.spanned(book, text(strategy)))

    async def balance(
        self, location: str, token: str, book: str | None = None, *, margin: bool = False
    ) -> Balance | None:
        """See `Client.balance`."""
        plan = plans.balance(self.scope, location, token, book, margin)
        return await self._asker.answer(plan, (self.scope.one(book),))

    async def balances(
        self, *, location: str | None = None, book: str | None = None, margin: bool = False
    ) -> Listing[Balance]:
        """See `Client.balances`."""
        plan = plans.balances(self.scope, location, book, margin)
        return await self._asker.answer(plan, self.scope.spanned(book))

    async def chain_balances(
        self, chain_id: Id, *, book: str | None = None, margin: bool = False
    ) -> Listing[Balance]:
        """See `Client.chain_balances`."""
        plan = plans.chain_balances(self.scope, str(chain_id), book, margin)
        return await self._asker.answer(plan, self.scope.spanned(book))

    async def reservations(self, *, book: str | None = None) -> Listing[Reservation]:
        """See `Client.reservations`."""
        plan = plans.reservations(self.scope, book)
        return await self._asker.answer(plan, self.scope.spanned(book))

    async def trace(self, trace_id: str, *, book: str | None = None) -> Trace | None:
        """See `Client.trace`."""
        plan = plans.trace(self.scope, trace_id, book)
        return await self._asker.answer(plan, (self.scope.one(book),))

    async def traces(
        self,
        *,
        since: int | None = None,
        count: int = 100,
        state: TraceState = "all",
        book: str | None = None,
    ) -> Listing[Trace]:
        """See `Client.traces`."""
        plan = plans.traces(self.scope, since, count, state, book)
        return await self._asker.answer(plan, (self.scope.one(book),))

    async def journal(
        self,
        start: int | None = None,
        end: int | None = None,
        count: int = 100,
        *,
        newest_first: bool = False,
        book: str | None = None,
    ) -> Listing[JournalEntry]:
        """See `Client.journal`."""
        name = self.scope.one(book)
        plan = plans.journal(self.scope, start, end, count, newest_first, book)
        found = await self._asker.answer(plan, (name,))
        wanted = Wanted(start, end, count, newest_first)
        if not self.past.lacks(name, found, wanted):
            return found
        return await asyncio.to_thread(self.past.complete, name, found, wanted)

    async def head(self, book: str | None = None) -> BookState:
        """See `Client.head`."""
        plan = plans.head(self.scope, book)
        return await self._asker.answer(plan, (self.scope.one(book),))

    async def as_of(
        self,
        at: int | datetime,
        *,
        book: str | None = None,
        progress: PastProgress | None = None,
    ) -> PastBooks:
        """See `Client.as_of`; for a client made by `open`.

        Folding is work of the processor: it is done in a thread, over a connection of its own, and
        `progress` is called there.
        """
        target, scope = self._target, self.scope
        if target is None:
            raise ValueError("as_of connects by itself: make the client with AsyncClient.open")

        def answered() -> PastBooks:
            with Client.open(
                target,
                self._settings,
                book=scope.home,
                books=scope.books,
                reference=scope.reference,
                limits=self._asker.limits,
                archive=self.past.archive,
            ) as client:
                return client.as_of(at, book=book, progress=progress)

        return await asyncio.to_thread(answered)

    async def strategies(self, book: str | None = None) -> tuple[str, ...]:
        """See `Client.strategies`."""
        plan = plans.strategies(self.scope, book)
        return await self._asker.answer(plan, self.scope.spanned(book))

    async def books(self) -> tuple[str, ...]:
        """See `Client.books`."""
        plan = plans.books()
        return await self._asker.answer(plan, self.scope.books)
