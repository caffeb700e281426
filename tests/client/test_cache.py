"""A cached client answers what an uncached one does, whatever is written and cut off meanwhile.

What the server says of changes and what it answers come in one order over one connection, so a
question nobody has asked before is a barrier: after its answer, everything that was written before
has been heard of.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from pm.client import AsyncClient, Client, QueryLimits
from pm.client.entries import MISSING, Entries
from pm.connect import connect
from tests.client.facts import BTC, ETH, BookWriter, fill
from tests.servers import AnyServer

CACHED = QueryLimits(cache_entries=500, cache_ttl_s=600.0)
HEARD_WITHIN_S = 20.0
READ = ("HGETALL", "a")
INSTRUMENTS = (BTC, ETH, "binance.coin.X1", "binance.coin.X2")


@pytest.fixture
def cached(server: AnyServer) -> Iterator[Client]:
    """A client that caches."""
    with Client.open(server.url, limits=CACHED) as client:
        yield client


def commands_of(server: AnyServer, query: Callable[[], object]) -> list[str]:
    """The reads the server ran for a query."""
    watching: Any = server.client()
    names = []
    with watching.monitor() as seen:
        query()
        server.client().echo("end")
        while (told := seen.next_command()["command"]) != "ECHO end":
            names.append(str(told).split(" ")[0])
    return [name for name in names if name in ("HGETALL", "HGET", "ZRANGE")]


def test_an_entry_is_forgotten_when_it_is_older_than_its_time() -> None:
    entries = Entries(10, ttl_s=5.0)
    entries.put(READ, {"x": "1"}, asked_at=100.0)
    assert entries.get(READ, 105.0) == {"x": "1"}
    assert entries.get(READ, 105.1) is MISSING
    assert len(entries) == 0


def test_the_least_recently_used_entry_leaves_first() -> None:
    entries = Entries(2, ttl_s=5.0)
    first, second, third = (("HGETALL", key) for key in "abc")
    entries.put(first, {}, 0.0)
    entries.put(second, {}, 0.0)
    entries.get(first, 0.0)
    entries.put(third, {}, 0.0)
    assert [entries.get(command, 0.0) for command in (first, second, third)] == [{}, MISSING, {}]


def test_everything_read_from_a_changed_key_is_forgotten() -> None:
    entries = Entries(10, ttl_s=5.0)
    whole, field, other = ("HGETALL", "a"), ("HGET", "a", "seq"), ("HGETALL", "b")
    for command in (whole, field, other):
        entries.put(command, "1", 0.0)
    entries.drop(["a", "never read"])
    assert [entries.get(command, 0.0) for command in (whole, field, other)] == [
        MISSING,
        MISSING,
        "1",
    ]
    entries.drop(None)
    assert len(entries) == 0


def test_the_answer_none_is_remembered_as_an_answer() -> None:
    entries = Entries(10, ttl_s=5.0)
    entries.put(("HGET", "a", "x"), None, 0.0)
    assert entries.get(("HGET", "a", "x"), 0.0) is None


def test_neither_long_lists_nor_the_journal_are_remembered() -> None:
    entries = Entries(4, ttl_s=5.0)
    assert entries.takes([READ, READ])
    assert not entries.takes([READ] * 3)
    assert not entries.takes([("XRANGE", "a", "-", "+")])


def test_what_was_read_is_not_asked_again(
    server: AnyServer, cached: Client, book: BookWriter
) -> None:
    book.apply(fill(1, "1", "100"))
    first = cached.position(BTC, "7"), cached.positions(), cached.balances()

    def again() -> None:
        assert (cached.position(BTC, "7"), cached.positions(), cached.balances()) == first

    assert commands_of(server, again) == []


def test_what_changed_is_asked_again(server: AnyServer, cached: Client, book: BookWriter) -> None:
    book.apply(fill(1, "1", "100"))
    cached.position(BTC, "7")
    book.apply(fill(2, "1", "100"))
    cached.position("barrier", "7")
    asked = commands_of(server, lambda: cached.position(BTC, "7"))
    assert asked == ["HGETALL"]
    position = cached.position(BTC, "7")
    assert position is not None
    assert str(position.quantity) == "2"


def answers(client: Client) -> list[object]:
    """What every cacheable query answers."""
    return [
        *(client.position(instrument, "7") for instrument in INSTRUMENTS),
        client.position(BTC),
        client.positions("all"),
        client.positions(strategy="8"),
        client.strategy_portfolio("7"),
        client.balances(),
        client.chain_balances(0),
        client.reservations(),
        client.traces(),
        client.head(),
        client.strategies(),
        client.books(),
        without_time(client.portfolio_summary()),
    ]


def without_time(summary: Any) -> object:
    """A summary without the time of its rates."""
    return replace(summary, converted=replace(summary.converted, at=0))


def disturb(book: BookWriter, drawn: Random, number: int, killer: Any) -> None:
    """Write something, or cut off every reader."""
    what = drawn.random()
    if what < 0.1:
        killer.client_kill_filter(_type="normal", skipme=True)
    elif what < 0.15:
        killer.hset(f"pm:{{main}}:position:7:{drawn.choice(INSTRUMENTS[:1])}", "mark", "101")
    else:
        instrument, strategy = drawn.choice(INSTRUMENTS), drawn.choice("78")
        trace = {"trace": {"id": f"{drawn.randrange(3):032x}"}} if drawn.random() < 0.3 else {}
        quantity = drawn.choice(("1", "-1", "0.5"))
        book.apply(fill(number, quantity, "100", instrument=instrument, strategy=strategy, **trace))


def retried(act: Callable[[], object]) -> None:
    """Act again if the writer's own connection was cut off: nothing was sent over it."""
    try:
        act()
    except Exception:
        act()


