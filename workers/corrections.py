"""Makes the corrections that came by a lane, and those whose trade has come since.

What is asked stays open in its book until it is made, so nothing is kept here but how far the
journal was searched for a trade that has not come. Several may do this at once: one entry counts.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import redis

from pm.books import opening
from pm.books.opening import BookError
from pm.books.submitting import Submitter
from pm.corrections import requests
from pm.corrections.making import Corrections
from pm.crash_points import crash_point
from pm.history import Archive, History, HistoryGap

log = logging.getLogger("pm.corrections")


@dataclass(slots=True)
class CorrectionUpkeep:
    """Looks after the open corrections of books. `client` decodes.

    `find_archive` opens the archive, where there is one by now.
    """

    client: redis.Redis
    submitter: Submitter
    find_archive: Callable[[], Archive | None]
    _searched: dict[tuple[str, str], int] = field(default_factory=dict)
    _waits: set[tuple[str, str]] = field(default_factory=set)

    def round(self, books: Iterable[str]) -> int:
        """Make what can be made; how many corrections have ended with it."""
        asked = [(book, name) for book in books for name in requests.open_names(self.client, book)]
        if not asked:
            return 0
        # An archive may have been begun since the last round.
        history = History(self.client, self.find_archive())
        corrections = Corrections(self.client, self.submitter, history)
        return sum(self._make(corrections, book, name) for book, name in asked)

    def _make(self, corrections: Corrections, book: str, name: str) -> bool:
        head = opening.head(self.client, book)
        after = self._searched.get((book, name), 0)
        if head is None or head.seq == after:
            return False
        crash_point("correction_found")
        try:
            made = corrections.make(book, name, after=after)
        except (HistoryGap, BookError) as error:
            # Nothing else must wait for it.
            if (book, name) not in self._waits:
                self._waits.add((book, name))
                log.warning("book %s: correction %s waits: %s", book, name, error)
            return False
        if made.status == "waiting":
            self._searched[(book, name)] = head.seq
            return False
        if made.status == "moving":
            return False
        self._searched.pop((book, name), None)
        if made.status == "restated":
            log.info("book %s: correction %s made in entry %d", book, name, made.seq)
        elif made.status == "failed":
            log.warning("book %s: correction %s cannot be made: %s", book, name, made.detail)
        return True
