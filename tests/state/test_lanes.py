"""Reading lanes after cursors, with entries that are done in part."""

from __future__ import annotations

import pytest

from pm import keys
from pm.books import lanes
from pm.books.lanes import Cursor, LaneEntry, is_past
from tests.servers import Server
from tests.state import facts
from tests.state.books import BOOK, LaneFeed, opened

LANE = keys.DEFAULT_LANE


@pytest.mark.parametrize(
    ("text", "cursor", "read_after"),
    [
        ("0-0", Cursor("0-0", 0), "0-0"),
        ("5-0", Cursor("5-0", 0), "5-0"),
        ("5-3:2", Cursor("5-3", 2), "5-2"),
        ("5-0:1", Cursor("5-0", 1), "4-18446744073709551615"),
    ],
)
def test_an_entry_done_in_part_is_read_again(text: str, cursor: Cursor, read_after: str) -> None:
    assert Cursor.parse(text) == cursor
    assert cursor.read_after() == read_after


@pytest.mark.parametrize(
    ("cursor", "entry", "past"),
    [
        ("5-0", "5-0", True),
        ("5-0", "5-1", False),
        ("5-1", "5-0", True),
        ("5-0:1", "5-0", False),
        ("5-0:1", "4-9", True),
        ("10-0", "9-0", True),
        ("9-0", "10-0", False),
        ("0-0", "1-0", False),
    ],
)
def test_a_cursor_is_past_what_is_done_completely(cursor: str, entry: str, past: bool) -> None:
    assert is_past(cursor, entry) is past


def test_lanes_are_read_after_their_cursors(server: Server) -> None:
    client = opened(server)
    for number in range(1, 6):
        client.xadd(keys.lane(BOOK, LANE), {"event": f"e{number}"}, id=f"{number}-0")
    client.xadd(keys.lane(BOOK, "executions:relay"), {"frame": "f1"}, id="1-0")
    found = lanes.read(client, BOOK, {LANE: "2-0:1", "executions:relay": "0-0"}, count=2)
    assert found == {
        LANE: [LaneEntry(LANE, f"{n}-0", {b"event": b"e%d" % n}) for n in (2, 3)],
        "executions:relay": [LaneEntry("executions:relay", "1-0", {b"frame": b"f1"})],
    }
    assert lanes.read(client, BOOK, {LANE: "5-0"}, count=2) == {}


def test_a_lane_that_was_never_read_stands_at_the_start(server: Server) -> None:
    client = opened(server)
    feed = LaneFeed(client, facts.placed([facts.fill("O1", "1"), facts.fill("O2", "1")]))
    feed.apply(1)
    assert lanes.cursors(client, BOOK, [LANE, "executions:new"]) == {
        LANE: "1-0:1",
        "executions:new": lanes.START,
    }


def test_lanes_of_a_book_are_the_standing_ones_and_those_opened(server: Server) -> None:
    client = opened(server)
    client.zadd(keys.lanes(BOOK), {"executions:relay": 0})
    expected = [LANE, keys.QUARANTINE_LANE, "executions:relay"]
    assert lanes.of_book(client, BOOK) == expected


def test_published_events_come_back_as_they_were(server: Server) -> None:
    client = opened(server)
    ids = lanes.publish(client, BOOK, [b"\x00\xff", b"two"], received_at=17)
    (entries,) = lanes.read(client, BOOK, {LANE: lanes.START}, count=10).values()
    assert [entry.id for entry in entries] == ids
    assert [entry.fields for entry in entries] == [
        {b"event": b"\x00\xff", b"received_at": b"17"},
        {b"event": b"two", b"received_at": b"17"},
    ]
