"""What was taken once is not taken again, and every answer `apply` gives."""

from __future__ import annotations

from typing import Any

import pytest
import redis

from pm import keys
from pm.books import opening
from pm.books.applying import Applier, Counts, Outcome
from pm.functions import library
from pm.verify import verify_book
from tests.servers import Server
from tests.state import facts
from tests.state.books import (
    BOOK,
    LaneFeed,
    assert_verified,
    batches_of,
    contents,
    differences,
    journal_of,
    opened,
)

SIZE = 3


def fills(*numbers: int, first: int = 1, at: int = facts.START) -> list[facts.Facts]:
    """One fill of an order of its own for each number; `at` of number 1, then a second apart."""
    return [
        {
            **facts.fill(f"O{number}", "1"),
            "executed_at": str(at + number * facts.SECOND),
            "received_at": str(at + number * facts.SECOND + 500),
            "day": "2023-11-14",
        }
        for number in numbers
    ]


def book_of(client: redis.Redis) -> dict[str, str]:
    held: Any = client.hgetall(keys.book(BOOK))
    return {name.decode(): text.decode() for name, text in held.items()}


def results_of(client: redis.Redis) -> list[str]:
    """Result and reason of every event of a lane."""
    entries = journal_of(contents(client))[1][1:]
    return [f"{of[b'result'].decode()} {of[b'reason'].decode()}".strip() for _, of in entries]


@pytest.mark.parametrize("batch", [1, 4, 10])
def test_a_generation_turns_at_its_exact_count(server: Server, batch: int) -> None:
    client = opened(server, generation_size=SIZE)
    LaneFeed(client, facts.placed(*fills(*range(1, 9)))).feed(batches_of(batch))
    book = book_of(client)
    assert (book["generation"], book["generation_count"]) == ("2", "2")
    held = contents(client)
    sizes = [len(held[keys.seen(BOOK, n)][1] - {b"."}) for n in range(3)]
    assert sizes == [3, 3, 2]
    assert book["horizon"] == str(facts.START + 3 * facts.SECOND)
    assert_verified(client)


@pytest.mark.parametrize("batch", [1, 20])
def test_ids_of_two_generations_are_duplicates_and_older_ones_past_the_horizon(
    server: Server, batch: int
) -> None:
    client = opened(server, generation_size=SIZE)
    again = fills(*range(1, 8)) + fills(*range(1, 8))
    LaneFeed(client, facts.placed(*again)).feed(batches_of(batch))
    # 1-3 were in generation 0, forgotten when 4-6 filled generation 1
    assert results_of(client)[7:] == ["refused older_than_horizon"] * 3 + ["duplicate"] * 4
    assert book_of(client)["trade_count"] == "7"
    assert_verified(client)


def test_a_new_event_at_the_horizon_is_refused_and_one_after_it_is_taken(server: Server) -> None:
    client = opened(server, generation_size=SIZE)
    horizon = facts.START + 3 * facts.SECOND
    late, in_time = fills(100, 101)
    late["executed_at"], in_time["executed_at"] = str(horizon), str(horizon + 1)
    LaneFeed(client, facts.placed(*fills(*range(1, 7)), late, in_time)).feed([8])
    assert results_of(client)[6:] == ["refused older_than_horizon", "applied"]
    assert_verified(client)


def test_an_id_dated_far_ahead_is_remembered_for_good(server: Server) -> None:
    client = opened(server, generation_size=SIZE)
    (ahead,) = fills(50)
    ahead["received_at"] = str(int(ahead["executed_at"]) - 61 * facts.SECOND)
    events = facts.placed(ahead, *fills(*range(1, 12)), ahead)
    LaneFeed(client, events).feed(batches_of(5))
    assert results_of(client)[-1] == "duplicate"
    assert int(book_of(client)["horizon"]) < int(ahead["executed_at"])
    assert_verified(client)


def test_refused_and_repeated_events_take_no_place_in_a_generation(server: Server) -> None:
    client = opened(server, generation_size=SIZE)
    first, second = fills(1, 2)
    other = {**fills(3)[0], "order": first["order"], "strategy": "9"}
    LaneFeed(client, facts.placed(first, first, other, facts.quarantined(), second)).feed([5])
    book = book_of(client)
    assert (book["generation"], book["generation_count"]) == ("0", "2")
    assert (book["duplicate"], book["refused"]) == ("1", "2")
    assert_verified(client)


def test_a_batch_sent_again_was_done_already(server: Server) -> None:
    client = opened(server)
    events = facts.placed(*fills(1, 2))
    apply = Applier(BOOK, 10).apply
    assert apply(client, "executions", "0-0", events, 0).status == "applied"
    before = contents(client)
    assert apply(client, "executions", "0-0", events, 0) == Outcome("already", "2-0", 3)
    assert contents(client) == before


@pytest.mark.parametrize("believed", ["1-0", "2-0:1", "3-0"])
def test_a_wrong_cursor_changes_nothing_and_is_answered_with_the_right_one(
    server: Server, believed: str
) -> None:
    client = opened(server)
    LaneFeed(client, facts.placed(*fills(1, 2))).feed([2])
    before = contents(client)
    events = facts.placed(*fills(3), first=4)
    outcome = Applier(BOOK, 10).apply(client, "executions", believed, events, 0)
    assert outcome == Outcome("cursor", "2-0", 3)
    assert contents(client) == before