@pytest.mark.parametrize("seed", range(6))
def test_cached_and_uncached_answers_are_equal_whatever_happens(
    server: AnyServer, book: BookWriter, seed: int
) -> None:
    drawn, killer = Random(seed), server.client()
    book.apply(fill(1, "1", "100"))
    with (
        Client.open(server.url, limits=CACHED) as cached,
        Client.open(server.url) as uncached,
    ):
        for number in range(2, 60):
            retried(lambda number=number: disturb(book, drawn, number, killer))  # type: ignore[misc]
            if drawn.random() < 0.3:
                cached.position(drawn.choice(INSTRUMENTS), "7")
            cached.position(f"barrier{number}", "7")
            assert answers(cached) == answers(uncached), f"seed {seed}, step {number}"


def test_asyncio_answers_from_memory_are_equal_too(server: AnyServer, book: BookWriter) -> None:
    killer = server.client()
    book.apply(fill(1, "1", "100"))

    async def compare() -> None:
        async with (
            AsyncClient.open(server.url, limits=CACHED) as cached,
            AsyncClient.open(server.url) as uncached,
        ):
            for number in range(2, 60):
                if number % 13 == 0:
                    killer.client_kill_filter(_type="normal", skipme=True)
                else:
                    retried(lambda number=number: book.fills(1))  # type: ignore[misc]
                await cached.position(f"barrier{number}", "7")
                assert await cached.position(BTC, "7") == await uncached.position(BTC, "7")
                assert await cached.positions() == await uncached.positions()
                assert await cached.head() == await uncached.head()

    asyncio.run(compare())


def test_asyncio_does_not_ask_again_either(server: AnyServer, book: BookWriter) -> None:
    book.apply(fill(1, "1", "100"))

    async def read() -> None:
        async with AsyncClient.open(server.url, limits=CACHED) as cached:
            await cached.position(BTC, "7")
            watching: Any = server.client()
            with watching.monitor() as seen:
                for _ in range(5):
                    await cached.position(BTC, "7")
                server.client().echo("end")
                told = ""
                while told != "ECHO end":
                    told = seen.next_command()["command"]
                    assert not told.startswith("HGETALL")

    asyncio.run(read())


def test_asyncio_tasks_at_once_get_right_answers(server: AnyServer, book: BookWriter) -> None:
    book.apply(fill(1, "1", "100"))

    async def read() -> None:
        async with AsyncClient.open(server.url, limits=CACHED) as cached:
            expected = await cached.position(BTC, "7")
            found = await asyncio.gather(
                *(cached.position(BTC, "7") for _ in range(50)),
                *(cached.position(ETH, "7") for _ in range(50)),
            )
            assert found == [expected] * 50 + [None] * 50

    asyncio.run(read())


@contextmanager
def writing(book: BookWriter, numbers: range) -> Iterator[threading.Event]:
    """Fills of 1 each in one instrument after the other meanwhile; the event says it is over."""
    is_over = threading.Event()

    def write() -> None:
        try:
            for number in numbers:
                book.apply(fill(number, "1", "100", instrument=INSTRUMENTS[number % 4]))
        finally:
            is_over.set()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield is_over
    finally:
        writer.join()


