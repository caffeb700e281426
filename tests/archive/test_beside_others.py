"""Archiving beside what goes on: lanes, quarantine, valuation, gateways, rights."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest
import redis

from pm import keys
from pm.archive.checking import check_book
from pm.books import lanes, opening, quarantine
from pm.client import Client, Feed
from pm.events.lines import parse_line
from pm.events.message import pack
from pm.functions import library
from pm.settings import Settings
from tests.archive.site import Site
from tests.client.facts import BookWriter
from tests.servers import ServerProcess
from tests.valuation.desk import BTC, SECOND, A, Desk
from workers.upkeep import Upkeep
from workers.valuation import Duty
from workers.worker import new_consumer

DEPOSIT = (
    '{"kind":"deposit","event_id":"D%d","venue":"binance","token":"USDT","amount":"5",'
    '"executed_at":1700000000000000000}'
)
UNKNOWN = (
    '{"kind":"fill","execution_id":"T%d","order_id":"O1","strategy_id":7,'
    '"instrument":"binance.coin.NOPE","side":"buy","quantity":"1","price":"1",'
    '"venue":"binance","executed_at":1700000000000000000}'
)
LANE = keys.lane("main", keys.DEFAULT_LANE)


@pytest.fixture
def raw(valkey_server: ServerProcess) -> redis.Redis:
    """A server with an open book."""
    client = valkey_server.client(decode=False)
    library.load(client)
    opening.open_book(client, "main", seen_generation_size=1000)
    return client


def consume(raw: redis.Redis, *lines: str) -> list[str]:
    """Put events on the producers' lane and apply them; the ids of the lane entries."""
    entries = lanes.publish(raw, "main", [pack(parse_line(line)) for line in lines], 10**18)
    new_consumer(Settings(), "main").consume(raw)
    return entries


def lane_ids(raw: redis.Redis, lane: str = LANE) -> list[str]:
    found: Any = raw.xrange(lane)
    return [entry.decode() for entry, _ in found]


def test_lane_entries_go_when_their_journal_entries_have(
    raw: redis.Redis, valkey_server: ServerProcess, tmp_path: Path
) -> None:
    entries = consume(raw, *(DEPOSIT % number for number in range(10)))
    site = Site(valkey_server, Settings(data=tmp_path))

    assert site.run(through=6, kept=8).trimmed_lane_entries == 4
    assert site.run(through=6, kept=1).trimmed_lane_entries == 0
    assert lane_ids(raw) == entries[4:]

    more = consume(raw, DEPOSIT % 11)
    assert site.client.hget(keys.book("main"), "seq") == "12"
    site.run(all_but=0)
    assert lane_ids(raw) == more
    consume(raw, DEPOSIT % 12)
    assert site.client.hget(keys.book("main"), "seq") == "13"


def test_a_lane_entry_of_which_only_a_part_is_archived_stays(
    raw: redis.Redis, valkey_server: ServerProcess, tmp_path: Path
) -> None:
    book = keys.book("main")
    consume(raw, DEPOSIT % 1, DEPOSIT % 2, DEPOSIT % 3)
    entries = lane_ids(raw)
    site = Site(valkey_server, Settings(data=tmp_path))
    raw.hset(book, f"cursor:{keys.DEFAULT_LANE}", f"{entries[1]}:1")
    site.run(all_but=0)
    assert lane_ids(raw) == entries[1:]


def test_what_may_be_replayed_stays_in_its_lane(
    raw: redis.Redis, valkey_server: ServerProcess, tmp_path: Path
) -> None:
    entries = consume(raw, DEPOSIT % 1, UNKNOWN % 1, DEPOSIT % 2, DEPOSIT % 3)
    site = Site(valkey_server, Settings(data=tmp_path))
    site.run(all_but=0)
    assert lane_ids(raw) == entries[1:]
    (refused,) = quarantine.listed(raw, "main")
    assert dict(site.archive.raw("main", after=0, through=9)) == {refused.seq: refused.raw}

    raw.xdel(keys.quarantine("main"), f"{refused.seq}-0")
    consume(raw, DEPOSIT % 4)
    site.run(all_but=0)
    assert len(lane_ids(raw)) == 1