def test_a_cursor_stands_inside_an_entry_of_several_events(server: Server) -> None:
    client = opened(server)
    feed = LaneFeed(client, facts.placed(fills(1, 2, 3), fills(4)[0]))
    assert feed.apply(2).cursor == "1-0:2"
    assert feed.apply(1).cursor == "1-0"
    assert feed.apply(1).cursor == "2-0"
    assert_verified(client)


def test_facts_of_another_reference_version_are_refused(server: Server) -> None:
    client = opened(server)
    opening.adopt_reference(client, BOOK, 4, 1)
    before = contents(client)
    feed = LaneFeed(client, facts.placed(*fills(1)), reference_version=3)
    assert feed.apply(1) == Outcome("reference", "0-0", 2, reference_version=4)
    assert contents(client) == before
    feed.reference_version = 4
    assert feed.apply(1).status == "applied"


def test_a_book_that_does_not_exist_is_said_to(server: Server) -> None:
    client = opened(server)
    outcome = Applier("other", 10).apply(client, "executions", "0-0", facts.placed(*fills(1)), 0)
    assert outcome == Outcome("no_book")
    assert not list(client.scan_iter(match="pm:{other}:*"))


def test_missing_keys_are_named_before_anything_is_written(server: Server) -> None:
    client = opened(server)
    before = contents(client)
    (event,) = facts.placed(*fills(1))
    standing = keys.standing_keys(BOOK, 0)
    arguments: list[str | bytes] = ["executions", "0-0", "0", "10", "PUBLISH", event.text, b""]
    reply = library.call(client, "apply", standing, arguments)
    assert reply[0] == "need"
    assert set(reply[1:]) == set(keys.event_keys(BOOK, event.facts))
    assert contents(client) == before


def test_an_event_no_rule_can_decide_is_named_and_changes_nothing(server: Server) -> None:
    client = opened(server)
    good, bad = fills(1, 2)
    bad["quantity"] = "many"
    before = contents(client)
    outcome = LaneFeed(client, facts.placed(good, bad)).apply(2)
    assert (outcome.status, outcome.failed_event) == ("failed", 1)
    assert outcome.error
    assert contents(client) == before


def test_a_full_quarantine_applies_what_comes_before_and_stops_there(server: Server) -> None:
    client = opened(server)
    first, second = fills(1, 2)
    events = facts.placed(first, facts.quarantined("a"), facts.quarantined("b"), second)
    feed = LaneFeed(client, events, quarantine_max=1)
    outcome = feed.apply(4)
    assert (outcome.status, outcome.cursor) == ("full", "2-0")
    assert outcome.counts == Counts(applied=1, refused=1)
    assert_verified(client)
    before = contents(client)
    assert feed.apply(4) == Outcome("full", "2-0", 3)
    assert contents(client) == before


def test_with_room_made_a_full_quarantine_goes_on_to_the_same_end(server: Server) -> None:
    events = facts.placed(
        *fills(1), facts.quarantined("a"), facts.quarantined("b"), *fills(2), facts.quarantined("c")
    )
    client = opened(server)
    LaneFeed(client, events).feed([5])
    roomy = contents(client)
    client.flushall()
    client = opened(server)
    feed = LaneFeed(client, events, quarantine_max=1)
    kept: list[Any] = []
    while feed.done < len(events):
        feed.apply(5)
        refused: Any = client.xrange(keys.quarantine(BOOK))
        for seq, _ in refused:
            client.xdel(keys.quarantine(BOOK), seq)
        kept += refused
    narrow = contents(client)
    assert kept == roomy.pop(keys.quarantine(BOOK))[1]
    narrow.pop(keys.quarantine(BOOK))
    assert not differences(narrow, roomy)
    # the journal knows of what was taken away by hand
    assert verify_book(client, BOOK).differences == [
        "quarantine: 3 refusals have no record, the first 3, and 0 events were replayed"
    ]


def test_a_repeat_within_one_batch_counts_once(server: Server) -> None:
    client = opened(server)
    (event,) = fills(1)
    feed = LaneFeed(client, facts.placed(event, event, event))
    feed.feed([3])
    assert feed.counts == Counts(applied=1, duplicate=2)
    assert_verified(client)


def test_a_lane_read_again_from_a_lost_cursor_changes_only_the_journal(server: Server) -> None:
    # a server restored to an earlier point is sent the lane again, under other entry ids
    client = opened(server)
    events = fills(*range(1, 10))
    LaneFeed(client, facts.placed(*events)).feed(batches_of(4))
    before = contents(client)
    LaneFeed(client, facts.placed(*events, lane="executions:again")).feed(batches_of(5))
    after = contents(client)
    changed = {
        key.rpartition(":")[2]
        for key in before.keys() | after.keys()
        if before.get(key) != after.get(key)
    }
    assert changed == {"book", "journal"}
    assert_verified(client)


def test_text_that_is_no_facts_changes_nothing(server: Server) -> None:
    client = opened(server)
    before = contents(client)
    (event,) = facts.placed(*fills(1))
    broken = event._replace(text=event.text[:-5])
    with pytest.raises(redis.ResponseError):
        Applier(BOOK, 10).apply(client, "executions", "0-0", [broken], 0)
    assert contents(client) == before
