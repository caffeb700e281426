"""The durable outbox: every frame that matters, under a dense number, until Redis surely has it.

One SQLite file in WAL mode with synchronous=FULL, written by one thread: a burst of frames, the
numbers they take and the orders they told of are one commit, so a number is never given twice and
never left out. The identity made with the file is the claim on the lanes it numbers: a second
outbox on the same lane is a conflict, not a second writer. The last number of a lane is kept
beside its entries, so that pruning them does not start the count again.

Entries stay for a time after Redis confirmed them. That time is counted from marks (how far a lane
was confirmed, and when), not from when a frame arrived: one that waited out a long outage of
Redis is kept as long as any other.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from pm.crash_points import crash_point
from workers.outbox_file import OutboxError, connect, in_one_line, prepare, take_lock

PRUNE_SLICE: Final = 2_000
HOUR_NS: Final = 3_600 * 10**9
U64_MAX: Final = (1 << 64) - 1


class NewEntry(NamedTuple):
    """A frame for one book, without its number; `received_at` is nanoseconds."""

    book: str
    received_at: int
    frame: bytes
    context: bytes


class Entry(NamedTuple):
    """A numbered frame as it lies in the outbox; `received_at` is nanoseconds."""

    number: int
    received_at: int
    frame: bytes
    context: bytes


@dataclass(slots=True)
class OutboxLane:
    """One (source, book): `last` number given, and `confirmed`, the last that Redis surely has.

    `last_before` was the last one when this process opened the outbox.
    """

    id: int
    source: str
    book: str
    last: int
    last_before: int
    confirmed: int = 0

    @property
    def name(self) -> str:
        """The lane's name in its book."""
        return f"executions:{self.source}"

    def __str__(self) -> str:
        return f"book={self.book} lane={self.name}"


class Outbox:
    """The writer's side; `open_outbox` makes it, and one thread uses it after that."""

    def __init__(self, path: Path, lock: int, database: sqlite3.Connection) -> None:
        self.path = path
        self.lanes: list[OutboxLane] = []
        self._lock = lock
        self._closed = False
        self._database = database
        self._by_name: dict[tuple[str, str], OutboxLane] = {}
        with in_one_line(path):
            (self.identity,) = database.execute("SELECT identity FROM outbox").fetchone()
            for lane_id, source, book, last, confirmed in database.execute(
                "SELECT id, source, book, last, "
                "(SELECT coalesce(max(number), 0) FROM marks WHERE lane = lanes.id) "
                "FROM lanes ORDER BY id"
            ):
                self._add(OutboxLane(lane_id, source, book, last, last, confirmed))

    def write(
        self, source: str, entries: Sequence[NewEntry], orders: Mapping[int, tuple[bytes, int]]
    ) -> None:
        """Commit a burst: number the entries of each book, and keep what is known of orders.

        An order comes with its packed facts and the hour (since the epoch) it was last seen.

        OutboxUnavailable when nothing of it was taken and it may be tried again.
        """
        fresh: dict[str, OutboxLane] = {}
        with in_one_line(self.path), self._transaction():
            last: dict[str, int] = {}
            rows = []
            for entry in entries:
                lane = self._by_name.get((source, entry.book)) or fresh.get(entry.book)
                if lane is None:
                    lane = fresh[entry.book] = self._insert_lane(source, entry.book)
                number = last.get(entry.book, lane.last) + 1
                last[entry.book] = number
                rows.append((lane.id, number, entry.received_at, entry.frame, entry.context))
            self._database.executemany("INSERT INTO entries VALUES (?, ?, ?, ?, ?)", rows)
            self._database.executemany(
                "UPDATE lanes SET last = ? WHERE source = ? AND book = ?",
                [(number, source, book) for book, number in last.items()],
            )
            self._database.executemany(
                "INSERT OR REPLACE INTO orders VALUES (?, ?, ?)",
                [(_signed(order), *row) for order, row in orders.items()],
            )
            crash_point("before_commit")
        crash_point("after_commit")
        for lane in fresh.values():
            self._add(lane)
        for book, number in last.items():
            self._by_name[source, book].last = number

    def known_order(self, order_id: int) -> tuple[bytes, int] | None:
        """What was kept of an order, and the hour it was last seen."""
        with in_one_line(self.path):
            found: tuple[bytes, int] | None = self._database.execute(
                "SELECT known, seen_hour FROM orders WHERE order_id = ?", (_signed(order_id),)
            ).fetchone()
        return found

    def highest_order(self) -> int:
        """A number that no order kept here exceeds; 0 when there is none."""
        with in_one_line(self.path):
            lowest, highest = self._database.execute(
                "SELECT (SELECT min(order_id) FROM orders), (SELECT max(order_id) FROM orders)"
            ).fetchone()
        if lowest is None:
            return 0
        return U64_MAX if lowest < 0 else int(highest)

    def mark_confirmed(self, now: int, after_ns: int = HOUR_NS) -> None:
        """Note how far each lane is confirmed at `now` (ns), unless that was done just before."""
        with in_one_line(self.path), self._transaction():
            for lane in self.lanes:
                (at,) = self._database.execute(
                    "SELECT max(at) FROM marks WHERE lane = ?", (lane.id,)
                ).fetchone()
                if lane.confirmed and (at is None or now - at >= after_ns):
                    row = (lane.id, now, lane.confirmed)
                    self._database.execute("INSERT INTO marks VALUES (?, ?, ?)", row)

    def prune(self, confirmed_before: int, orders_before_hour: int) -> int:
        """Delete a slice of what was confirmed before a time (ns); how many rows went."""
        with in_one_line(self.path), self._transaction():
            pruned = sum(self._prune_lane(lane, confirmed_before) for lane in self.lanes)
            pruned += self._database.execute(
                "DELETE FROM orders WHERE order_id IN "
                "(SELECT order_id FROM orders WHERE seen_hour < ? LIMIT ?)",
                (orders_before_hour, PRUNE_SLICE),
            ).rowcount
        return pruned

    def reader(self) -> OutboxReader:
        """A reading side with a connection of its own, for one other thread."""
        return OutboxReader(self.path)

    def close(self) -> None:
        """Close the file and let another gateway have it; a second time does nothing."""
        with suppress(sqlite3.Error):
            self._database.close()
        if not self._closed:
            self._closed = True
            os.close(self._lock)

    def _add(self, lane: OutboxLane) -> None:
        self._by_name[lane.source, lane.book] = lane
        self.lanes.append(lane)

    def _insert_lane(self, source: str, book: str) -> OutboxLane:
        lane_id = self._database.execute(
            "INSERT INTO lanes (source, book, last) VALUES (?, ?, 0)", (source, book)
        ).lastrowid
        assert lane_id is not None
        return OutboxLane(lane_id, source, book, 0, 0)

    def _prune_lane(self, lane: OutboxLane, confirmed_before: int) -> int:
        (marked,) = self._database.execute(
            "SELECT max(number) FROM marks WHERE lane = ? AND at < ?", (lane.id, confirmed_before)
        ).fetchone()
        (first,) = self._database.execute(
            "SELECT min(number) FROM entries WHERE lane = ?", (lane.id,)
        ).fetchone()
        if marked is None or first is None:
            return 0
        # After a lost tail the lane may stand before a mark made earlier.
        up_to = min(marked, lane.confirmed, first + PRUNE_SLICE - 1)
        if up_to < first:
            return 0
        done = self._database.execute(
            "DELETE FROM entries WHERE lane = ? AND number <= ?", (lane.id, up_to)
        )
        self._database.execute(
            "DELETE FROM marks WHERE lane = ? AND number < ? AND at < ?",
            (lane.id, up_to, confirmed_before),
        )
        return done.rowcount

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._database.execute("COMMIT")
        except BaseException:
            if self._database.in_transaction:
                with suppress(sqlite3.Error):
                    self._database.execute("ROLLBACK")
            raise


