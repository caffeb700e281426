"""The two clients: the same queries for blocking and for asyncio code, straight from Redis.

A client reads; nothing it sends can write. A query that names a book asks that one; one that names
a strategy asks the strategy's book; any other spans all books the client was given. Errors of the
server are one `ServerError`; a book that does not exist is a `BookError` wherever a query meets it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar, overload

import redis
import redis.asyncio
from redis import exceptions

from pm.client import plans
from pm.client.executing import carry_out, carry_out_async
from pm.client.journal import JournalEntry
from pm.client.plans import Plan, PositionState
from pm.client.results import (
    Balance,
    BookState,
    Listing,
    NettedPosition,
    Position,
    StrategyPortfolio,
    Trace,
)
from pm.client.scope import Scope
from pm.connect import ServerError, connect, connect_async
from pm.connect.errors import explain
from pm.reference.snapshot import Reference

Answer = TypeVar("Answer")
Id = str | int

READ_REPEATS = 3
DEFAULT_BOOK = "main"


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
    ) -> None:
        """`book` is the home book, `books` all of them; `book_of` tells the book of a strategy.

        With `reference`, positions carry their instrument's metadata and risk figures.
        """
        self.server = server
        self.scope = Scope(book, tuple(books) or (book,), book_of, reference)

    @classmethod
    def open(cls, target: str, **options: Any) -> Client:
        """A client of the server at `target` (a URL or the path of a socket) with its options."""
        return cls(connect(target, role="reader", repeats=READ_REPEATS), **options)

    def close(self) -> None:
        """Close the connections."""
        self.server.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @overload
    def position(
        self, instrument: str, strategy: Id, book: str | None = None
    ) -> Position | None: ...

    @overload
    def position(
        self, instrument: str, strategy: None = None, book: str | None = None
    ) -> NettedPosition | None: ...

    def position(
        self, instrument: str, strategy: Id | None = None, book: str | None = None
    ) -> Position | NettedPosition | None:
        """A strategy's position, or without strategy the instrument over all; None if never."""
        if strategy is None:
            return self._answer(plans.netted_position(self.scope, instrument, book))
        return self._answer(plans.position(self.scope, instrument, str(strategy), book))

    def positions(
        self,
        state: PositionState = "open",
        *,
        strategy: Id | None = None,
        book: str | None = None,
    ) -> Listing[Position]:
        """Positions, open ones unless asked otherwise, of a strategy or of all."""
        return self._answer(plans.positions(self.scope, state, _text(strategy), book))

    def strategy_portfolio(
        self, strategy: Id, *, positions: PositionState = "open", book: str | None = None
    ) -> StrategyPortfolio:
        """A strategy's totals and positions."""
        return self._answer(plans.strategy_portfolio(self.scope, str(strategy), positions, book))

    def balance(self, location: str, token: str, book: str | None = None) -> Balance | None:
        """One balance of one book, the home book unless named; None if it knows of none."""
        return self._answer(plans.balance(self.scope, location, token, book))

    def balances(self, *, location: str | None = None, book: str | None = None) -> Listing[Balance]:
        """Balances of a location or of all."""
        return self._answer(plans.balances(self.scope, location, book))

    def chain_balances(self, chain_id: Id, *, book: str | None = None) -> Listing[Balance]:
        """Balances on a chain; 0 is off chain."""
        return self._answer(plans.chain_balances(self.scope, str(chain_id), book))

    def trace(self, trace_id: str, *, book: str | None = None) -> Trace | None:
        """What one book, the home book unless named, holds of a trace."""
        return self._answer(plans.trace(self.scope, trace_id, book))

    def traces(
        self, *, since: int | None = None, count: int = 100, book: str | None = None
    ) -> Listing[Trace]:
        """Traces by their last step, latest first; `since` in nanoseconds."""
        return self._answer(plans.traces(self.scope, since, count, book))

    def journal(
        self,
        start: int | None = None,
        end: int | None = None,
        count: int = 100,
        *,
        newest_first: bool = False,
        book: str | None = None,
    ) -> Listing[JournalEntry]:
        """At most `count` journal entries from seq `start` to `end`, both included."""
        return self._answer(plans.journal(self.scope, start, end, count, newest_first, book))

    def head(self, book: str | None = None) -> BookState:
        """Where a book stands: seq, digest, cursors, totals."""
        return self._answer(plans.head(self.scope, book))

    def strategies(self, book: str | None = None) -> tuple[str, ...]:
        """The strategies that ever did anything."""
        return self._answer(plans.strategies(self.scope, book))

    def books(self) -> tuple[str, ...]:
        """The books that exist on the server."""
        return self._answer(plans.books())

    def _answer(self, plan: Plan[Answer]) -> Answer:
        with _in_one_line(self.server):
            return carry_out(self.server, plan)


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
    ) -> None:
        """See `Client`; `server` comes from `pm.connect.connect_async`."""
        self.server = server
        self.scope = Scope(book, tuple(books) or (book,), book_of, reference)

    @classmethod
    def open(cls, target: str, **options: Any) -> AsyncClient:
        """See `Client.open`; connects at the first query."""
        return cls(connect_async(target, role="reader", repeats=READ_REPEATS), **options)

    async def close(self) -> None:
        """Close the connections."""
        await self.server.aclose()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @overload
    async def position(
        self, instrument: str, strategy: Id, book: str | None = None
    ) -> Position | None: ...

    @overload
    async def position(
        self, instrument: str, strategy: None = None, book: str | None = None
    ) -> NettedPosition | None: ...

    async def position(
        self, instrument: str, strategy: Id | None = None, book: str | None = None
    ) -> Position | NettedPosition | None:
        """See `Client.position`."""
        if strategy is None:
            return await self._answer(plans.netted_position(self.scope, instrument, book))
        return await self._answer(plans.position(self.scope, instrument, str(strategy), book))

    async def positions(
        self,
        state: PositionState = "open",
        *,
        strategy: Id | None = None,
        book: str | None = None,
    ) -> Listing[Position]:
        """See `Client.positions`."""
        return await self._answer(plans.positions(self.scope, state, _text(strategy), book))

    async def strategy_portfolio(
        self, strategy: Id, *, positions: PositionState = "open", book: str | None = None
    ) -> StrategyPortfolio:
        """See `Client.strategy_portfolio`."""
        return await self._answer(
            plans.strategy_portfolio(self.scope, str(strategy), positions, book)
        )

    async def balance(self, location: str, token: str, book: str | None = None) -> Balance | None:
        """See `Client.balance`."""
        return await self._answer(plans.balance(self.scope, location, token, book))

    async def balances(
        self, *, location: str | None = None, book: str | None = None
    ) -> Listing[Balance]:
        """See `Client.balances`."""
        return await self._answer(plans.balances(self.scope, location, book))

    async def chain_balances(self, chain_id: Id, *, book: str | None = None) -> Listing[Balance]:
        """See `Client.chain_balances`."""
        return await self._answer(plans.chain_balances(self.scope, str(chain_id), book))

    async def trace(self, trace_id: str, *, book: str | None = None) -> Trace | None:
        """See `Client.trace`."""
        return await self._answer(plans.trace(self.scope, trace_id, book))

    async def traces(
        self, *, since: int | None = None, count: int = 100, book: str | None = None
    ) -> Listing[Trace]:
        """See `Client.traces`."""
        return await self._answer(plans.traces(self.scope, since, count, book))

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
        return await self._answer(plans.journal(self.scope, start, end, count, newest_first, book))

    async def head(self, book: str | None = None) -> BookState:
        """See `Client.head`."""
        return await self._answer(plans.head(self.scope, book))

    async def strategies(self, book: str | None = None) -> tuple[str, ...]:
        """See `Client.strategies`."""
        return await self._answer(plans.strategies(self.scope, book))

    async def books(self) -> tuple[str, ...]:
        """See `Client.books`."""
        return await self._answer(plans.books())

    async def _answer(self, plan: Plan[Answer]) -> Answer:
        with _in_one_line(self.server):
            return await carry_out_async(self.server, plan)


def server_name(server: redis.Redis | redis.asyncio.Redis) -> str:
    """What to call the server in an error: its socket, or its host and port."""
    pool: Any = server.connection_pool
    options = pool.connection_kwargs
    return str(options.get("path") or f"redis://{options.get('host')}:{options.get('port')}")


@contextmanager
def _in_one_line(server: redis.Redis | redis.asyncio.Redis) -> Generator[None]:
    try:
        yield
    except (exceptions.RedisError, OSError) as error:
        raise ServerError(explain(error, server_name(server))) from error


def _text(strategy: Id | None) -> str | None:
    return None if strategy is None else str(strategy)
