"""Whoever reads the journal finds archived entries as if they were in Redis."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from pm.archive import ArchiveDamaged, open_archive
from pm.client import AsyncClient, AsyncFeed, Client, Feed, JournalTrimmed, Update
from pm.client.capital import Capital
from pm.history import HistoryGap
from pm.settings import Settings
from tests.archive.site import Site, made, put
from tests.attribution.desk import Desk
from tests.attribution.told_books import random_book, strategies
from tests.client.facts import BookWriter
from tests.servers import ServerProcess

ENTRIES = 200


@pytest.fixture
def site(valkey_server: ServerProcess, tmp_path: Path) -> Site:
    """A book of 200 entries, all in Redis."""
    return made(valkey_server, tmp_path)


@pytest.fixture
def client(site: Site) -> Iterator[Client]:
    """A client that knows the archive by its settings."""
    with Client.open(site.server.url, site.settings) as opened:
        yield opened


def test_the_journal_is_answered_the_same_at_any_cut(site: Site, client: Client) -> None:
    drawn = random.Random(5)
    asked = [
        {
            "start": drawn.choice((None, drawn.randint(1, ENTRIES))),
            "end": drawn.choice((None, drawn.randint(1, ENTRIES))),
            "count": drawn.choice((1, 7, 50, 500)),
            "newest_first": drawn.random() < 0.5,
        }
        for _ in range(60)
    ]
    before = [client.journal(**one) for one in asked]  # type: ignore[arg-type]
    for cut in (60, 140, 199):
        site.run(through=cut, kept=1)
        assert [client.journal(**one) for one in asked] == before  # type: ignore[arg-type]
        assert asyncio.run(_asked_async(site, asked)) == before


async def _asked_async(site: Site, asked: list[dict[str, object]]) -> list[object]:
    async with AsyncClient.open(site.server.url, site.settings) as client:
        return [await client.journal(**one) for one in asked]  # type: ignore[arg-type]


def test_without_an_archive_a_missing_beginning_is_named(site: Site) -> None:
    site.run(through=150, kept=1)
    with Client.open(site.server.url) as client:
        assert client.journal(151).items[0].seq == 151
        assert len(client.journal(count=50, newest_first=True).items) == 50
        for question in ({"start": 1}, {"count": 51, "newest_first": True}):
            with pytest.raises(
                HistoryGap, match=r"entries (1|100) to 150 are archived and no archive"
            ):
                client.journal(**question)  # type: ignore[arg-type]
    with Client.open(site.server.url, archive=open_archive(site.settings)) as client:
        assert client.journal(1).items[0].seq == 1


def test_a_feed_begins_in_the_archive(valkey_server: ServerProcess, tmp_path: Path) -> None:
    writer = BookWriter(valkey_server.client())
    writer.fills(90)
    settings = Settings(data=tmp_path)
    with Client.open(valkey_server.url, settings) as reader:
        before = _followed(reader, 90)
        site = Site(valkey_server, settings)
        site.run(through=70, kept=1)
        assert site.hot_seqs()[0] == 71
        assert _followed(reader, 90) == before
        assert asyncio.run(_followed_async(valkey_server, settings, 90)) == before
    with (
        Client.open(valkey_server.url) as ignorant,
        Feed(ignorant, from_seq=2) as updates,
        pytest.raises(JournalTrimmed, match="no longer holds seq 2; the first it holds is 71"),
    ):
        updates.get(5.0)


def _followed(client: Client, count: int) -> list[Update]:
    found: list[Update] = []
    with Feed(client, from_seq=1) as updates:
        while len(found) < count and (update := updates.get(5.0)) is not None:
            found.append(update)
    return found


async def _followed_async(server: ServerProcess, settings: Settings, count: int) -> list[Update]:
    found: list[Update] = []
    async with (
        AsyncClient.open(server.url, settings) as client,
        AsyncFeed(client, from_seq=1) as updates,
    ):
        while len(found) < count and (update := await updates.get(5.0)) is not None:
            found.append(update)
    return found


def test_a_feed_does_not_pass_over_a_damaged_file(
    valkey_server: ServerProcess, tmp_path: Path
) -> None:
    site = made(valkey_server, tmp_path)
    site.run(through=150, kept=1)
    site.files()[0].write_bytes(b"PAR1")
    with (
        Client.open(valkey_server.url, site.settings) as client,
        Feed(client, from_seq=1) as updates,
        pytest.raises(ArchiveDamaged),
    ):
        updates.get(5.0)


def test_attribution_is_the_same_over_archived_entries(
    valkey_server: ServerProcess, tmp_path: Path
) -> None:
    told = random_book(11, 299)
    site = put(valkey_server, tmp_path, told)
    desk = Desk(site.client)
    desk.books, desk.settings = ["main"], site.settings
    names = sorted(strategies(told))
    now = "2023-11-20T00:00:00"

    def answers() -> list[object]:
        return [
            desk.performance(now, start, strategy=name, granularity=granularity)
            for name in names
            for start in (None, "2023-11-15T06:30:00")
            for granularity in ("trade_level", "position_level")
        ]

    before = answers()
    for cut in (100, 299):
        site.run(through=cut, kept=1)
        assert answers() == before


def test_an_event_is_found_that_counted_long_ago(
    valkey_server: ServerProcess, tmp_path: Path
) -> None:
    writer = BookWriter(valkey_server.client())
    settings = Settings(data=tmp_path)
    with Capital.open(valkey_server.url, settings) as capital:
        posted = capital.deposit("5", "USDT", venue="binance", event_id="long-ago")
        writer.fills(60)
        again = capital.deposit("5", "USDT", venue="binance", event_id="long-ago")
        before = capital.entry(again)
        assert before is not None
        assert before.seq == posted.seq < again.seq
        site = Site(valkey_server, settings)
        site.run(through=50, kept=1)
        assert capital.entry(again) == before
    with (
        Capital.open(valkey_server.url) as ignorant,
        pytest.raises(HistoryGap, match="no archive is configured"),
    ):
        ignorant.entry(again)
