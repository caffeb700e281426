"""Finds the books as they were at a time or after a journal entry.

A time means everything received by then: the longest prefix of a book's journal of which no entry
was received later, so that the answer stays the same whatever arrives late. The fold begins at the
nearest checkpoint.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import redis

from pm import fold
from pm.books import opening
from pm.books.opening import BookError
from pm.checkpoints import Checkpoints
from pm.client.past_books import MarkFields, PastBook, PastBooks
from pm.history import History
from pm.marks import store
from pm.marks.mark import is_fresh
from pm.marks.splits import Split, latest_split
from pm.reference.snapshot import Reference
from pm.rules.expected import Hash
from pm.settings import Settings

FIRST_TIME: Final = 10**12
"""A whole number below it is a seq, one from it on is nanoseconds."""

PastProgress = Callable[[str, int, int], None]
"""Is told the book, the seq that was reached and the last one there is."""

_EPOCH: Final = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def no_progress(book: str, seq: int, of: int) -> None:
    """Tell nobody."""


class PastUnknown(BookError):
    """The books as they were cannot be told; the text says why."""


def as_of(
    history: History,
    at: int | datetime,
    books: Sequence[str],
    settings: Settings | None = None,
    reference: Reference | None = None,
    progress: PastProgress = no_progress,
) -> PastBooks:
    """The books after entry `at`, or at a time in ns (from 10**12 on) or as an aware datetime.

    Without `settings` no checkpoint is used. `history` is of a server whose client gives text.
    PastUnknown where an entry is missing or wrong, BookError where there is no such book.
    """
    moment = _nanoseconds(at) if isinstance(at, datetime) else at
    if moment < FIRST_TIME and len(books) > 1:
        raise PastUnknown(f"{moment} is a seq, and each book has its own: name the book")
    assert history.client is not None, "a server says which books there are"
    found = {}
    for name in books:
        reached = _folded(history, name, moment, settings, progress)
        time_ns = reached.received_at if moment < FIRST_TIME else moment
        marks = _MarksThen(history.client, time_ns, settings or Settings())
        found[name] = PastBook.of(reached, marks.of)
    return PastBooks(found, reference)


def _folded(
    history: History,
    name: str,
    moment: int,
    settings: Settings | None,
    progress: PastProgress,
) -> fold.Fold:
    checkpoints = None if settings is None else Checkpoints.of(settings)
    assert history.client is not None
    head = opening.head(history.client, name)
    if head is None:
        raise BookError(f"book {name} does not exist")

    def show(seq: int) -> None:
        progress(name, seq, head.seq)

    if moment < FIRST_TIME:
        if not 1 <= moment <= head.seq:
            raise PastUnknown(f"book {name} has entries 1 to {head.seq}, not {moment}")
        reached = fold.at_seq(history, checkpoints, name, moment, show)
    else:
        reached = fold.at_time(history, checkpoints, name, moment, show)
    if reached.found:
        raise PastUnknown(f"book {name}: its past is not known: {reached.found.shown[0]}")
    if not reached.seq:
        raise PastUnknown(f"book {name}: its past is not known: its journal is empty")
    return reached


@dataclass(slots=True)
class _MarksThen:
    """The marks that counted at a time, as far as their history goes back."""

    server: redis.Redis
    time_ns: int
    settings: Settings
    _splits: Mapping[str, Sequence[Split]] | None = None
    _known: dict[tuple[str, str], MarkFields] = field(default_factory=dict)

    def of(self, position: Hash) -> MarkFields:
        """The mark of a position's instrument; of a spot one else that of its base."""
        instrument, quote = position["instrument_id"], position["quote"]
        found = self._known.get((instrument, quote))
        if found is None:
            found = self._mark(instrument, quote, instrument)
            if not found and position["instrument_kind"] == "spot":
                found = self._mark(position["base"], quote, instrument)
            self._known[instrument, quote] = found
        return found

    def _mark(self, subject: str, quote: str, instrument: str) -> MarkFields:
        if not self.time_ns:
            return {}
        max_age_s = self.settings.valuation.mark_max_age_seconds
        mark = store.history(self.server, subject, quote, self.time_ns, max_age_s)
        mark = mark or store.history(self.server, subject, quote, self.time_ns)
        if self._splits is None:
            self._splits = store.splits(self.server)
        # What was paid before a split is no price of the units after it.
        valid_from = latest_split(self._splits.get(instrument, ()), self.time_ns)
        if mark is None or mark.time < valid_from:
            return {}
        is_stale = not is_fresh(mark, self.time_ns, max_age_s)
        return {
            "mark": str(mark.price),
            "mark_time": str(mark.time),
            "mark_stale": "1" if is_stale else "0",
        }


def _nanoseconds(time: datetime) -> int:
    return (time - _EPOCH) // timedelta(microseconds=1) * 1_000