def test_a_list_that_says_it_is_exact_is_the_state_at_its_seq(
    server: AnyServer, book: BookWriter
) -> None:
    # Every fill adds 1 to one of the positions, so they add up to the number of fills.
    book.apply(*(fill(n, "1", "100", instrument=INSTRUMENTS[n]) for n in range(4)))
    exact = 0
    with (
        Client.open(server.url, limits=CACHED) as cached,
        writing(book, range(4, 400)) as is_over,
    ):
        while not is_over.is_set():
            listed = cached.positions()
            if listed.is_exact:
                exact += 1
                held = sum(position.quantity.mantissa for position in listed)
                assert held == listed.seqs["main"] - 1
                assert max(position.seq for position in listed) <= listed.seqs["main"]
    assert exact > 0


def test_an_answer_never_goes_back_in_time(server: AnyServer, book: BookWriter) -> None:
    book.apply(fill(1, "1", "100"))
    seen = 0
    with Client.open(server.url, limits=CACHED) as cached:
        with writing(book, range(2, 300)) as is_over:
            while not is_over.is_set():
                position = cached.position(INSTRUMENTS[1], "7")
                assert position is None or position.seq >= seen
                seen = 0 if position is None else position.seq
        cached.position("barrier", "7")
        assert cached.head().seq == book.seq()


def test_a_change_is_heard_of_by_a_client_that_asks_nothing_else(
    cached: Client, book: BookWriter
) -> None:
    book.apply(fill(1, "1", "100"))
    cached.position(BTC, "7")
    book.apply(fill(2, "1", "100"))
    deadline = time.monotonic() + HEARD_WITHIN_S
    while time.monotonic() < deadline:
        position = cached.position(BTC, "7")
        assert position is not None
        if position.seq == 3:
            return
    pytest.fail("the change was never heard of")


def test_a_change_is_heard_of_by_asyncio_code_that_never_waits(
    server: AnyServer, book: BookWriter
) -> None:
    book.apply(fill(1, "1", "100"))

    async def read() -> None:
        async with AsyncClient.open(server.url, limits=CACHED) as cached:
            await cached.position(BTC, "7")
            book.apply(fill(2, "1", "100"))
            deadline = time.monotonic() + HEARD_WITHIN_S
            while time.monotonic() < deadline:
                position = await cached.position(BTC, "7")
                assert position is not None
                if position.seq == 3:
                    return
        pytest.fail("the change was never heard of")

    asyncio.run(read())


def test_threads_share_a_cached_client(cached: Client, book: BookWriter) -> None:
    book.apply(fill(1, "1", "100"))
    expected = cached.position(BTC, "7")
    found: list[object] = []

    def read() -> None:
        found.extend(cached.position(BTC, "7") for _ in range(100))

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 800


def test_a_flushed_server_is_noticed(server: AnyServer, cached: Client, book: BookWriter) -> None:
    book.apply(fill(1, "1", "100"))
    assert cached.position(BTC, "7") is not None
    server.client().flushall()
    cached.position("barrier", "7")
    assert cached.position(BTC, "7") is None


def test_a_forked_process_reads_for_itself(cached: Client, book: BookWriter) -> None:
    book.apply(fill(1, "1", "100"))
    expected = cached.position(BTC, "7")
    child = os.fork()
    if child == 0:
        alike = False
        try:
            alike = cached.position(BTC, "7") == expected
        finally:
            os._exit(0 if alike else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    book.apply(fill(2, "1", "100"))
    cached.position("barrier", "7")
    position = cached.position(BTC, "7")
    assert position is not None
    assert str(position.quantity) == "2"


def test_where_tracking_is_refused_queries_are_asked_and_one_line_says_so(
    server: AnyServer, book: BookWriter, caplog: pytest.LogCaptureFixture
) -> None:
    book.apply(fill(1, "1", "100"))
    admin = server.client()
    admin.acl_setuser(
        "narrow", enabled=True, nopass=True, keys=["pm:*"], commands=["+@all", "-client|tracking"]
    )
    try:
        narrow = connect(server.url, role="reader")
        narrow.connection_pool.connection_kwargs.update(username="narrow", password="any")
        with caplog.at_level(logging.WARNING, "pm.client"), Client(narrow, limits=CACHED) as client:
            for number in itertools.count(2):
                book.apply(fill(number, "1", "100"))
                position = client.position(BTC, "7")
                assert position is not None
                assert position.seq == book.seq()
                if number == 5:
                    break
        assert len(caplog.records) == 1
        assert "queries are not cached: the server refuses CLIENT TRACKING" in caplog.text
    finally:
        admin.acl_deluser("narrow")


def test_a_client_made_by_hand_does_not_cache(
    server: AnyServer, client: Client, book: BookWriter
) -> None:
    book.apply(fill(1, "1", "100"))
    client.position(BTC, "7")
    assert commands_of(server, lambda: client.position(BTC, "7")) == ["HGETALL"]
