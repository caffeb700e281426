"""What of the journal is no longer in Redis, for its clients: read from the archive.

The archive is looked for when it is needed, so that one made later is found.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from pm.archive import open_archive
from pm.client.following import Recall
from pm.client.journal import JournalEntry, parse_entry
from pm.client.results import Listing
from pm.history import Archive, HistoryGap
from pm.settings import Settings

PAGE_ENTRIES: Final = 2_000

StreamEntry = tuple[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """The range of a question to the journal, both ends included, and how many entries of it."""

    start: int | None
    end: int | None
    count: int
    newest_first: bool


class Past:
    """The archive given, else the one of the settings; without settings there is none."""

    def __init__(self, settings: Settings | None, archive: Archive | None) -> None:
        self._settings: Final = settings
        self._archive = archive

    @property
    def archive(self) -> Archive | None:
        """The archive, None where there is none."""
        if self._archive is None and self._settings is not None:
            self._archive = open_archive(self._settings)
        return self._archive

    def lacks(self, book: str, found: Listing[JournalEntry], wanted: Wanted) -> bool:
        """Whether entries that were asked for are not among those of Redis."""
        after, through = _missing(book, found, wanted)
        return after < through

    def complete(
        self, book: str, found: Listing[JournalEntry], wanted: Wanted
    ) -> Listing[JournalEntry]:
        """The entries of Redis with those they lack; HistoryGap if the archive lacks them too."""
        after, through = _missing(book, found, wanted)
        if after >= through:
            return found
        if self.archive is None:
            raise HistoryGap(book, after + 1, through + 1, is_beginning=True)
        room = wanted.count - (len(found.items) if wanted.newest_first else 0)
        if wanted.newest_first:
            after = max(after, through - room)
        entries = [
            parse_entry(book, entry, fields)
            for entry, fields in self.page(book, after, min(through, after + room))
        ]
        if wanted.newest_first:
            return replace(found, items=(*found.items, *reversed(entries)))
        return replace(found, items=(*entries, *found.items)[: wanted.count])

    def page(
        self, book: str, after: int, through: int, count: int | None = None
    ) -> Sequence[StreamEntry]:
        """Archived entries above `after` up to `through`, at most `count`; HistoryGap for none."""
        archive = self.archive
        entries: list[StreamEntry] = []
        if archive is not None:
            read = archive.read(book, after=after, through=through)
            for entry in itertools.islice(read, count):
                seq = entry.pop("seq")
                entries.append((f"{seq}-0", entry))
        wanted = through - after if count is None else min(count, through - after)
        if len(entries) < wanted:
            missing = after + len(entries) + 1
            raise HistoryGap(book, missing, through + 1)
        return entries


def recalled(past: Past, wanted: Recall) -> Sequence[StreamEntry]:
    """What a feed recalls, none where the archive does not hold it."""
    try:
        return past.page(wanted.book, wanted.after, wanted.through, PAGE_ENTRIES)
    except HistoryGap:
        return ()


def _missing(book: str, found: Listing[JournalEntry], wanted: Wanted) -> tuple[int, int]:
    """After which seq and through which one entries are missing; none if that is not later."""
    newest = found.seqs[book]
    low = max(wanted.start or 1, 1)
    high = newest if wanted.end is None else min(wanted.end, newest)
    if wanted.newest_first:
        is_all = len(found.items) >= wanted.count
        oldest = found.items[-1].seq if found.items else high + 1
        return low - 1, low - 1 if is_all else oldest - 1
    oldest = found.items[0].seq if found.items else high + 1
    return low - 1, min(oldest - 1, high)
