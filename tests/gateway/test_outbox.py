"""The outbox file: dense numbers, commits, pruning, and files that are not (any more) one."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from workers.outbox import HOUR_NS, NewEntry, Outbox, OutboxLane, open_outbox
from workers.outbox_file import OutboxError, OutboxUnavailable

Opened = Callable[[], Outbox]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "outbox.sqlite"


@pytest.fixture
def opened(path: Path) -> Iterator[Opened]:
    """Open the outbox, as often as wanted; the one before is closed first."""
    now: list[Outbox] = []

    def again() -> Outbox:
        while now:
            now.pop().close()
        now.append(open_outbox(path))
        return now[0]

    yield again
    while now:
        now.pop().close()


def entries(*numbers: int, book: str = "main") -> list[NewEntry]:
    return [NewEntry(book, 1000 + number, b"frame %d" % number, b"") for number in numbers]


def write(outbox: Outbox, *numbers: int, book: str = "main") -> None:
    outbox.write("relay", entries(*numbers, book=book), {})


def numbers(outbox: Outbox, lane: OutboxLane, after: int = 0) -> list[int]:
    with closing(outbox.reader()) as reader:
        return [entry.number for entry in reader.after(lane, after, 10_000, 1 << 30)]


def test_each_book_has_dense_numbers_of_its_own(opened: Opened) -> None:
    outbox = opened()
    outbox.write("relay", [*entries(1), *entries(2, book="second"), *entries(3, 4)], {})
    write(outbox, 5)
    first, second = outbox.lanes
    assert (first.book, first.last, numbers(outbox, first)) == ("main", 4, [1, 2, 3, 4])
    assert (second.book, second.last, numbers(outbox, second)) == ("second", 1, [1])


def test_a_source_numbers_a_book_anew(opened: Opened) -> None:
    outbox = opened()
    write(outbox, 1, 2)
    outbox.write("other", entries(3), {})
    assert [(lane.name, lane.last) for lane in outbox.lanes] == [
        ("executions:relay", 2),
        ("executions:other", 1),
    ]


def test_what_was_written_is_there_when_it_is_opened_again(opened: Opened) -> None:
    outbox = opened()
    identity = outbox.identity
    outbox.write("relay", entries(1, 2), {2**64 - 1: (b"known", 5)})
    outbox = opened()
    (lane,) = outbox.lanes
    assert outbox.identity == identity
    assert (lane.last, lane.last_before) == (2, 2)
    assert outbox.known_order(2**64 - 1) == (b"known", 5)
    assert outbox.known_order(1) is None
    with closing(outbox.reader()) as reader:
        found = reader.one(lane, 2)
    assert found is not None
    assert found[:] == (2, 1002, b"frame 2", b"")


def test_reading_is_bounded_by_bytes_but_gives_at_least_one(opened: Opened) -> None:
    outbox = opened()
    outbox.write("relay", [NewEntry("main", 1, bytes(600), b"") for _ in range(4)], {})
    (lane,) = outbox.lanes
    with closing(outbox.reader()) as reader:
        assert [entry.number for entry in reader.after(lane, 0, 10, 1300)] == [1, 2]
        assert [entry.number for entry in reader.after(lane, 2, 10, 100)] == [3]
        assert reader.after(lane, 4, 10, 100) == []


def test_numbers_go_on_after_everything_was_pruned(opened: Opened) -> None:
    outbox = opened()
    write(outbox, 1, 2, 3)
    outbox.lanes[0].confirmed = 3
    outbox.mark_confirmed(now=10)
    assert outbox.prune(confirmed_before=11, orders_before_hour=0) == 3
    outbox = opened()
    write(outbox, 4)
    assert numbers(outbox, outbox.lanes[0], after=3) == [4]


def test_only_what_was_confirmed_long_enough_ago_is_pruned(opened: Opened) -> None:
    outbox = opened()
    write(outbox, *range(1, 11))
    (lane,) = outbox.lanes
    lane.confirmed = 4
    outbox.mark_confirmed(now=100)
    lane.confirmed = 8
    outbox.mark_confirmed(now=100 + HOUR_NS)
    outbox.prune(confirmed_before=100, orders_before_hour=0)
    assert numbers(outbox, lane) == list(range(1, 11))
    outbox.prune(confirmed_before=101, orders_before_hour=0)
    assert numbers(outbox, lane, after=4) == [5, 6, 7, 8, 9, 10]
    with closing(outbox.reader()) as reader:
        assert reader.one(lane, 4) is None
        with pytest.raises(OutboxError, match="entry 1 of executions:relay for book main"):
            reader.after(lane, 0, 10, 1000)


def test_nothing_is_pruned_that_a_lane_lost_since_its_mark(opened: Opened) -> None:
    outbox = opened()
    write(outbox, 1, 2, 3)
    (lane,) = outbox.lanes
    lane.confirmed = 3
    outbox.mark_confirmed(now=100)
    lane.confirmed = 1
    outbox.prune(confirmed_before=200, orders_before_hour=0)
    assert numbers(outbox, lane, after=1) == [2, 3]


def test_pruning_goes_in_slices(opened: Opened) -> None:
    outbox = opened()
    write(outbox, *range(1, 4501))
    outbox.lanes[0].confirmed = 4500
    outbox.mark_confirmed(now=1)
    slices = [outbox.prune(confirmed_before=2, orders_before_hour=0) for _ in range(4)]
    assert slices == [2000, 2000, 500, 0]


def test_orders_not_seen_for_long_are_forgotten(opened: Opened) -> None:
    outbox = opened()
    outbox.write("relay", [], {1: (b"old", 10), 2: (b"new", 20)})
    outbox.prune(confirmed_before=0, orders_before_hour=20)
    assert outbox.known_order(1) is None
    assert outbox.known_order(2) == (b"new", 20)


def test_a_burst_that_finds_no_room_takes_no_numbers_and_can_be_tried_again(
    opened: Opened,
) -> None:
    outbox = opened()
    write(outbox, 1)
    database = outbox._database
    (pages,) = database.execute("PRAGMA page_count").fetchone()
    database.execute(f"PRAGMA max_page_count = {pages}")
    burst = [NewEntry("second", 1, bytes(4000), b"") for _ in range(50)]
    with pytest.raises(OutboxUnavailable, match="full"):
        outbox.write("relay", burst, {})
    assert [lane.book for lane in outbox.lanes] == ["main"]
    database.execute("PRAGMA max_page_count = 100000")
    outbox.write("relay", burst, {})
    assert numbers(outbox, outbox.lanes[1]) == list(range(1, 51))


def test_a_burst_that_fails_half_way_leaves_nothing(opened: Opened) -> None:
    outbox = opened()
    broken = NewEntry("second", 1, None, b"")  # type: ignore[arg-type]
    with pytest.raises(OutboxError, match="NOT NULL"):
        outbox.write("relay", [*entries(1, 2), broken], {})
    write(outbox, 1, 2, 3)
    assert [(lane.book, lane.last) for lane in outbox.lanes] == [("main", 3)]
    assert numbers(outbox, outbox.lanes[0]) == [1, 2, 3]


def test_two_cannot_have_the_same_outbox(path: Path, opened: Opened) -> None:
    opened()
    with pytest.raises(OutboxError, match=r"another gateway \(pid \d+\) uses this outbox"):
        open_outbox(path)


def refusal(path: Path) -> str:
    with pytest.raises(OutboxError) as caught:
        open_outbox(path).close()
    text = str(caught.value)
    assert "\n" not in text
    assert text.startswith(f"{path}: ")
    return text


def test_a_file_that_is_no_database_is_refused(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"no database at all" * 100)
    assert "damaged or unusable: file is not a database" in refusal(path)


def test_another_database_is_refused(path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE other (x)")
    assert "is a database, but not an outbox" in refusal(path)


def test_an_outbox_of_another_format_is_refused(path: Path, opened: Opened) -> None:
    outbox = opened()
    outbox._database.execute("PRAGMA user_version = 2")
    outbox.close()
    assert "has format 2, this program knows 1" in refusal(path)


def test_a_torn_file_is_refused_or_tells_what_it_lacks(path: Path, opened: Opened) -> None:
    write(opened(), *range(1, 2001))
    opened().close()
    whole = path.read_bytes()
    torn = path.with_name("torn.sqlite")
    for size in range(4096, len(whole), 4096):
        torn.write_bytes(whole[:size])
        with pytest.raises(OutboxError) as caught:
            _read_all(torn)
        assert "\n" not in str(caught.value)


def test_overwritten_pages_never_give_other_entries(path: Path, opened: Opened) -> None:
    write(opened(), *range(1, 2001))
    opened().close()
    whole = path.read_bytes()
    hurt = path.with_name("hurt.sqlite")
    for place in range(4096, len(whole), 4096):
        hurt.write_bytes(whole[:place] + bytes(4096) + whole[place + 4096 :])
        with suppress(OutboxError):
            assert _read_all(hurt) == [b"frame %d" % number for number in range(1, 2001)]


def _read_all(path: Path) -> list[bytes]:
    for leftover in path.parent.glob(f"{path.name}-*"):
        leftover.unlink()
    outbox = open_outbox(path)
    try:
        (lane,) = outbox.lanes
        with closing(outbox.reader()) as reader:
            return [entry.frame for entry in reader.after(lane, 0, 10_000, 1 << 30)]
    finally:
        outbox.close()
