"""How long a query waits, how many are asked at once, and which are worth a line in the log."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from pm.client import AsyncClient, Client, QueryLimits, QueryTimeout
from pm.client.asking import Asker
from pm.client.plan import Plan
from pm.connect import ServerError, connect
from pm.settings import MonitoringSettings, PerformanceSettings, Settings
from tests.client.facts import BTC, BookWriter, fill
from tests.servers import AnyServer, ServerProcess

SHORT = QueryLimits(timeout_ms=200)
CACHED = QueryLimits(timeout_ms=200, cache_entries=100, cache_ttl_s=0.05)


@contextmanager
def silent(server: AnyServer) -> Iterator[None]:
    """The server answers nothing meanwhile, and everything afterwards."""
    if not isinstance(server, ServerProcess):
        pytest.skip("the server is not ours to stop")
    os.kill(server.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server.pid, signal.SIGCONT)


@pytest.mark.parametrize("limits", [SHORT, CACHED])
def test_an_answer_that_takes_too_long_is_one_line_and_the_client_stays_usable(
    server: AnyServer, book: BookWriter, limits: QueryLimits
) -> None:
    book.apply(fill(1, "1", "100"))
    with Client.open(server.url, limits=limits) as client:
        expected = client.position(BTC, "7"), client.balances()
        for _ in range(2):
            with (
                silent(server),
                pytest.raises(
                    QueryTimeout, match=r"position of main was not answered within 200 ms$"
                ),
            ):
                client.position("never read", "7")
            # The late answer to the question above must not be taken for one of these.
            assert (client.position(BTC, "7"), client.balances()) == expected


@pytest.mark.parametrize("limits", [SHORT, CACHED])
def test_asyncio_answers_are_bounded_too(
    server: AnyServer, book: BookWriter, limits: QueryLimits
) -> None:
    book.apply(fill(1, "1", "100"))

    async def read() -> None:
        async with AsyncClient.open(server.url, limits=limits) as client:
            expected = await client.position(BTC, "7")
            for _ in range(2):
                with silent(server), pytest.raises(QueryTimeout, match="was not answered"):
                    await client.position("never read", "7")
                assert await client.position(BTC, "7") == expected

    asyncio.run(read())


def test_a_cancelled_query_leaves_no_answer_behind(server: AnyServer, book: BookWriter) -> None:
    book.apply(fill(1, "1", "100"))

    async def read() -> None:
        for limits in (QueryLimits(), CACHED):
            async with AsyncClient.open(server.url, limits=limits) as client:
                expected = await client.position(BTC, "7")
                with silent(server):
                    asked = asyncio.create_task(client.position("never read", "7"))
                    await asyncio.sleep(0.02)
                    asked.cancel()
                    await asyncio.wait([asked])
                assert asked.cancelled()
                assert await client.position(BTC, "7") == expected

    asyncio.run(read())


def test_a_timeout_is_a_server_error() -> None:
    assert issubclass(QueryTimeout, ServerError)


def test_a_query_waits_for_its_turn_no_longer_than_for_an_answer(
    server: AnyServer, book: BookWriter
) -> None:
    is_in, may_leave = threading.Event(), threading.Event()

    def lingering() -> Plan[int]:
        yield [("PING",)]
        is_in.set()
        may_leave.wait(60)
        return 1

    asker = Asker(connect(server.url, role="reader"), QueryLimits(timeout_ms=50, max_concurrent=1))
    busy = threading.Thread(target=asker.answer, args=(lingering(), ("main",)))
    busy.start()
    try:
        assert is_in.wait(60)
        with pytest.raises(QueryTimeout, match=r"lingering of main had no turn within 50 ms$"):
            asker.answer(lingering(), ("main",))
    finally:
        may_leave.set()
        busy.join()
    assert asker.answer(lingering(), ("main",)) == 1


def test_no_more_asyncio_queries_than_allowed_are_asked_at_once(
    server: AnyServer, book: BookWriter
) -> None:
    book.apply(fill(1, "1", "100"))

    async def read() -> int:
        async with AsyncClient.open(server.url, limits=QueryLimits(max_concurrent=3)) as client:
            found = await asyncio.gather(*(client.position(BTC, "7") for _ in range(40)))
            assert len(set(map(id, found))) == 40
            infos = await client.server.client_list()
            return len([info for info in infos if info["name"] == f"pm-reader-{os.getpid()}"])

    assert asyncio.run(read()) <= 3


def test_a_turn_is_given_back_when_a_query_fails(server: AnyServer) -> None:
    with Client.open(server.url, limits=QueryLimits(timeout_ms=200, max_concurrent=1)) as client:
        for _ in range(3):
            with pytest.raises(Exception, match="book main does not exist"):
                client.positions()


def test_a_slow_query_is_one_line_in_the_log(
    server: AnyServer, book: BookWriter, caplog: pytest.LogCaptureFixture
) -> None:
    book.apply(fill(1, "1", "100"))
    with caplog.at_level(logging.WARNING, "pm.client"):
        with Client.open(server.url, limits=QueryLimits(slow_ms=60_000)) as client:
            client.positions()
        assert caplog.records == []
        with Client.open(server.url, limits=QueryLimits(slow_ms=0)) as client:
            client.positions()
    [record] = caplog.records
    assert record.name == "pm.client"
    assert record.getMessage().startswith("slow query: positions of main took ")


def test_the_settings_say_how_a_client_is_bounded() -> None:
    settings = Settings(
        performance=PerformanceSettings(
            query_cache_ttl_seconds=7, position_cache_size=11, max_concurrent_queries=13
        ),
        monitoring=MonitoringSettings(slow_query_threshold_ms=17),
    )
    limits = QueryLimits.of(settings)
    assert limits == QueryLimits(
        timeout_ms=1000, max_concurrent=13, slow_ms=17, cache_entries=11, cache_ttl_s=7.0
    )
    assert QueryLimits.of(settings, caching=False).cache_entries == 0
    switched_off = Settings(performance=PerformanceSettings(enable_query_caching=False))
    assert QueryLimits.of(switched_off).cache_entries == 0


def test_a_client_opened_with_settings_follows_them(server: AnyServer, book: BookWriter) -> None:
    book.apply(fill(1, "1", "100"))
    settings = Settings()
    with Client.open(server.url, settings) as client:
        assert client.position(BTC, "7") is not None
        with silent(server):
            # Nothing is asked: the answer of a moment ago still stands.
            assert client.position(BTC, "7") is not None
