"""The break an adjustment names, and ends."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

from pm.breaks.finding import find_break
from pm.breaks.kept import BreakError, Breaks
from pm.breaks.record import Break
from pm.client.posted import CapitalError, Posted
from pm.client.submissions import Submissions
from pm.events.model import Adjustment
from pm.history.history import HistoryGap


@dataclass(frozen=True, slots=True)
class NamedBreak:
    """A break as it was when it was looked for."""

    submissions: Submissions
    kept: Breaks
    before: Break

    @classmethod
    def found(cls, submissions: Submissions, books: Iterable[str], break_id: str) -> NamedBreak:
        """The break of an id, or of the beginning of one; CapitalError without one."""
        try:
            return cls(submissions, *find_break(submissions.server, books, break_id))
        except BreakError as error:
            raise CapitalError(str(error)) from None

    @property
    def id(self) -> str:
        """Its whole id."""
        return self.before.id

    def check_unresolved(self, event: Adjustment, book: str) -> None:
        """CapitalError where it has ended, unless by this very adjustment of an earlier call."""
        if self.before.state != "resolved":
            return
        seq = self.before.adjusted_seq
        if seq is None or self._counted_in(event, book, seq, entries_max=1) is None:
            raise CapitalError(f"break {self.id} is resolved: {self.before.resolution}")

    def end(self, event: Adjustment, posted: Posted) -> None:
        """End it by the adjustment that was taken, now or by an earlier call."""
        if self.before.state == "resolved":
            return
        counted = self._counted_in(event, posted.book, posted.seq) if posted.already else None
        seq = posted.seq if counted is None else counted
        now_ns = time.time_ns()
        try:
            with self.submissions.in_one_line():
                self.kept.adjusted(self.id, seq, by=event.by, why=event.why, now_ns=now_ns)
        except BreakError as error:
            raise CapitalError(f"adjusted in entry {seq} of book {posted.book}; {error}") from None

    def _counted_in(
        self, event: Adjustment, book: str, seq: int, entries_max: int | None = None
    ) -> int | None:
        """The entry at or before `seq` in which an adjustment counted, None where it did not."""
        try:
            dedupe_id = f"event/{event.event_id}"
            entry = self.submissions.counted(book, dedupe_id, seq, entries_max)
        except HistoryGap as error:
            raise CapitalError(str(error)) from None
        return None if entry is None else entry.seq
