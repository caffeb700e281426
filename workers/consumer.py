"""One book's lanes into the book: read after the cursor, decode, apply.

Stateless in the sense that matters: everything kept here (cursors, reference data, batch size) is
a copy of what the server knows, and a wrong copy is answered with the right one. Killing a consumer
at any point loses and repeats nothing. A lane that cannot go on waits by itself; the others, and
the replays that make room in a full quarantine, go on.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby

import redis

from pm import keys
from pm.books import lanes, opening, reference_store
from pm.books.applying import Applier, Counts, Outcome, Prepared
from pm.books.decoding import Decoder, DecodingOptions
from pm.books.lanes import Cursor, LaneEntry
from pm.crash_points import crash_point
from workers import poison
from workers.batch_watch import BatchWatch
from workers.call_size import CallSize

log = logging.getLogger("pm.worker")

LANES_REFRESH_S = 1.0
STALL_S = 1.0
"""How long a lane that cannot go on is left alone."""


class Stalled(Exception):
    """A book or a lane cannot go on now; the text says why. Nothing was lost, try again later."""


@dataclass(slots=True)
class Consumer:
    """Copies of what the server knows of one book, for reading its lanes and applying them."""

    book: str
    applier: Applier
    options: DecodingOptions
    batch_max: int
    size: CallSize
    watch: BatchWatch | None = None
    decoder: Decoder | None = None
    cursors: dict[str, str] = field(default_factory=dict)
    stalls: dict[str, str] = field(default_factory=dict)
    totals: Counts = field(default_factory=Counts)
    _retry_at: dict[str, float] = field(default_factory=dict)
    _lanes_read_at: float = -LANES_REFRESH_S

    def consume(self, client: redis.Redis, *, block_ms: int | None = None) -> Counts:
        """Read what waits and apply it; how many events ended how. `client` must not decode.

        A lane that cannot go on is in `stalls` with the reason. Raises Stalled when the whole book
        cannot, and whatever redis-py raises; after any exception call `forget` before going on.
        """
        self._refresh_lanes(client)
        places = self.places()
        crash_point("worker_before_read")
        found = lanes.read(client, self.book, places, count=self.batch_max, block_ms=block_ms)
        crash_point("worker_after_read")
        total = Counts()
        for lane, entries in found.items():
            total += self._consume_lane(client, lane, entries)
        self.totals += total
        return total

    def forget(self) -> None:
        """Drop every copy: the server is asked again."""
        self.cursors.clear()
        self.decoder = None
        self._lanes_read_at = -LANES_REFRESH_S

    def places(self) -> dict[str, str]:
        """The cursors of the lanes to read now: all that are not left alone for a while."""
        now = time.monotonic()
        return {
            lane: cursor
            for lane, cursor in self.cursors.items()
            if self._retry_at.get(lane, 0.0) <= now
        }

    def lag(self, client: redis.Redis) -> int:
        """Entries in the lanes that are not done yet."""
        self._refresh_lanes(client, now=True)
        waiting = lanes.read(client, self.book, self.cursors, count=1_000_000)
        return sum(len(entries) for entries in waiting.values())

    def _refresh_lanes(self, client: redis.Redis, *, now: bool = False) -> None:
        if not now and time.monotonic() - self._lanes_read_at < LANES_REFRESH_S:
            return
        names = lanes.of_book(client, self.book)
        self.cursors = lanes.cursors(client, self.book, names)
        self._lanes_read_at = time.monotonic()

    def _consume_lane(self, client: redis.Redis, lane: str, entries: list[LaneEntry]) -> Counts:
        total = Counts()
        waiting = list(entries)
        while waiting:
            events = self._prepare(client, lane, waiting)
            outcome = self._apply(client, lane, events, waiting)
            total += outcome.counts
            if outcome.status == "reference":
                self._load_reference(client, outcome.reference_version)
                continue
            if outcome.status in ("torn", "no_book"):
                raise Stalled(f"apply answered {outcome.status}")
            stands_still = outcome.cursor == self.cursors[lane]
            self.cursors[lane] = outcome.cursor
            if outcome.status == "cursor":
                break  # it may stand before what was read: read again from there
            if outcome.status == "full" or stands_still:
                self._leave_alone(lane, outcome)
                break
            self._goes_on(lane)
            waiting = _after(waiting, outcome.cursor)
        return total

    def _leave_alone(self, lane: str, outcome: Outcome) -> None:
        reason = f"apply answered {outcome.status} without moving on"
        if outcome.status == "full":
            reason = f"the quarantine is full ({self.applier.quarantine_max} entries)"
        if lane not in self.stalls:
            about = {"book": self.book, "lane": lane, "entry": outcome.cursor, "reason": reason}
            log.error("book %s: lane %s waits at %s: %s", *about.values(), extra=about)
            if self.watch is not None:
                self.watch.failed("stalled")
        self.stalls[lane] = reason
        self._retry_at[lane] = time.monotonic() + STALL_S

    def _goes_on(self, lane: str) -> None:
        if lane in self.stalls:
            log.info("book %s: lane %s goes on", self.book, lane)
            del self.stalls[lane]

    def _prepare(
        self, client: redis.Redis, lane: str, entries: Sequence[LaneEntry]
    ) -> list[Prepared]:
        decoder = self.decoder or self._first_decoder(client)
        place, size = Cursor.parse(self.cursors[lane]), self.size.next()
        events: list[Prepared] = []
        for entry in entries:
            found = poison.decoded(decoder, entry)
            if place.events_done and entry.id == place.entry:
                found = found[place.events_done :]
            events.extend(found)
            if len(events) >= size:
                break
        return _whole_entries(events, size)

    def _first_decoder(self, client: redis.Redis) -> Decoder:
        head = opening.head(client, self.book)
        if head is None:
            raise Stalled("the book does not exist")
        opening.check_schema(head)
        return self._load_reference(client, head.reference_version)

    def _load_reference(self, client: redis.Redis, version: int) -> Decoder:
        reference = reference_store.load_version(client, version)
        self.decoder = Decoder(self.book, reference, self.options)
        return self.decoder

    def _apply(
        self,
        client: redis.Redis,
        lane: str,
        events: list[Prepared],
        entries: Sequence[LaneEntry],
    ) -> Outcome:
        """Apply events of these entries; what no rule can decide is quarantined in its place."""
        while True:
            outcome = self._call(client, lane, events)
            if outcome.status != "failed":
                return outcome
            failed = events[outcome.failed_event]
            if failed.facts["kind"] == "quarantined":
                raise Stalled(f"lane {lane} cannot be applied: {outcome.error}")
            entry = next(entry for entry in entries if entry.id == failed.facts["entry"])
            if self.watch is not None:
                self.watch.failed("cannot_apply")
            events[outcome.failed_event] = poison.refused(failed, entry, outcome.error)

    def _call(self, client: redis.Redis, lane: str, events: Sequence[Prepared]) -> Outcome:
        assert self.decoder is not None
        crash_point("worker_before_apply")
        started = time.perf_counter_ns()
        outcome = self.applier.apply(
            client, lane, self.cursors[lane], events, self.decoder.reference.version
        )
        crash_point("worker_after_apply")
        took_ns = time.perf_counter_ns() - started
        if outcome.status == "applied":
            self.size.observe(len(events), took_ns / 1e9)
        if self.watch is not None and outcome.status in ("applied", "full"):
            self.watch.applied(client, lane, events, outcome, took_ns)
        return outcome


def sweep_seen(client: redis.Redis, book: str) -> None:
    """Delete the ids of generations that no longer decide anything."""
    head = opening.head(client, book)
    if head is not None and head.generation >= 2:
        client.unlink(
            *(keys.seen(book, n) for n in range(max(0, head.generation - 8), head.generation - 1))
        )


def _whole_entries(events: Sequence[Prepared], at_most: int) -> list[Prepared]:
    """The first events, up to `at_most` but whole entries, at least one entry."""
    chosen: list[Prepared] = []
    for _, group in groupby(events, key=lambda event: event.facts["entry"]):
        of_entry = list(group)
        if chosen and len(chosen) + len(of_entry) > at_most:
            break
        chosen.extend(of_entry)
    return chosen


def _after(entries: list[LaneEntry], cursor: str) -> list[LaneEntry]:
    return [entry for entry in entries if not lanes.is_past(cursor, entry.id)]
