"""Holds a book against its own journal, and keeps every difference as a break.

The proof is that of `pm verify`: from the last checkpoint on, or from the first entry. What was
right is kept as the next checkpoint.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import redis

from pm import keys
from pm.breaks.found import INSIDE, Event, Found
from pm.breaks.kept import Breaks, Outcome
from pm.breaks.record import Break
from pm.checkpoints import Checkpoints
from pm.fold import Fold, from_checkpoint
from pm.history import History
from pm.reconcile.proof_lines import found_in_proof, key_of
from pm.reconcile.runs import Runs
from pm.reconcile.touches import Touches, last_touch, record_key
from pm.verify import Report, verify_book

_SOURCE = "journal from "


@dataclass(frozen=True, slots=True)
class InsideReport:
    """What the proof of a book gave and what came of it."""

    book: str
    proof: Report
    outcome: Outcome
    found: tuple[Found, ...]


def reconcile_inside(
    client: redis.Redis,
    history: History,
    checkpoints: Checkpoints,
    book: str,
    *,
    now_ns: int,
    full: bool = False,
    progress: Callable[[int, int], None] = lambda done, all_: None,
) -> InsideReport:
    """Prove a book and keep what differs; BookError when it does not exist.

    `client` must not decode. `full` recomputes the journal from its first entry.
    """
    start = Fold(book) if full else from_checkpoint(history, checkpoints, book)
    report = verify_book(client, book, progress, history=history, start=start)
    runs = Runs(client, book)
    before = runs.last()
    found = tuple(
        _placed(
            client, Touches(history, checkpoints, book), start, before.get("right_at", ""), each
        )
        for each in found_in_proof(book, report.differences)
    )
    is_all = report.difference_count == len(report.differences) and not start.is_ended
    covers = _covering(report, is_all)
    source = f"{_SOURCE}{report.start_seq + 1}"
    outcome = Breaks(client, book).record(found, covers, source, now_ns)
    told: dict[str, str | int] = {
        "seq": report.seq,
        "digest": report.digest,
        "entries": report.entries,
        "proven_at": now_ns,
    }
    if report.checkpoint is not None:
        if report.entries:
            checkpoints.write(report.checkpoint)
        told["right_at"] = report.seq
    runs.finished(now_ns, found=report.difference_count, open_breaks=outcome.open, **told)
    return InsideReport(book, report, outcome, found)


def _placed(
    client: redis.Redis, touches: Touches, fold: Fold, right_at: str, found: Found
) -> Found:
    """What was found with the entry the two part at."""
    if right_at:
        found = replace(found, agreed_seq=f"{fold.name}@{right_at}")
    if found.kind == "journal":
        return replace(found, first=touches.event(found.first.seq))
    if found.kind != "state":
        return found
    if key_of(found.subject) == "book":
        seq = _stored_seq(client, fold.name, "book")
        return replace(found, first=touches.event(seq + 1)) if seq < fold.seq else found
    key = record_key(found.subject)
    if not key or not last_touch(fold.book.state, key):
        return found
    event: Event = touches.parting(fold.book.state, key, _stored_seq(client, fold.name, key))
    return replace(found, first=event)


def _stored_seq(client: redis.Redis, book: str, key: str) -> int:
    """The seq a key says it was written at, 0 where it says none."""
    try:
        found: Any = client.hget(keys.of_book(book, key), "seq")
    except redis.exceptions.ResponseError:
        return 0
    return int(found) if found is not None and found.isdigit() else 0


def _covering(report: Report, is_all: bool) -> Callable[[Break], bool]:
    """Whether a proof has looked at what a break is about.

    All of the state, whatever it began with; of the journal only what it recomputed, and laws only
    if those of valuation could be looked at.
    """

    def covers(kept: Break) -> bool:
        if kept.kind not in INSIDE or not is_all:
            return False
        if kept.kind == "state":
            return True
        if kept.kind == "law" and not report.is_valuation_checked:
            return False
        since = kept.source.removeprefix(_SOURCE)
        return since.isdecimal() and report.start_seq < int(since)

    return covers
