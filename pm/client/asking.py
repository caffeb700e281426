"""How a client gets its answers: within its limits, from memory where the reply is known to hold.

Errors of the server are one `ServerError`, one that took too long a `QueryTimeout`.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import redis
import redis.asyncio
from redis import exceptions
from redis.backoff import ExponentialBackoff

from pm.client.entries import Entries
from pm.client.errors import QueryTimeout
from pm.client.executing import carry_out, carry_out_async, execute, execute_async
from pm.client.limits import QueryLimits
from pm.client.measures import QueryMeasures
from pm.client.plan import Answer, Command, Plan
from pm.client.tracking import AsyncTrackedReads, TrackedReads
from pm.connect import ServerError, connect, connect_async
from pm.connect.client import TIMEOUT_S
from pm.connect.errors import explain

READ_REPEATS: Final = 3

_LOG: Final = logging.getLogger("pm.client")


def open_server(target: str, limits: QueryLimits) -> redis.Redis:
    """A connection for reading: a lost one is made again, an answer in time or not at all."""
    timeout_s = limits.timeout_s or TIMEOUT_S
    server = connect(target, role="reader", timeout_s=timeout_s, repeats=READ_REPEATS)
    if limits.timeout_ms is not None:
        server.set_retry(_retry(redis.retry.Retry))
    return server


def open_server_async(target: str, limits: QueryLimits) -> redis.asyncio.Redis:
    """The asyncio counterpart of `open_server`."""
    timeout_s = limits.timeout_s or TIMEOUT_S
    server = connect_async(target, role="reader", timeout_s=timeout_s, repeats=READ_REPEATS)
    if limits.timeout_ms is not None:
        server.set_retry(_retry(redis.asyncio.retry.Retry))
    return server


def server_name(server: redis.Redis | redis.asyncio.Redis) -> str:
    """What to call the server in an error: its socket, or its host and port."""
    pool: Any = server.connection_pool
    options = pool.connection_kwargs
    return str(options.get("path") or f"redis://{options.get('host')}:{options.get('port')}")


class _Asker:
    """What both kinds share: the words."""

    def __init__(
        self,
        server: redis.Redis | redis.asyncio.Redis,
        limits: QueryLimits,
        measures: QueryMeasures | None,
    ) -> None:
        self._name_of_server: Callable[[], str] = lambda: server_name(server)
        self.limits = limits
        self.measures = measures

    def _failed(self, error: Exception, plan: Plan[Any], place: Sequence[str]) -> ServerError:
        if isinstance(error, exceptions.TimeoutError) and self.limits.timeout_ms is not None:
            return self._too_late(plan, place, "was not answered")
        return ServerError(explain(error, self._name_of_server()))

    def _too_late(self, plan: Plan[Any], place: Sequence[str], what: str) -> QueryTimeout:
        within = f"within {self.limits.timeout_ms} ms"
        return QueryTimeout(f"{self._name_of_server()}: {_named(plan, place)} {what} {within}")

    def _note(self, plan: Plan[Any], place: Sequence[str], started: int, *, is_error: bool) -> None:
        took_ns = time.perf_counter_ns() - started
        if self.measures is not None:
            self.measures.note(_name(plan), took_ns, is_error=is_error)
        if self.limits.slow_ms is not None and took_ns > self.limits.slow_ms * 1_000_000:
            took_ms = took_ns / 1_000_000
            told = {"query": _name(plan), "books": list(place), "took_ms": round(took_ms, 3)}
            _LOG.warning("slow query: %s took %.1f ms", _named(plan, place), took_ms, extra=told)


class Asker(_Asker):
    """Answers plans for blocking code; threads may share one."""

    def __init__(
        self, server: redis.Redis, limits: QueryLimits, measures: QueryMeasures | None = None
    ) -> None:
        super().__init__(server, limits, measures)
        self._server = server
        self._turns = limits.max_concurrent and threading.BoundedSemaphore(limits.max_concurrent)
        self._tracked: TrackedReads | None = None
        if limits.cache_entries:
            entries = Entries(limits.cache_entries, limits.cache_ttl_s)
            self._tracked = TrackedReads(server, entries)

    def answer(self, plan: Plan[Answer], place: Sequence[str]) -> Answer:
        """The answer of a plan; `place` are the books it asks."""
        started, is_error = time.perf_counter_ns(), True
        try:
            answer = self._answer(plan, place)
            is_error = False
            return answer
        finally:
            self._note(plan, place, started, is_error=is_error)

    def _answer(self, plan: Plan[Answer], place: Sequence[str]) -> Answer:
        if self._turns and not self._turns.acquire(timeout=self.limits.timeout_s):
            raise self._too_late(plan, place, "had no turn")
        try:
            return carry_out(self.execute, plan)
        except (exceptions.RedisError, OSError) as error:
            raise self._failed(error, plan, place) from error
        finally:
            if self._turns:
                self._turns.release()

    def execute(self, commands: Sequence[Command]) -> Sequence[Any]:
        """The replies to commands, remembered or asked for."""
        if self._tracked is not None:
            replies = self._tracked.execute(commands)
            if replies is not None:
                return replies
        return execute(self._server, commands)

    def close(self) -> None:
        """Close the connection of the cache, and report what was counted."""
        if self._tracked is not None:
            self._tracked.close()
        if self.measures is not None:
            self.measures.close()


class AsyncAsker(_Asker):
    """Answers plans for asyncio code."""

    def __init__(
        self,
        server: redis.asyncio.Redis,
        limits: QueryLimits,
        measures: QueryMeasures | None = None,
    ) -> None:
        super().__init__(server, limits, measures)
        self._server = server
        self._turns = limits.max_concurrent and asyncio.BoundedSemaphore(limits.max_concurrent)
        self._tracked: AsyncTrackedReads | None = None
        if limits.cache_entries:
            entries = Entries(limits.cache_entries, limits.cache_ttl_s)
            self._tracked = AsyncTrackedReads(server, entries)

    async def answer(self, plan: Plan[Answer], place: Sequence[str]) -> Answer:
        """See `Asker.answer`."""
        started, is_error = time.perf_counter_ns(), True
        try:
            answer = await self._answer(plan, place)
            is_error = False
            return answer
        except asyncio.CancelledError:
            is_error = False  # of whoever asked, not of the query
            raise
        finally:
            self._note(plan, place, started, is_error=is_error)

    async def _answer(self, plan: Plan[Answer], place: Sequence[str]) -> Answer:
        if self._turns:
            await self._wait_for(self._turns.acquire(), plan, place)
        try:
            return await carry_out_async(self.execute, plan)
        except (exceptions.RedisError, OSError) as error:
            raise self._failed(error, plan, place) from error
        finally:
            if self._turns:
                self._turns.release()

    async def execute(self, commands: Sequence[Command]) -> Sequence[Any]:
        """See `Asker.execute`."""
        if self._tracked is not None:
            replies = await self._tracked.execute(commands)
            if replies is not None:
                return replies
        return await execute_async(self._server, commands)

    async def close(self) -> None:
        """See `Asker.close`."""
        if self._tracked is not None:
            await self._tracked.close()
        if self.measures is not None:
            await asyncio.to_thread(self.measures.close)

    async def _wait_for(self, turn: Awaitable[Any], plan: Plan[Any], place: Sequence[str]) -> None:
        try:
            async with asyncio.timeout(self.limits.timeout_s):
                await turn
        except TimeoutError:
            raise self._too_late(plan, place, "had no turn") from None


def _named(plan: Any, place: Sequence[str]) -> str:
    return f"{_name(plan)} of {', '.join(place) or 'no book'}"


def _name(plan: Any) -> str:
    name: str = plan.__name__
    return name


def _retry(kind: type[Any]) -> Any:
    # A repeat after a timeout would make the caller wait for a multiple of it.
    backoff = ExponentialBackoff(cap=0.5, base=0.01)
    return kind(backoff, READ_REPEATS, supported_errors=(exceptions.ConnectionError,))
