"""The update feed: every change of a book, in order, none lost and none twice.

`following` decides; the two classes here only do what it asks, one blocking and one for asyncio.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any, overload

from redis import exceptions

from pm.client.asking import server_name
from pm.client.async_client import AsyncClient
from pm.client.client import Client
from pm.client.course import CHECK_EVERY_S, CONFIRM_WITHIN_S, Course, check_confirmed, text_of
from pm.client.executing import execute, execute_async
from pm.client.following import Ask, Effect, Pause, Recall, Receive, Subscribe
from pm.client.past import recalled
from pm.client.updates import Update


class Feed:
    """The updates of one book for blocking code: iterate over it, or `get` the next one.

    `from_seq` is the first seq wanted (after a restart: the last one handled + 1); None is from now
    on. The errors are final: JournalTrimmed, JournalRewritten, BookError, ServerError. A lost
    connection is made again; only with `survive_outages` a server that is away is waited for.
    `sharded` must be what the book is published with. `check_every_s` is how long silence is
    believed before the journal is asked.
    """

    def __init__(
        self,
        client: Client,
        book: str | None = None,
        *,
        from_seq: int | None = None,
        sharded: bool = False,
        survive_outages: bool = False,
        check_every_s: float = CHECK_EVERY_S,
    ) -> None:
        self._server: Any = client.server
        self._past = client.past
        self._subscription: Any = None
        self._course = Course(
            server_name(client.server),
            client.scope.one(book),
            from_seq=from_seq,
            sharded=sharded,
            survive_outages=survive_outages,
            check_every_s=check_every_s,
        )

    @property
    def seq(self) -> int | None:
        """Every update up to here was delivered; None before a feed from now on has begun."""
        return self._course.progress.seq

    def get(self, timeout_s: float | None = None) -> Update | None:
        """The next update; None if there is none within `timeout_s`."""
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        try:
            effect = self._course.effect()
            while not isinstance(effect, Update):
                try:
                    is_done, outcome = self._perform(effect, deadline)
                except (exceptions.RedisError, OSError) as error:
                    effect = self._course.fail(error)
                    continue
                if not is_done:
                    return None
                effect = self._course.advance(outcome)
        except Exception:
            self.close()
            raise
        return self._course.take(effect)

    def close(self) -> None:
        """End the subscription; the client stays open."""
        self._course.close()
        self._unsubscribe()

    def __iter__(self) -> Feed:
        return self

    def __next__(self) -> Update:
        update = self.get()
        assert update is not None
        return update

    def __enter__(self) -> Feed:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _perform(self, effect: Effect, deadline: float | None) -> tuple[bool, Any]:
        """Whether the effect is done, and its outcome; a wait may outlast the deadline."""
        match effect:
            case Ask():
                return True, execute(self._server, effect.commands)
            case Recall():
                return True, recalled(self._past, effect)
            case Subscribe():
                self._subscribe(effect)
            case Receive():
                message = self._subscription.get_message(timeout=self._course.wait_s(deadline))
                text = text_of(message)
                return text is not None or self._course.is_over(), text
            case Pause():
                time.sleep(self._course.wait_s(deadline))
                return self._course.is_over(), None
        return True, None

    def _subscribe(self, wanted: Subscribe) -> None:
        self._unsubscribe()
        self._subscription = self._server.pubsub()
        if wanted.sharded:
            self._subscription.ssubscribe(wanted.channel)
        else:
            self._subscription.subscribe(wanted.channel)
        check_confirmed(self._subscription.get_message(timeout=CONFIRM_WITHIN_S))

    def _unsubscribe(self) -> None:
        if self._subscription is not None:
            self._subscription.close()
            self._subscription = None


class AsyncFeed:
    """The updates of one book for asyncio code; see `Feed`."""

    def __init__(
        self,
        client: AsyncClient,
        book: str | None = None,
        *,
        from_seq: int | None = None,
        sharded: bool = False,
        survive_outages: bool = False,
        check_every_s: float = CHECK_EVERY_S,
    ) -> None:
        self._server: Any = client.server
        self._past = client.past
        self._subscription: Any = None
        self._course = Course(
            server_name(client.server),
            client.scope.one(book),
            from_seq=from_seq,
            sharded=sharded,
            survive_outages=survive_outages,
            check_every_s=check_every_s,
        )

    @property
    def seq(self) -> int | None:
        """See `Feed.seq`."""
        return self._course.progress.seq

    async def get(self, timeout_s: float | None = None) -> Update | None:
        """See `Feed.get`; a cancelled call loses nothing."""
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        try:
            effect = self._course.effect()
            while not isinstance(effect, Update):
                try:
                    is_done, outcome = await self._perform(effect, deadline)
                except (exceptions.RedisError, OSError) as error:
                    effect = self._course.fail(error)
                    continue
                if not is_done:
                    return None
                effect = self._course.advance(outcome)
        except Exception:
            await self.close()
            raise
        return self._course.take(effect)

    async def close(self) -> None:
        """See `Feed.close`."""
        self._course.close()
        await self._unsubscribe()

    def __aiter__(self) -> AsyncFeed:
        return self

    async def __anext__(self) -> Update:
        update = await self.get()
        assert update is not None
        return update

    async def __aenter__(self) -> AsyncFeed:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _perform(self, effect: Effect, deadline: float | None) -> tuple[bool, Any]:
        match effect:
            case Ask():
                return True, await execute_async(self._server, effect.commands)
            case Recall():
                return True, await asyncio.to_thread(recalled, self._past, effect)
            case Subscribe():
                await self._subscribe(effect)
            case Receive():
                wait_s = self._course.wait_s(deadline)
                text = text_of(await self._subscription.get_message(timeout=wait_s))
                return text is not None or self._course.is_over(), text
            case Pause():
                await asyncio.sleep(self._course.wait_s(deadline))
                return self._course.is_over(), None
        return True, None

    async def _subscribe(self, wanted: Subscribe) -> None:
        await self._unsubscribe()
        self._subscription = self._server.pubsub()
        if wanted.sharded:
            await self._subscription.ssubscribe(wanted.channel)
        else:
            await self._subscription.subscribe(wanted.channel)
        check_confirmed(await self._subscription.get_message(timeout=CONFIRM_WITHIN_S))

    async def _unsubscribe(self) -> None:
        if self._subscription is not None:
            await self._subscription.aclose()
            self._subscription = None


@overload
def feed(
    client: Client, book: str | None = None, from_seq: int | None = None, **options: Any
) -> Feed: ...


@overload
def feed(
    client: AsyncClient, book: str | None = None, from_seq: int | None = None, **options: Any
) -> AsyncFeed: ...


def feed(
    client: Client | AsyncClient,
    book: str | None = None,
    from_seq: int | None = None,
    **options: Any,
) -> Feed | AsyncFeed:
    """The feed of a book, of the client's kind; `options` are those of `Feed`."""
    if isinstance(client, AsyncClient):
        return AsyncFeed(client, book, from_seq=from_seq, **options)
    return Feed(client, book, from_seq=from_seq, **options)