class OutboxReader:
    """Reads committed entries while another thread writes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with in_one_line(path):
            self._database = connect(path)

    def after(self, lane: OutboxLane, number: int, count_max: int, bytes_max: int) -> list[Entry]:
        """The entries after `number`, at most so many, and at least one if there is one.

        OutboxError when the next one is not there although it was numbered.
        """
        with in_one_line(self._path):
            rows = self._database.execute(
                "SELECT number, received_at, frame, context FROM entries "
                "WHERE lane = ? AND number > ? ORDER BY number LIMIT ?",
                (lane.id, number, count_max),
            ).fetchall()
        entries = [Entry(*row) for row in rows]
        size = 0
        for index, entry in enumerate(entries):
            if entry.number != number + index + 1:
                raise self._missing(lane, number + index + 1)
            size += len(entry.frame) + len(entry.context)
            if size > bytes_max and index:
                return entries[:index]
        if not entries and number < lane.last:
            raise self._missing(lane, number + 1)
        return entries

    def one(self, lane: OutboxLane, number: int) -> Entry | None:
        """The entry of that number; None when it was pruned or never was."""
        with in_one_line(self._path):
            row = self._database.execute(
                "SELECT number, received_at, frame, context FROM entries "
                "WHERE lane = ? AND number = ?",
                (lane.id, number),
            ).fetchone()
        return None if row is None else Entry(*row)

    def close(self) -> None:
        """Close the connection."""
        with suppress(sqlite3.Error):
            self._database.close()

    def _missing(self, lane: OutboxLane, number: int) -> OutboxError:
        return OutboxError(
            f"{self._path}: entry {number} of {lane.name} for book {lane.book} is not there: it "
            "was pruned, or the file is damaged; the lane cannot go on without it"
        )


def open_outbox(path: Path) -> Outbox:
    """Open the outbox, or make it; OutboxError if it is in use, damaged or something else."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise OutboxError(f"{path}: cannot make its folder: {error.strerror}") from None
    with ExitStack() as undo:
        lock = take_lock(path)
        undo.callback(os.close, lock)
        with in_one_line(path):
            database = connect(path)
            undo.callback(database.close)
            prepare(path, database)
        outbox = Outbox(path, lock, database)
        undo.pop_all()
    return outbox


def _signed(order_id: int) -> int:
    """A u64 as the i64 that SQLite has."""
    return order_id - (1 << 64) if order_id >> 63 else order_id
