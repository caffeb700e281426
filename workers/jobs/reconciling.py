"""The job that holds every book against its journal, and the books against each other."""

from __future__ import annotations

from pm.books.opening import BookError
from pm.reconcile.run import reconcile_all
from pm.wording import number_of
from workers.jobs.table import JobContext


def reconcile(context: JobContext) -> str:
    """Reconcile. What differs is kept as breaks; only what could not be looked at is a failure."""
    done = reconcile_all(context.raw, context.settings)
    if done.failed:
        raise BookError("; ".join(f"{book}: {why}" for book, why in sorted(done.failed.items())))
    books, differences = (
        number_of(len(done.books), "book"),
        number_of(done.differences, "difference"),
    )
    return f"{books}: {differences}, {number_of(done.open_breaks, 'open break')}"
