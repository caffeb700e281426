"""The feed delivers every update once and in order, whatever happens to its connection."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis

from pm import keys
from pm.books.opening import BookError
from pm.client import (
    BalanceChange,
    Client,
    Feed,
    FeedError,
    JournalRewritten,
    JournalTrimmed,
    PositionChange,
    Update,
    to_json,
)
from pm.client.feed import feed
from pm.client.updates import message_text
from pm.connect import ServerError, connect
from pm.decimals import Amount
from tests.client.conftest import OpenBook, StartServer
from tests.client.facts import BTC, EXECUTED_AT, BookWriter, fill
from tests.servers import AnyServer

WITHIN_S = 20.0
NEVER_S = 3600.0  # so that no test passes only because silence was looked into
OpenFeed = Callable[..., Feed]


@pytest.fixture
def open_feed(client: Client) -> Iterator[OpenFeed]:
    """A feed that is subscribed before it is handed over."""
    opened: list[Feed] = []

    def open_one(**options: Any) -> Feed:
        opened.append(feed(client, **{"check_every_s": NEVER_S, **options}))
        if "from_seq" not in options:
            assert opened[-1].get(0.01) is None
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()


def take(updates: Feed, count: int) -> list[Update]:
    """The next updates, or as many as come in time."""
    taken: list[Update] = []
    while len(taken) < count and (update := updates.get(WITHIN_S)) is not None:
        taken.append(update)
    return taken


def published(server: redis.Redis, book: str = "main") -> list[str]:
    """The messages of every journal entry that changed something."""
    entries: Any = server.xrange(keys.journal(book))
    return [
        message_text(book, int(entry.partition("-")[0]), fields)
        for entry, fields in entries
        if fields["changes"] != "[]"
    ]


def cut_off(server: redis.Redis) -> int:
    """Close every subscriber's connection; how many there were."""
    untyped: Any = server
    return int(untyped.execute_command("CLIENT", "KILL", "TYPE", "PUBSUB"))


def test_an_update_tells_old_and_new(book: BookWriter, open_feed: OpenFeed) -> None:
    updates = open_feed()
    book.apply(fill(1, "2", "100"), fill(2, "-2", "110"))
    opened, closed = take(updates, 2)
    assert (opened.book, opened.seq, opened.previous_seq) == ("main", 2, 0)
    assert (closed.seq, closed.previous_seq, closed.timestamp) == (3, 2, EXECUTED_AT + 2)
    first, bought, paid = opened.changes
    assert isinstance(first, PositionChange)
    assert (first.update_type, first.strategy_id, first.instrument_id) == (
        "position_opened",
        "7",
        BTC,
    )
    assert first.old_position is None
    assert first.new_position.quantity == Amount(2)
    assert isinstance(bought, BalanceChange)
    assert bought.old_balance is None
    assert isinstance(paid, BalanceChange)
    assert (paid.token, paid.new_balance.total) == ("USDT", Amount(-205))
    last = closed.changes[0]
    assert isinstance(last, PositionChange)
    assert last.update_type == "position_closed"
    assert last.old_position == first.new_position
    assert last.new_position.avg_cost_basis is None


def test_a_flip_is_a_close_and_an_opening_in_one_update(
    book: BookWriter, open_feed: OpenFeed
) -> None:
    updates = open_feed()
    book.apply(fill(1, "2", "100"), fill(2, "-5", "110"))
    flip = take(updates, 2)[1]
    assert [change.update_type for change in flip.changes][:2] == [
        "position_closed",
        "position_opened",
    ]


def test_an_update_as_json_has_the_names_of_the_protocol(
    book: BookWriter, open_feed: OpenFeed
) -> None:
    updates = open_feed()
    book.apply(fill(1, "2", "100"))
    told = to_json(take(updates, 1)[0])
    assert {name: told[name] for name in told if name != "changes"} == {
        "book": "main",
        "seq": 2,
        "previous_seq": 0,
        "timestamp": EXECUTED_AT + 1,
    }
    assert told["changes"][0]["update_type"] == "position_opened"
    assert told["changes"][0]["new_position"]["cost"] == "200"
    assert told["changes"][1] == {
        "update_type": "balance_changed",
        "location": "binance",
        "chain_id": 0,
        "token": "BTC",
        "old_balance": None,
        "new_balance": {"available": "2", "reserved": "0", "total": "2"},
    }


