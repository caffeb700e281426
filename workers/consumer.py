"""One book's lanes into the book: read after the cursor, decode, apply.

Stateless in the sense that matters: everything kept here (cursors, reference data, batch size) is a
copy of what the server knows, and a wrong copy is answered with the right one. Killing a consumer at
any point loses and repeats nothing.
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

log = logging.getLogger("pm.worker")

CALL_TARGET_S = 0.002
"""A call is kept under this time, because readers wait while it runs."""

LANES_REFRESH_S = 1.0


class Stalled(Exception):
    """The book cannot go on now; the text says why. Nothing was lost, trying again is safe."""


@dataclass(slots=True)
class Consumer:
    """Copies of what the server knows of one book, for reading its lanes and applying them."""

    book: str
    applier: Applier
    options: DecodingOptions
    batch_max: int
    decoder: Decoder | None = None
    cursors: dict[str, str] = field(default_factory=dict)
    batch: int = 1
    totals: Counts = field(default_factory=Counts)
    _lanes_read_at: float = -LANES_REFRESH_S

    def consume(self, client: redis.Redis, *, block_ms: int | None = None) -> Counts:
        """Read what waits and apply it; how many events ended how. `client` must not decode.

        Raises Stalled when the quarantine is full, and whatever redis-py raises for lost
        connections; after any exception call `forget` before going on.
        """
        self._refresh_lanes(client)
        crash_point("worker_before_read")
        found = lanes.read(client, self.book, self.cursors, count=self.batch_max, block_ms=block_ms)
        crash_point("worker_after_read")
        total = Counts()
        for lane, entries in found.items():
            total += self._apply_lane(client, lane, entries)
        self.totals += total
        return total

    def forget(self) -> None:
        """Drop every copy: the server is asked again."""
        self.cursors.clear()
        self.decoder = None
        self._lanes_read_at = -LANES_REFRESH_S

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

    def _apply_lane(self, client: redis.Redis, lane: str, entries: list[LaneEntry]) -> Counts:
        total = Counts()
        waiting = list(entries)
        while waiting:
            events = self._prepare(client, lane, waiting)
            batch = _whole_entries(events, self.batch)
            outcome = self._call(client, lane, batch)
            total += outcome.counts
            if outcome.status == "reference":
                self._load_reference(client, outcome.reference_version)
                continue
            if outcome.cursor == self.cursors[lane] and outcome.status == "applied":
                raise Stalled(f"book {self.book}: lane {lane} does not move from {outcome.cursor}")
            self.cursors[lane] = outcome.cursor
            if outcome.status == "full":
                raise Stalled(
                    f"book {self.book}: the quarantine holds {self.applier.quarantine_max} entries"
                    f" and is full; lane {lane} waits at {outcome.cursor}"
                )
            if outcome.status in ("torn", "no_book"):
                raise Stalled(f"book {self.book}: apply answered {outcome.status}")
            waiting = _after(waiting, outcome.cursor)
        return total

    def _prepare(
        self, client: redis.Redis, lane: str, entries: Sequence[LaneEntry]
    ) -> list[Prepared]:
        decoder = self.decoder or self._first_decoder(client)
        place = Cursor.parse(self.cursors[lane])
        events: list[Prepared] = []
        for entry in entries:
            found = decoder.prepare(entry)
            if place.events_done and entry.id == place.entry:
                found = found[place.events_done :]
            events.extend(found)
            if len(events) >= self.batch:
                break
        return events

    def _first_decoder(self, client: redis.Redis) -> Decoder:
        head = opening.head(client, self.book)
        if head is None:
            raise Stalled(f"book {self.book} does not exist")
        opening.check_schema(head)
        return self._load_reference(client, head.reference_version)

    def _load_reference(self, client: redis.Redis, version: int) -> Decoder:
        reference = reference_store.load_version(client, version)
        self.decoder = Decoder(self.book, reference, self.options)
        return self.decoder

    def _call(self, client: redis.Redis, lane: str, events: Sequence[Prepared]) -> Outcome:
        assert self.decoder is not None
        crash_point("worker_before_apply")
        started = time.perf_counter()
        outcome = self.applier.apply(
            client, lane, self.cursors[lane], events, self.decoder.reference.version
        )
        crash_point("worker_after_apply")
        self._adapt(len(events), time.perf_counter() - started)
        return outcome

    def _adapt(self, events: int, taken_s: float) -> None:
        if taken_s > CALL_TARGET_S and events > 1:
            self.batch = max(1, int(events * CALL_TARGET_S / taken_s))
        elif events >= self.batch:
            self.batch = min(self.batch_max, self.batch * 2)


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
