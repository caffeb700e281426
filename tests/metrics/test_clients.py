"""Clients opened with settings count their queries, in the background and without being felt."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from pm import keys
from pm.books.opening import BookError
from pm.client import AsyncClient, Client
from pm.client.measures import QueryMeasures
from pm.counting.catalogue import QUERIES, QUERY_ERRORS, QUERY_SECONDS, Series
from pm.counting.stored import Counted, read_counted
from pm.settings import MonitoringSettings, Settings
from tests.servers import ServerProcess
from tests.workers.desk import Desk, eventually

SETTINGS = Settings()
QUICKLY = Settings(monitoring=MonitoringSettings(metrics_update_interval_seconds=1))
POSITIONS = ("positions",)


def counted(desk: Desk) -> Counted:
    stored: Any = desk.client.hgetall(keys.metrics())
    return read_counted(stored)


def test_queries_and_errors_are_counted_by_name(desk: Desk) -> None:
    with Client.open(desk.server.url, SETTINGS) as client:
        for _ in range(3):
            client.positions()
        client.balance("binance", "USDT")
        with pytest.raises(BookError):
            client.positions(book="nowhere")
        assert counted(desk).counters == {}  # no query waits for a report
    found = counted(desk)
    assert found.counters == {
        Series(QUERIES, POSITIONS): 4,
        Series(QUERIES, ("balance",)): 1,
        Series(QUERY_ERRORS, POSITIONS): 1,
    }
    assert found.histograms[Series(QUERY_SECONDS, POSITIONS)].count == 4


def test_they_are_reported_at_every_interval(desk: Desk) -> None:
    with Client.open(desk.server.url, QUICKLY) as client:
        client.positions()
        eventually(lambda: counted(desk).counters.get(Series(QUERIES, POSITIONS)) == 1)


def test_asyncio_counts_too_but_not_what_was_given_up(desk: Desk) -> None:
    async def ask() -> None:
        async with AsyncClient.open(desk.server.url, SETTINGS) as client:
            await asyncio.gather(*(client.positions() for _ in range(5)))
            with pytest.raises(BookError):
                await client.positions(book="nowhere")
            given_up = asyncio.create_task(client.positions())
            await asyncio.sleep(0)
            given_up.cancel()
            await asyncio.wait([given_up])

    asyncio.run(ask())
    found = counted(desk).counters
    assert found[Series(QUERIES, POSITIONS)] == 7
    assert found[Series(QUERY_ERRORS, POSITIONS)] == 1


def test_a_success_while_another_error_is_handled_is_a_success(desk: Desk) -> None:
    with Client.open(desk.server.url, SETTINGS) as client:
        try:
            raise ValueError
        except ValueError:
            client.positions()
    assert Series(QUERY_ERRORS, POSITIONS) not in counted(desk).counters


@pytest.mark.parametrize("measures", [None, "no settings"])
def test_without_settings_or_by_choice_nothing_is_counted(desk: Desk, measures: object) -> None:
    if measures is None:
        client = Client.open(desk.server.url, SETTINGS, measures=None)
    else:
        client = Client.open(desk.server.url)
    with client:
        client.positions()
    assert not desk.client.exists(keys.metrics())


def test_a_client_that_is_dropped_reports_all_the_same(desk: Desk) -> None:
    measures = QueryMeasures(SETTINGS, desk.server.url)
    measures.note("positions", 1_000, is_error=False)
    del measures
    eventually(lambda: counted(desk).counters.get(Series(QUERIES, POSITIONS)) == 1)


def test_a_server_that_is_gone_costs_no_query_and_no_count(
    desk: Desk, valkey_server: ServerProcess
) -> None:
    client = Client.open(desk.server.url, QUICKLY)
    client.positions()
    valkey_server.kill()
    with pytest.raises(Exception, match=r"s\.sock"):
        client.strategies()
    valkey_server.start()
    client.close()
    found = counted(desk).counters
    assert found[Series(QUERIES, POSITIONS)] == 1
    assert found[Series(QUERY_ERRORS, ("strategies",))] == 1


def _told_of_counting(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """What was logged, but for queries that happened to be slow."""
    return [record for record in caplog.records if record.name != "pm.client"]


@pytest.mark.parametrize("more", [(), ("+watch", "+unwatch", "+multi", "+exec")])
def test_a_user_who_may_not_count_is_told_so_once(
    desk: Desk,
    valkey_server: ServerProcess,
    caplog: pytest.LogCaptureFixture,
    more: tuple[str, ...],
) -> None:
    admin = valkey_server.client()
    rights = ("on", ">word", "~pm:*", "+@read", "+@connection", *more)
    admin.execute_command("ACL", "SETUSER", "looker", *rights)
    try:
        target = f"{valkey_server.url}?username=looker&password=word"
        with caplog.at_level(logging.INFO, "pm.metrics"):
            client = Client.open(target, QUICKLY)
            client.positions()
            eventually(lambda: bool(_told_of_counting(caplog)))
            client.positions()
            client.close()
        [record] = _told_of_counting(caplog)
        assert record.getMessage().startswith("this user may not count")
    finally:
        admin.acl_deluser("looker")
    assert not desk.client.exists(keys.metrics())