def test_messages_rebuilt_from_the_journal_equal_those_published(
    client: Client, book: BookWriter, open_feed: OpenFeed
) -> None:
    updates = open_feed()
    deposit = {
        "kind": "deposit",
        "lane": "executions",
        "entry": "5-0",
        "index": "0",
        "of": "1",
        "received_at": str(EXECUTED_AT),
        "executed_at": str(EXECUTED_AT),
        "day": "2023-11-14",
        "id": "event/d1",
        "location": "binance",
        "venue": "binance",
        "token": "USDT",
        "amount": "1000.5",
    }
    book.apply(
        fill(1, "2", "100"),
        fill(2, "-5", "110", fees=[["BNB", "0.1", "trading"], ["BTC", "0.001", "trading"]]),
        fill(2, "-5", "110"),
        fill(3, "1", "100.25", instrument_kind="option", instrument="o", multiplier="100"),
        fill(4, "1", "50", kind="rejected", fees=[["ETH", "0.02", "gas"]]),
        deposit,
    )
    texts = [update.text for update in take(updates, 5)]
    assert texts == published(client.server)


def test_entries_without_changes_make_no_hole(book: BookWriter, open_feed: OpenFeed) -> None:
    updates = open_feed()
    book.apply(fill(1, "1", "100"), fill(1, "1", "100"), fill(2, "1", "100"))
    assert [(update.seq, update.previous_seq) for update in take(updates, 2)] == [(2, 0), (4, 2)]


def test_a_feed_from_now_on_leaves_out_what_was(book: BookWriter, open_feed: OpenFeed) -> None:
    book.fills(5)
    updates = open_feed()
    assert updates.seq == 6
    book.fills(1)
    assert [update.seq for update in take(updates, 1)] == [7]


def test_a_feed_resumes_from_a_seq(book: BookWriter, open_feed: OpenFeed) -> None:
    book.fills(5)
    resumed = open_feed(from_seq=4)
    assert [update.seq for update in take(resumed, 3)] == [4, 5, 6]
    book.fills(2)
    assert [update.seq for update in take(resumed, 2)] == [7, 8]
    assert resumed.get(0.05) is None


def test_a_feed_from_the_first_seq_reads_history_of_several_pages(
    book: BookWriter, open_feed: OpenFeed
) -> None:
    book.fills(1100)
    updates = take(open_feed(from_seq=1), 1100)
    assert [update.seq for update in updates] == list(range(2, 1102))


def test_a_feed_may_start_at_the_next_seq_but_not_beyond(
    book: BookWriter, open_feed: OpenFeed
) -> None:
    book.fills(3)
    updates = open_feed(from_seq=5)
    assert updates.get(0.05) is None
    book.fills(1)
    assert [update.seq for update in take(updates, 1)] == [5]
    with pytest.raises(FeedError, match="book main stands at seq 5: there is no seq 7 yet"):
        open_feed(from_seq=7).get(WITHIN_S)


def test_a_seq_below_one_is_refused(client: Client) -> None:
    with pytest.raises(ValueError, match="from_seq: 0 is no seq"):
        Feed(client, from_seq=0)


def test_a_lost_message_is_read_from_the_journal(book: BookWriter, open_feed: OpenFeed) -> None:
    updates = open_feed()
    book.fills(1)
    with book.unheard():
        book.fills(3)
    book.fills(1)
    assert [update.seq for update in take(updates, 5)] == [2, 3, 4, 5, 6]


def test_a_loss_at_the_end_is_found_after_a_silence(book: BookWriter, open_feed: OpenFeed) -> None:
    updates = open_feed(check_every_s=0.1)
    with book.unheard():
        book.fills(2)
    assert [update.seq for update in take(updates, 2)] == [2, 3]
    book.fills(1)
    assert [update.seq for update in take(updates, 1)] == [4]


