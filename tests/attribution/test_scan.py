"""Finding a day's entries in the journal: fast when receipts are in order, complete always."""

from __future__ import annotations

from typing import Any

import pytest

from pm.attribution.bookings import Span
from pm.attribution.rows import parse_day
from pm.attribution.scan import JournalIncomplete, scan
from pm.books import journal
from pm.days import DAY_NS, midnight_ns
from pm.history import History, HistoryGap
from pm.history.receipts import first_received
from tests.attribution.desk import Desk
from tests.attribution.told_books import ToldBook

DAY = "2025-03-20"


def span(day: str = DAY) -> Span:
    return Span(
        strategy="7",
        first_day=day,
        last_day=day,
        start=midnight_ns(day),
        end=midnight_ns(day) + DAY_NS,
        wants_trades=True,
    )


def twenty_days() -> ToldBook:
    book = ToldBook()
    for number in range(1, 21):
        for hour in range(24):
            book.fill(f"2025-03-{number:02d}T{hour:02d}:30:00", "1", "100")
    return book


def rows(book: ToldBook, day: str = DAY) -> Any:
    return parse_day("main", "7", day, book.state(f"attribution:7:{day}"))


def test_only_the_end_of_the_journal_is_read(desk: Desk, monkeypatch: Any) -> None:
    book = twenty_days()
    desk.put(book)
    starts = []
    read = journal.read

    def noted(*given: Any, after: int = 0, through: int | None = None) -> Any:
        starts.append(after)
        return read(*given, after=after, through=through)

    monkeypatch.setattr(journal, "read", noted)
    found = scan(History(desk.client), "main", span(), rows(book), len(book.entries))

    assert len(found.trades) == 24
    assert len(starts) == 1
    assert starts[0] > len(book.entries) - 3 * 24


def test_an_entry_received_long_before_its_neighbours_is_found(desk: Desk) -> None:
    book = ToldBook()
    book.fill(f"{DAY}T01:00:00", "1", "100")
    book.fill(f"{DAY}T02:00:00", "1", "100")
    for _ in range(9):
        book.fill("2025-02-01T02:00:00", "1", "100")
    book.fill(f"{DAY}T03:00:00", "1", "100")
    desk.put(book)

    found = scan(History(desk.client), "main", span(), rows(book), len(book.entries))

    assert [trade.seq for trade in found.trades] == [2, 3, 13]


def test_entries_after_the_rows_were_read_do_not_count(desk: Desk) -> None:
    book = ToldBook()
    book.fill(f"{DAY}T01:00:00", "1", "100")
    before = rows(book)
    book.fill(f"{DAY}T02:00:00", "1", "100")
    desk.put(book)

    assert len(scan(History(desk.client), "main", span(), before, 2).trades) == 1


def test_a_journal_that_lacks_entries_is_not_passed_off_as_whole(desk: Desk) -> None:
    book = twenty_days()
    desk.put(book)
    desk.client.xdel("pm:{main}:journal", f"{len(book.entries)}-0")

    with pytest.raises(HistoryGap, match=f"entry {len(book.entries)} is missing"):
        scan(History(desk.client), "main", span(), rows(book), len(book.entries))


def test_rows_that_the_journal_does_not_add_up_to_are_no_answer(desk: Desk) -> None:
    book = twenty_days()
    desk.put(book)

    with pytest.raises(JournalIncomplete, match="does not add up"):
        scan(History(desk.client), "main", span(), rows(book)[:0], len(book.entries))


def test_halving_finds_the_first_receipt(desk: Desk) -> None:
    book = twenty_days()
    desk.put(book)
    history, last = History(desk.client), len(book.entries)

    assert first_received(history, "main", midnight_ns("2025-03-02"), through=last) == 26
    assert first_received(history, "main", 0, through=last) == 1
    assert first_received(history, "main", midnight_ns("2026-01-01"), through=last) == last + 1