def test_a_gateway_that_sends_again_what_was_trimmed_is_told_it_is_there(
    raw: redis.Redis, valkey_server: ServerProcess, tmp_path: Path
) -> None:
    lane = "executions:relay"
    gateway_keys = ["pm:{main}:" + name for name in (lane, f"source:{lane}", "book", "lanes")]
    frames = [part for number in range(3) for part in (b"frame%d" % number, b"%d" % 10**18, b"")]

    def send(count: int) -> Any:
        told = ["outbox", lane, "1", "10", *frames[: 3 * count]]
        return library.call(raw, "append", gateway_keys, told)

    assert send(3)[0] == "appended"
    new_consumer(Settings(), "main").consume(raw)
    site = Site(valkey_server, Settings(data=tmp_path))
    for record in quarantine.listed(raw, "main"):
        raw.xdel(keys.quarantine("main"), f"{record.seq}-0")
    site.run(all_but=0)

    assert lane_ids(raw, keys.lane("main", lane)) == ["3-0"]
    assert send(3)[:2] == ["duplicate", "3"]


def test_a_pass_finds_capital_that_came_before_the_trim(
    valkey_server: ServerProcess, tmp_path: Path
) -> None:
    desk = Desk.opened(valkey_server)
    desk.settings = Settings(data=tmp_path)
    desk.mark_usdt()
    desk.deposit("USDT", "1000")
    desk.run()
    desk.deposit("USDT", "500")
    desk.deposit("USDT", "1")
    desk.later()
    desk.mark_usdt()
    Site(valkey_server, desk.settings).run(all_but=0)
    desk.run(fresh=True)
    last = desk.points()[-1]
    assert (last.flow, last.index) == (A("501"), A("1"))


def test_the_valuation_process_begins_in_the_archive(
    valkey_server: ServerProcess, tmp_path: Path
) -> None:
    desk = Desk.opened(valkey_server)
    desk.settings = Settings(data=tmp_path)
    desk.now = 1_790_000_000 * SECOND
    desk.deposit("USDT", "1000")
    desk.fill(BTC, "1", "100")
    site = Site(valkey_server, desk.settings)
    site.run(all_but=0)
    assert len(site.hot_seqs()) == 1

    duty = Duty.taken_up(desk.settings, desk.client, valkey_server.client(decode=False))
    duty.upkeep["main"] = upkeep = Upkeep.resumed(desk.client, desk.submitter, "main")
    duty._passed_at = time.monotonic()
    duty._follow(["main"])

    assert upkeep.watch.seq == len(site.entries)
    assert [flow.seq for flow in upkeep.watch.flows] == [3]


def test_nothing_is_missed_while_fills_come_and_go_to_the_archive(
    valkey_server: ServerProcess, tmp_path: Path
) -> None:
    fills = 1_000
    writer = BookWriter(valkey_server.client())
    settings = Settings(data=tmp_path)
    site = Site(valkey_server, settings)
    writing = threading.Thread(target=writer.fills, args=(fills,))
    followed: list[int] = []

    def follow() -> None:
        with (
            Client.open(valkey_server.url, settings) as client,
            Feed(client, from_seq=1) as updates,
        ):
            while len(followed) < fills and (update := updates.get(20.0)) is not None:
                followed.append(update.seq)

    following = threading.Thread(target=follow)
    writing.start()
    following.start()
    while writing.is_alive():
        site.run(all_but=3)
        seqs = [int(entry["seq"]) for entry in site.history()]
        assert seqs == list(range(1, len(seqs) + 1))
    writing.join()
    following.join()

    assert followed == list(range(2, fills + 2))
    site.run(all_but=0)
    assert check_book(site.archive, "main").faults == ()
    assert site.archive.last_seq("main") == fills + 1