def test_repeated_messages_are_dropped(
    client: Client, book: BookWriter, open_feed: OpenFeed
) -> None:
    updates = open_feed()
    book.fills(2)
    for text in published(client.server):
        client.server.publish(keys.updates("main"), text)
    book.fills(1)
    assert [update.seq for update in take(updates, 3)] == [2, 3, 4]


def test_what_is_no_update_is_passed_over(
    client: Client, book: BookWriter, open_feed: OpenFeed
) -> None:
    updates = open_feed()
    for text in ("", "[]", "{}", '{"seq":"x"}', "null"):
        client.server.publish(keys.updates("main"), text)
    book.fills(1)
    assert [update.seq for update in take(updates, 1)] == [2]


def test_a_killed_connection_during_a_burst_loses_nothing(
    server: AnyServer, client: Client, book: BookWriter, open_feed: OpenFeed
) -> None:
    updates = open_feed()
    killer = connect(server.url, role="test")
    kills = 0

    def burst() -> None:
        nonlocal kills
        for _ in range(20):
            book.fills(20)
            kills += cut_off(killer)

    thread = threading.Thread(target=burst)
    thread.start()
    taken = take(updates, 400)
    thread.join()
    assert [update.text for update in taken] == published(client.server)
    assert len(taken) == 400
    assert kills > 0


def test_a_slow_reader_that_is_cut_off_loses_nothing(
    client: Client, book: BookWriter, open_feed: OpenFeed
) -> None:
    client.server.config_set("client-output-buffer-limit", "pubsub 65536 0 0")
    try:
        updates = open_feed()
        book.fills(2000)
        # The server has dropped the subscriber, unread as it was.
        assert client.server.pubsub_numsub(keys.updates("main")) == [(keys.updates("main"), 0)]
        assert [update.text for update in take(updates, 2000)] == published(client.server)
        assert updates.get(0.05) is None
    finally:
        client.server.config_set("client-output-buffer-limit", "pubsub 33554432 8388608 60")


def test_a_trimmed_journal_names_the_first_seq_it_has(
    client: Client, book: BookWriter, open_feed: OpenFeed
) -> None:
    book.fills(10)
    client.server.xtrim(keys.journal("main"), minid="6-0", approximate=False)
    with pytest.raises(JournalTrimmed, match="no longer holds seq 3; the first it holds is 6") as e:
        open_feed(from_seq=3).get(WITHIN_S)
    assert (e.value.wanted, e.value.first_available) == (3, 6)
    assert [update.seq for update in take(open_feed(from_seq=6), 2)] == [6, 7]


def test_a_journal_trimmed_to_nothing_is_a_trimmed_journal(
    client: Client, book: BookWriter, open_feed: OpenFeed
) -> None:
    book.fills(3)
    client.server.xtrim(keys.journal("main"), maxlen=0, approximate=False)
    with pytest.raises(JournalTrimmed, match="seq 2; the first it holds is 5"):
        open_feed(from_seq=2).get(WITHIN_S)


def test_a_feed_behind_a_trimmed_journal_says_so_when_it_reconnects(
    client: Client, book: BookWriter, open_feed: OpenFeed
) -> None:
    updates = open_feed()
    cut_off(client.server)
    book.fills(10)
    client.server.xtrim(keys.journal("main"), minid="6-0", approximate=False)
    with pytest.raises(JournalTrimmed, match="seq 2; the first it holds is 6"):
        updates.get(WITHIN_S)


def test_an_entry_the_state_does_not_hold_yet_is_not_delivered(
    client: Client, book: BookWriter, open_feed: OpenFeed
) -> None:
    book.fills(3)
    untyped: Any = client.server
    ((_, fields),) = untyped.xrange(keys.journal("main"), "4-0", "4-0")
    client.server.xadd(keys.journal("main"), {**fields, "previous_update": "4"}, id="5-0")
    updates = open_feed(from_seq=2)
    assert [update.seq for update in take(updates, 3)] == [2, 3, 4]
    assert updates.get(0.05) is None
    client.server.hset(keys.book("main"), "seq", "5")  # mended
    cut_off(client.server)
    assert [update.seq for update in take(updates, 1)] == [5]


