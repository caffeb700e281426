"""The journal's entries on some days of a strategy: found without reading all of it, and complete.

What is no longer in Redis is read from the archive.

Entries are in the order they were applied, not executed, and only roughly in that of receipt. The
scan starts a day's receipts early; whether it found everything is not guessed but proved: what was
found must add up to the day rows the books keep. If not, the whole journal is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pm.attribution.bookings import Bookings, Span
from pm.attribution.rows import Row, by_place
from pm.days import DAY_NS, midnight_ns
from pm.history import History
from pm.history.receipts import first_received

MARGIN_NS: Final = DAY_NS


class JournalIncomplete(Exception):
    """The journal lacks entries that the rows contain."""


def scan(history: History, book: str, span: Span, rows: Sequence[Row], through: int) -> Bookings:
    """The bookings of the span's days up to seq `through`, at which the `rows` were read.

    JournalIncomplete if even the whole journal does not add up to the rows, HistoryGap where a part
    of it is nowhere.
    """
    expected = by_place(row for row in rows if span.first_day <= row.day <= span.last_day)
    since_ns = midnight_ns(span.first_day) - MARGIN_NS
    first = first_received(history, book, since_ns, through=through)
    for after in dict.fromkeys((max(0, first - 1), 0)):
        found = Bookings(book, span)
        for entry in history.read(book, after=after, through=through):
            found.add(entry)
        if by_place(row for _, row in found.rows) == expected:
            return found
    raise JournalIncomplete(
        f"book {book}: the journal of strategy {span.strategy} from {span.first_day} through"
        f" {span.last_day} does not add up to the day rows: run `pm verify`"
    )
