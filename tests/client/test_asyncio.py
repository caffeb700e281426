"""The asyncio client and feed do what their blocking twins do."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from pm.books.opening import BookError
from pm.client import AsyncClient, AsyncFeed, Client, Feed, FeedError, JournalTrimmed, Update
from pm.client.feed import feed
from pm.connect import ServerError, connect
from tests.client.conftest import OpenBook, StartServer
from tests.client.facts import BTC, BookWriter, fill, on_ethereum
from tests.client.test_feed import NEVER_S, WITHIN_S, cut_off, published
from tests.servers import AnyServer

TRACE = "0123456789abcdef0123456789abcdef"


def public(kind: type) -> dict[str, list[str]]:
    """The public methods of a class with the parameters they take."""
    return {
        name: [str(part) for part in inspect.signature(method).parameters.values()]
        for name, method in inspect.getmembers(kind, inspect.isfunction)
        if not name.startswith("_")
    }


@pytest.mark.parametrize(("blocking", "waiting"), [(Client, AsyncClient), (Feed, AsyncFeed)])
def test_both_kinds_offer_the_same_methods(blocking: type, waiting: type) -> None:
    assert public(blocking) == public(waiting)


def test_both_clients_answer_alike(server: AnyServer, client: Client, book: BookWriter) -> None:
    book.apply(
        fill(1, "2", "100", trace={"id": TRACE}),
        fill(2, "-3", "110", strategy="8", trace={"id": TRACE}),
        fill(3, "3", "110", strategy="8"),
        on_ethereum(4, "1", "2000"),
    )

    async def compare() -> None:
        async with AsyncClient.open(server.url) as waiting:
            assert await waiting.position(BTC, "7") == client.position(BTC, "7")
            assert await waiting.position(BTC) == client.position(BTC)
            assert await waiting.positions("all") == client.positions("all")
            assert await waiting.strategy_portfolio(8) == client.strategy_portfolio(8)
            assert await waiting.balance("binance", "BTC") == client.balance("binance", "BTC")
            assert await waiting.balances() == client.balances()
            assert await waiting.chain_balances(1) == client.chain_balances(1)
            assert await waiting.trace(TRACE) == client.trace(TRACE)
            assert await waiting.traces() == client.traces()
            assert await waiting.journal(2, 4) == client.journal(2, 4)
            assert await waiting.head() == client.head()
            assert await waiting.strategies() == client.strategies()
            assert await waiting.books() == client.books()
            assert await waiting.reservations() == client.reservations()
            assert await waiting.risk_metrics(30) == client.risk_metrics(30)
            assert await waiting.equity() == client.equity()
            told = await waiting.portfolio_summary()
            assert told.realized_pnl == client.portfolio_summary().realized_pnl

    asyncio.run(compare())


def test_a_list_of_thousands_comes_in_chunks(
    server: AnyServer, client: Client, book: BookWriter
) -> None:
    for start in range(0, 1200, 100):
        numbers = range(start + 1, start + 101)
        book.apply(*(fill(n, "1", "100", instrument=f"binance.coin.X{n}") for n in numbers))

    async def count() -> int:
        async with AsyncClient.open(server.url) as waiting:
            return len(await waiting.positions())

    assert asyncio.run(count()) == 1200


def test_a_book_that_does_not_exist_is_refused(server: AnyServer) -> None:
    async def read() -> None:
        async with AsyncClient.open(server.url) as waiting:
            with pytest.raises(BookError, match="book main does not exist"):
                await waiting.positions()

    asyncio.run(read())


def with_feed(
    server: AnyServer, use: Callable[[AsyncFeed], Awaitable[None]], **options: Any
) -> None:
    """Run `use` on a feed that is subscribed already."""

    async def run() -> None:
        async with AsyncClient.open(server.url) as waiting:
            updates = feed(waiting, **{"check_every_s": NEVER_S, **options})
            async with updates:
                if "from_seq" not in options:
                    assert await updates.get(0.01) is None
                await use(updates)

    asyncio.run(run())


async def take(updates: AsyncFeed, count: int) -> list[Update]:
    """The next updates, or as many as come in time."""
    taken: list[Update] = []
    while len(taken) < count and (update := await updates.get(WITHIN_S)) is not None:
        taken.append(update)
    return taken


def test_an_async_feed_is_iterated_over(server: AnyServer, book: BookWriter) -> None:
    async def use(updates: AsyncFeed) -> None:
        await asyncio.to_thread(book.fills, 3)
        seqs = []
        async for update in updates:
            seqs.append(update.seq)
            if len(seqs) == 3:
                break
        assert seqs == [2, 3, 4]

    with_feed(server, use)


def test_an_async_feed_resumes_from_a_seq(server: AnyServer, book: BookWriter) -> None:
    book.fills(600)

    async def use(updates: AsyncFeed) -> None:
        assert [update.seq for update in await take(updates, 599)] == list(range(3, 602))

    with_feed(server, use, from_seq=3)


def test_a_killed_connection_during_a_burst_loses_nothing(
    server: AnyServer, client: Client, book: BookWriter
) -> None:
    killer = connect(server.url, role="test")
    kills = 0

    def burst() -> None:
        nonlocal kills
        for _ in range(20):
            book.fills(20)
            kills += cut_off(killer)

    async def use(updates: AsyncFeed) -> None:
        bursting = asyncio.create_task(asyncio.to_thread(burst))
        taken = await take(updates, 400)
        await bursting
        assert [update.text for update in taken] == published(client.server)
        assert len(taken) == 400
        assert kills > 0

    with_feed(server, use)


def test_a_cancelled_call_loses_nothing(server: AnyServer, book: BookWriter) -> None:
    async def use(updates: AsyncFeed) -> None:
        writing = asyncio.create_task(asyncio.to_thread(book.fills, 300))
        seqs: list[int] = []
        cancelled = 0
        while len(seqs) < 300:
            call = asyncio.create_task(updates.get(WITHIN_S))
            # Cancelled at a different point of its work each time.
            for _ in range(len(seqs) % 7):
                await asyncio.sleep(0)
            call.cancel()
            try:
                update = await call
            except asyncio.CancelledError:
                cancelled += 1
                update = await updates.get(WITHIN_S)
            assert update is not None
            seqs.append(update.seq)
        assert cancelled > 0
        await writing
        assert seqs == list(range(2, 302))

    with_feed(server, use)


def test_sharded_updates_are_followed(server: AnyServer, open_book: OpenBook) -> None:
    book = open_book(sharded=True)

    async def use(updates: AsyncFeed) -> None:
        await asyncio.to_thread(book.fills, 3)
        assert [update.seq for update in await take(updates, 3)] == [2, 3, 4]

    with_feed(server, use, sharded=True)


def test_a_trimmed_journal_ends_the_feed(
    server: AnyServer, client: Client, book: BookWriter
) -> None:
    book.fills(5)
    client.server.xtrim("pm:{main}:journal", minid="4-0", approximate=False)

    async def use(updates: AsyncFeed) -> None:
        with pytest.raises(JournalTrimmed, match="seq 2; the first it holds is 4"):
            await updates.get(WITHIN_S)
        with pytest.raises(FeedError, match="the feed is closed"):
            await updates.get(WITHIN_S)

    with_feed(server, use, from_seq=2)


def test_an_outage_is_survived_when_asked(start_server: StartServer) -> None:
    server = start_server()
    book = BookWriter(connect(server.url, role="worker", repeats=3))

    async def use(updates: AsyncFeed) -> None:
        await asyncio.to_thread(server.kill)
        assert await updates.get(0.2) is None
        await asyncio.to_thread(server.restart)
        await asyncio.to_thread(book.fills, 5)
        assert [update.seq for update in await take(updates, 5)] == [2, 3, 4, 5, 6]

    with_feed(server, use, survive_outages=True)


def test_an_outage_is_an_error_when_not_asked(start_server: StartServer) -> None:
    server = start_server()
    BookWriter(connect(server.url, role="worker"))

    async def use(updates: AsyncFeed) -> None:
        await asyncio.to_thread(server.kill)
        with pytest.raises(ServerError, match=r"s\.sock: "):
            await updates.get(WITHIN_S)

    with_feed(server, use)