def test_a_book_that_does_not_exist_has_no_feed(client: Client) -> None:
    with pytest.raises(BookError, match="book main does not exist"):
        Feed(client).get(WITHIN_S)


def test_a_closed_feed_says_so(book: BookWriter, open_feed: OpenFeed) -> None:
    updates = open_feed()
    updates.close()
    with pytest.raises(FeedError, match="the feed is closed"):
        updates.get(0.01)


def test_sharded_updates_are_followed(
    client: Client, open_book: OpenBook, open_feed: OpenFeed
) -> None:
    book = open_book(sharded=True)
    updates = open_feed(sharded=True)
    book.fills(3)
    assert [update.seq for update in take(updates, 3)] == [2, 3, 4]


def test_each_book_has_its_own_feed(
    client: Client, open_book: OpenBook, open_feed: OpenFeed
) -> None:
    one, two = open_book("one"), open_book("two")
    updates = open_feed(book="two")
    one.fills(3)
    two.fills(1)
    assert [(update.book, update.seq) for update in take(updates, 1)] == [("two", 2)]
    assert updates.get(0.05) is None


def test_an_outage_is_survived_when_asked(start_server: StartServer) -> None:
    server = start_server()
    book = BookWriter(connect(server.url, role="worker", repeats=3))
    with Client.open(server.url) as client, Feed(client, survive_outages=True) as updates:
        assert updates.get(0.01) is None
        book.fills(10)
        assert [update.seq for update in take(updates, 5)] == list(range(2, 7))
        server.kill()
        # What was on its way may be gone with the connection, or be read already.
        early = []
        while (update := updates.get(0.2)) is not None:
            early.append(update)
        server.restart()
        book.fills(5)
        late = take(updates, 10 - len(early))
        assert [update.seq for update in early + late] == list(range(7, 17))


def test_an_outage_is_an_error_when_not_asked(start_server: StartServer) -> None:
    server = start_server()
    BookWriter(connect(server.url, role="worker"))
    with Client(connect(server.url, role="reader")) as client, Feed(client) as updates:
        assert updates.get(0.01) is None
        server.kill()
        with pytest.raises(ServerError, match=r"s\.sock: "):
            updates.get(WITHIN_S)


def test_a_server_that_lost_entries_is_told_from_one_that_did_not(
    start_server: StartServer,
) -> None:
    server = start_server()
    book = BookWriter(connect(server.url, role="worker"))
    with Client.open(server.url) as client, Feed(client) as updates:
        assert updates.get(0.01) is None
        book.fills(3)
        assert len(take(updates, 3)) == 3
        # Another history of the same length, as after a restart from an old backup.
        client.server.flushall()
        other = BookWriter(connect(server.url, role="worker"))
        other.fills(3, strategy="8")
        cut_off(client.server)
        with pytest.raises(JournalRewritten, match="seq 4 was delivered"):
            updates.get(WITHIN_S)


def test_a_book_that_went_back_is_told(start_server: StartServer) -> None:
    server = start_server()
    book = BookWriter(connect(server.url, role="worker"))
    with Client.open(server.url) as client, Feed(client, check_every_s=0.05) as updates:
        assert updates.get(0.01) is None
        book.fills(3)
        assert len(take(updates, 3)) == 3
        client.server.flushall()
        BookWriter(connect(server.url, role="worker"))
        with pytest.raises(JournalRewritten, match=r"seq 4 was delivered, but .* now at seq 1"):
            updates.get(WITHIN_S)


def test_the_text_of_an_update_is_json(book: BookWriter, open_feed: OpenFeed) -> None:
    updates = open_feed()
    book.fills(1)
    told = json.loads(take(updates, 1)[0].text)
    assert list(told) == ["book", "seq", "previous_seq", "timestamp", "changes"]
