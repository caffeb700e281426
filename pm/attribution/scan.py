"""The journal's entries on some days of a strategy: found without reading all of it, and complete.

What is no longer in Redis is read from the archive.

Entries are in the order they were applied, not executed, and only roughly in that of receipt. The
scan starts a day's receipts early; whether it found everything is not guessed but proved: what was
found must add up to the day rows the books keep. If not, the whole journal is read.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

import redis

from pm import keys
from pm.attribution.bookings import Bookings, Span
from pm.attribution.rows import Row, by_place
from pm.days import DAY_NS, midnight_ns
from pm.history import Archive, History

MARGIN_NS: Final = DAY_NS
_PROBE: Final = 50


class JournalIncomplete(Exception):
    """The journal lacks entries that the rows contain."""


def scan(
    client: redis.Redis,
    book: str,
    span: Span,
    rows: Sequence[Row],
    through: int,
    archive: Archive | None = None,
) -> Bookings:
    """The bookings of the span's days up to seq `through`, at which the `rows` were read.

    JournalIncomplete if even the whole journal does not add up to the rows, HistoryGap where a part
    of it is nowhere.
    """
    history = History(client, archive)
    expected = by_place(row for row in rows if span.first_day <= row.day <= span.last_day)
    first = first_received(client, book, midnight_ns(span.first_day) - MARGIN_NS, through, archive)
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


def first_received(
    client: redis.Redis, book: str, time_ns: int, through: int, archive: Archive | None = None
) -> int:
    """About the first seq that was received at `time_ns` or later, by halving."""
    low, high = 1, through + 1
    if archive is not None:
        archived = archive.first_received(book, time_ns)
        if archived is not None:
            return min(archived, high)
        low = min(archive.last_seq(book) + 1, high)
    while low < high:
        middle = (low + high) // 2
        received_at = _received_at(client, book, middle, through)
        if received_at is None or received_at >= time_ns:
            high = middle
        else:
            low = middle + 1
    return low


def _received_at(client: redis.Redis, book: str, seq: int, through: int) -> int | None:
    """When the entry of `seq`, or the next one that knows, was received."""
    found: Any = client.xrange(keys.journal(book), f"{seq}-0", f"{through}-0", count=_PROBE)
    for _, fields in found:
        text = fields.get("facts") or fields.get(b"facts")
        received_at = json.loads(text).get("received_at")
        if received_at:
            return int(received_at)
    return None
