"""The jobs that keep books valued: what `pm valuation` does continuously, one round at a time.

Both take the leases that process takes, so that beside one they do nothing.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from pm import keys
from pm.books import opening
from pm.wording import number_of
from workers.jobs.table import JobContext
from workers.valuation import LEASE_MS, Duty
from workers.valuation_leases import ValuationLeases

NAME_PREFIX: Final = "job-"
WAIT_FOR_A_JOB_S: Final = 10.0
POLL_S: Final = 0.1


def mark_to_market(context: JobContext) -> str:
    """Value every position at the newest marks; equity points and risk follow."""
    with _held(context) as (books, holder):
        if not books:
            return holder
        report = _duty(context).value(books)
        positions = number_of(report.positions, "position")
        told = f"valued {report.valued} of {positions} of {number_of(report.books, 'book')}"
        return told + (f"; torn: {', '.join(report.torn)}" if report.torn else "")


def expire_traces(context: JobContext) -> str:
    """End silent traces, value fees, see to splits; a pass at once where capital came or went."""
    with _held(context) as (books, holder):
        if not books:
            return holder
        duty = _duty(context)
        is_due = duty.catch_up(books)
        if is_due:
            duty.value(books)
        ended = duty.tend(books)
        return f"{number_of(ended, 'trace')} ended or put away" + (
            "; capital moved: valued" if is_due else ""
        )


def _duty(context: JobContext) -> Duty:
    return Duty.taken_up(context.settings, context.client, context.raw)


@contextmanager
def _held(context: JobContext) -> Iterator[tuple[list[str], str]]:
    """The books whose leases could be had; without any, why not. Another job is waited for."""
    leases = ValuationLeases(context.client, f"{NAME_PREFIX}{context.name}", LEASE_MS)
    names = opening.names(context.client)
    deadline = time.monotonic() + WAIT_FOR_A_JOB_S
    try:
        books, holder = leases.round(names), ""
        while names and not books:
            holder = str(context.client.get(keys.valuation_lease(names[0])) or "")
            if (holder and not holder.startswith(NAME_PREFIX)) or time.monotonic() > deadline:
                break
            time.sleep(POLL_S)
            books = leases.round(names)
        yield books, f"held by {holder}: nothing done" if names else "there are no books yet"
    finally:
        leases.release()
