"""What is done every `position_reconciliation_interval_seconds`, and on demand."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import redis

from pm.books import opening
from pm.books.opening import BookError
from pm.breaks.kept import Outcome
from pm.checkpoints import Checkpoints
from pm.history import HistoryGap
from pm.history.opening import open_history
from pm.reconcile.across import reconcile_across
from pm.reconcile.inside import InsideReport, reconcile_inside
from pm.reconcile.runs import Runs
from pm.settings import Settings

Progress = Callable[[str, int, int], None]
"""Is told the book, entries done and entries in all."""


@dataclass(slots=True)
class Summary:
    """What a run over the books gave; `failed` says of a book why it could not be looked at."""

    books: list[InsideReport] = field(default_factory=list)
    across: Outcome | None = None
    failed: dict[str, str] = field(default_factory=dict)

    @property
    def differences(self) -> int:
        """How much was found now."""
        found = sum(report.proof.difference_count for report in self.books)
        return found + (self.across.found if self.across is not None else 0)

    @property
    def open_breaks(self) -> int:
        """How many breaks are open now in the books looked at."""
        inside = {report.book: report.outcome.open for report in self.books}
        return max(sum(inside.values()), 0 if self.across is None else self.across.open)

    @property
    def is_right(self) -> bool:
        """Whether everything was looked at and nothing found."""
        return not self.differences and not self.failed


def reconcile_all(
    client: redis.Redis,
    settings: Settings,
    *,
    books: Sequence[str] | None = None,
    full: bool = False,
    progress: Progress = lambda book, done, all_: None,
) -> Summary:
    """Prove books (default: all) against their journals, and what went between them.

    `client` must not decode. A book that cannot be looked at does not keep the others from it.
    """
    history, checkpoints = open_history(client, settings), Checkpoints.of(settings)
    summary, names = Summary(), opening.names(client)
    for book in names if books is None else books:
        try:
            summary.books.append(
                reconcile_inside(
                    client,
                    history,
                    checkpoints,
                    book,
                    now_ns=time.time_ns(),
                    full=full,
                    progress=lambda done, all_, book=book: progress(book, done, all_),  # type: ignore[misc]
                )
            )
        except BookError as error:
            summary.failed[book] = str(error)
    home = home_of(settings, names)
    if books is None and home is not None:
        try:
            summary.across = reconcile_across(
                client, history, home, now_ns=time.time_ns(), full=full
            )
        except HistoryGap as gap:
            summary.failed[gap.book] = str(gap)
            Runs(client, gap.book).failed(time.time_ns(), str(gap))
    return summary


def home_of(settings: Settings, names: Sequence[str]) -> str | None:
    """The book that keeps the breaks of no single book: the default one, else the first."""
    default = settings.books.default_book
    return default if default in names else next(iter(names), None)
