"""Health of the books: reconciled, whole, valued, archived, up to date."""

from __future__ import annotations

from typing import Final

from pm.books.opening import SCHEMA
from pm.health.verdict import INTERVALS_LATE_MAX, Situation, Verdict, degraded_by
from pm.wording import number_of

LAG_DEGRADED_S: Final = 5
LAG_DOWN_S: Final = 60


def position_reconciliation(situation: Situation) -> Verdict:
    """Open breaks, or none looked for in time."""
    interval_s = situation.settings.monitoring.position_reconciliation_interval_seconds
    faults, never = [], []
    for book in situation.system.books:
        if book.breaks_open:
            faults.append(f"book {book.name} has {number_of(book.breaks_open, 'open break')}")
        if book.reconciliation_error:
            faults.append(f"reconciling book {book.name} failed: {book.reconciliation_error}")
        if book.reconciled_at is None:
            never.append(book.name)
        elif situation.age_s(book.reconciled_at) > INTERVALS_LATE_MAX * interval_s:
            age = situation.age_s(book.reconciled_at)
            faults.append(f"book {book.name} was last reconciled {age} s ago")
    if never:
        faults.append(f"never reconciled: {', '.join(never)}")
    return degraded_by(faults, "no open breaks, reconciled in time")


def lag(situation: Situation) -> Verdict:
    """How long executions wait in the lanes."""
    worst, told = 0, []
    for book in situation.system.books:
        for lane in book.lanes:
            if lane.since is None:
                continue
            age_s = situation.age_s(lane.since)
            worst = max(worst, age_s)
            if age_s >= LAG_DEGRADED_S:
                entries = number_of(lane.waiting, "entry", "entries")
                told.append(f"book {book.name} lane {lane.lane}: {entries}, oldest {age_s} s")
    if not told:
        return "healthy", "nothing waits longer than a few seconds"
    return ("down" if worst >= LAG_DOWN_S else "degraded"), "; ".join(told)


def quarantine(situation: Situation) -> Verdict:
    """What was refused and waits for somebody."""
    most = situation.settings.portfolio_manager.quarantine_max_entries
    held = {book.name: book.quarantine_entries for book in situation.system.books}
    told = [f"book {name}: {count}" for name, count in held.items() if count]
    if not told:
        return "healthy", "nothing is in quarantine"
    text = f"{'; '.join(told)} of {most} entries: see `pm quarantine`"
    if max(held.values()) >= most:
        return "down", f"a quarantine is full, and its lanes stand; {text}"
    return "degraded", text


def schema(situation: Situation) -> Verdict:
    """Whether every book is laid out as this program knows it."""
    books = situation.system.books
    other = [book.name for book in books if book.schema != SCHEMA]
    if other:
        return "down", f"laid out by another version of this program: {', '.join(other)}"
    if not books and situation.system.misfits:
        return "down", "there is no book, and the archive has some: see history"
    if not books:
        return "degraded", "there is no book yet: `pm worker` opens it"
    return "healthy", f"{number_of(len(books), 'book')} of layout {SCHEMA}"


def books_whole(situation: Situation) -> Verdict:
    """Whether a journal is ahead of its book."""
    torn = [book for book in situation.system.books if book.is_torn]
    if torn:
        told = (f"{book.name} (journal {book.journal_top}, state {book.seq})" for book in torn)
        return "down", f"torn until a worker mends it: {', '.join(told)}"
    return "healthy", "no journal is ahead of its book"


def valuation(situation: Situation) -> Verdict:
    """Whether every book was marked to market in time."""
    interval_s = situation.settings.portfolio_manager.mark_to_market_interval_seconds
    faults = []
    for book in situation.system.books:
        if book.valued_at is None:
            faults.append(f"book {book.name} was never marked to market")
        elif situation.age_s(book.valued_at) > INTERVALS_LATE_MAX * interval_s:
            age = situation.age_s(book.valued_at)
            faults.append(f"book {book.name} was last marked to market {age} s ago")
        if book.valuation_torn:
            faults.append(f"marking book {book.name} was interrupted")
    return degraded_by(faults, "every book was marked to market in time")


def archive(situation: Situation) -> Verdict:
    """Whether old entries go to the archive."""
    storage, jobs = situation.settings.storage, situation.settings.jobs
    if not storage.archive_completed_trades:
        return "healthy", "not archived by choice (archive_completed_trades = false)"
    late_s = INTERVALS_LATE_MAX * jobs.archive_interval_seconds
    faults = [
        f"book {book.name} was last archived {situation.age_s(book.archived_at)} s ago"
        for book in situation.system.books
        if book.archived_at is not None and situation.age_s(book.archived_at) > late_s
    ]
    return degraded_by(faults, "archived in time, or nothing is old enough yet")


def history(situation: Situation) -> Verdict:
    """Whether the books are those of the archive, and trimming stayed within it."""
    if situation.system.misfits:
        return "down", "; ".join(situation.system.misfits)
    holes = [book.name for book in situation.system.books if book.trimmed_seq > book.archived_seq]
    if holes:
        return "down", f"trimmed beyond what is archived: {', '.join(holes)}"
    return "healthy", "every journal is whole, in memory and archive together"
