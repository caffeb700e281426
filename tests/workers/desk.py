"""A server made ready for workers: functions, reference data, books, and lanes to fill."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from pm import keys
from pm.books import lanes, opening, reference_store
from pm.functions import library
from pm.reference.snapshot import Reference
from pm.reference.toml_source import load_reference
from pm.settings import Settings
from pm.verify import verify_book
from tests.servers import Server
from tests.workers.lane_contents import LaneContent
from workers.consumer import Consumer
from workers.worker import new_consumer

ROOT = Path(__file__).resolve().parents[2]
WAIT_S = 60.0
_NO_TABLE: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class BookEnd:
    """Where a book came to: its last entry and the hash over all of them."""

    seq: int
    digest: str


@lru_cache(maxsize=1)
def reference() -> Reference:
    """The reference data of the tests: the example the project comes with."""
    return load_reference(ROOT / "config" / "instruments.toml")


def eventually(holds: Callable[[], bool], story: Callable[[], str] = str) -> None:
    """Return when it holds; fails with the story if that takes too long."""
    deadline = time.monotonic() + WAIT_S
    while not holds():
        assert time.monotonic() < deadline, f"did not come to hold: {story()}"
        time.sleep(0.01)


class Desk:
    """Books on one server. Two desks given the same lanes must come to the same end."""

    def __init__(
        self, server: Server, books: Iterable[str] = ("main",), *, seen_generation_size: int = 1_000
    ) -> None:
        self.server = server
        self.books = tuple(books)
        self.client = server.client(decode=False)
        library.load(self.client)
        version, _ = reference_store.merge(self.client, reference())
        for book in self.books:
            opening.open_book(self.client, book, seen_generation_size=seen_generation_size)
            opening.adopt_reference(self.client, book, version, 0)

    def put(self, content: LaneContent, book: str = "main", lane: str = "executions") -> str:
        """Add entries to a lane under their ids; the last id."""
        pipeline = self.client.pipeline(transaction=False)
        for entry, fields in content:
            pipeline.xadd(keys.lane(book, lane), fields, id=entry)  # type: ignore[arg-type]
        pipeline.zadd(keys.lanes(book), {lane: 0})
        pipeline.execute()
        return content[-1][0]

    def consumer(
        self, book: str = "main", *, batch_max: int = 200, strategies: Mapping[str, str] = _NO_TABLE
    ) -> Consumer:
        """A consumer of a book in this process; `strategies` is the table of their books."""
        sections: dict[str, Any] = {
            "workers": {"batch_max_entries": batch_max},
            "books": {"strategies": strategies},
        }
        return new_consumer(Settings(**sections), book)

    def finish(self, book: str = "main", **options: Any) -> BookEnd:
        """Consume all that waits in this process; where the book came to. Options as `consumer`."""
        consumer = self.consumer(book, **options)
        while consumer.lag(self.client):
            consumer.consume(self.client)
        return self.end(book)

    def is_done(self, last: str, book: str = "main", lane: str = "executions") -> bool:
        """Whether a lane is done up to an entry."""
        return lanes.is_past(lanes.cursors(self.client, book, [lane])[lane], last)

    def await_done(self, last: str, book: str = "main", lane: str = "executions") -> None:
        """Wait until a lane is done up to an entry."""
        eventually(
            lambda: self.is_done(last, book, lane),
            lambda: f"{book} {lane} stands at {lanes.cursors(self.client, book, [lane])[lane]}",
        )

    def end(self, book: str = "main") -> BookEnd:
        """Where a book stands, proved right."""
        report = verify_book(self.client, book)
        assert report.is_whole, report.differences
        return BookEnd(report.seq, report.digest)
