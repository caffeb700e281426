"""Ends traces that had no step for too long, and puts away the ones that ended long ago.

A trace is judged when it is older than the time to live by the clock, but not while events wait
that may belong to it: a book that catches up is behind the clock. What is journaled names the
number of steps it was judged on, so a step that comes first makes it void.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import redis

from pm import keys
from pm.books import lanes
from pm.books.submitting import Submitter
from pm.events.facts import Direct, Facts
from pm.events.model import TraceArchived, TraceExpired
from pm.valuation.traces import SLICE_FIELDS, TraceSlice, verdict

log = logging.getLogger("pm.valuation")

ARCHIVED_AFTER_TTLS: Final = 10
TRACES_A_READ: Final = 200
ALL_EVERY_ROUNDS: Final = 20
_NS_A_MS: Final = 1_000_000


@dataclass(slots=True)
class TraceExpiry:
    """The traces of all books; `client` decodes, `raw` does not.

    Most rounds look only at traces that have come of age since the round before; now and then at
    all, for steps may be told late.
    """

    client: redis.Redis
    raw: redis.Redis
    submitter: Submitter
    ttl_s: int
    _judged_to_ms: int = 0
    _rounds: int = 0
    _late: set[str] = field(default_factory=set)

    def round(self, books: Sequence[str], facts: Facts, now_ns: int) -> int:
        """Judge and put away what is due; how many entries were journaled."""
        due_ms = (now_ns - self.ttl_s * 1_000_000_000) // _NS_A_MS
        since_ms = 0 if self._rounds % ALL_EVERY_ROUNDS == 0 else self._judged_to_ms
        self._rounds += 1
        ids = {name for book in books for name in self._ids(book, since_ms, due_ms)} | self._late
        newest_ms = min((self._news(book) for book in books), default=0) // _NS_A_MS
        self._late = set()
        done = 0
        for name, slices in self._slices(books, sorted(ids)):
            last_ms = max(part.last_time for part in slices) // _NS_A_MS
            if all(part.status != "open" for part in slices):
                continue
            if last_ms > due_ms or newest_ms - last_ms < self.ttl_s * 1000:
                self._late.add(name)
                continue
            done += self._expire(name, slices, facts, now_ns)
        self._judged_to_ms = due_ms
        return done + self._archive(books, facts, now_ns)

    def _expire(self, name: str, slices: Sequence[TraceSlice], facts: Facts, now_ns: int) -> int:
        ended = verdict(slices)
        done = 0
        for part in slices:
            if part.status == "open":
                event = TraceExpired(name, part.steps, ended, now_ns)
                self.submitter.submit(part.book, facts.text(event, Direct(now_ns)))
                done += 1
        if ended == "stranded":
            log.warning("trace %s is stranded", name, extra={"trace": name})
        return done

    def _archive(self, books: Sequence[str], facts: Facts, now_ns: int) -> int:
        old_ms = (now_ns - ARCHIVED_AFTER_TTLS * self.ttl_s * 1_000_000_000) // _NS_A_MS
        done = 0
        for book in books:
            for name, slices in self._slices([book], self._ids(book, 0, old_ms)):
                if slices[0].status != "open":
                    event = TraceArchived(name, slices[0].steps, now_ns)
                    self.submitter.submit(book, facts.text(event, Direct(now_ns)))
                    done += 1
        return done

    def _ids(self, book: str, since_ms: int, through_ms: int) -> list[str]:
        found: Any = self.client.zrangebyscore(keys.traces(book), since_ms, through_ms)
        return [name for name in found if name != keys.SENTINEL]

    def _slices(
        self, books: Sequence[str], names: Iterable[str]
    ) -> Iterator[tuple[str, list[TraceSlice]]]:
        waiting = list(names)
        for start in range(0, len(waiting), TRACES_A_READ):
            batch = waiting[start : start + TRACES_A_READ]
            pipeline = self.client.pipeline(transaction=False)
            for name in batch:
                for book in books:
                    pipeline.hmget(keys.trace(book, name), SLICE_FIELDS)
            found = iter(pipeline.execute())
            for name in batch:
                parts = [TraceSlice.from_values(book, next(found)) for book in books]
                slices = [part for part in parts if part is not None]
                if slices:
                    yield name, slices

    def _news(self, book: str) -> int:
        """Up to when (ns) the book knows what happened: for ever if nothing waits in its lanes."""
        names = lanes.of_book(self.raw, book)
        places = lanes.cursors(self.raw, book, names)
        if not lanes.read(self.raw, book, places, count=1):
            return 1 << 63
        newest: Any = self.client.hmget(keys.book(book), ("newest", "newest_previous"))
        return max(int(stamp or 0) for stamp in newest)


def delete_archived(client: redis.Redis, book: str, names: Iterable[str]) -> None:
    """Delete the hashes of traces that were archived, unless a new step has begun them again."""
    for name in names:
        key = keys.trace(book, name)
        with client.pipeline(transaction=True) as pipeline:
            pipeline.watch(key)  # type: ignore[no-untyped-call]
            status: Any = pipeline.hget(key, "status")
            pipeline.multi()
            if status == "archived":
                pipeline.unlink(key)
            try:
                pipeline.execute()
            except redis.WatchError:
                log.debug("trace %s has begun again", name)
