"""Books under test: events fed to a lane of a book in any split, and all that a book then holds."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import redis

from pm import keys
from pm.books import lanes, opening
from pm.books.applying import Applier, Counts, Outcome, Prepared
from pm.functions import library
from pm.verify import verify_book
from tests.servers import Server

BOOK = "main"
PREFIX = f"pm:{{{BOOK}}}:"
ROOMY = 1_000_000
"""A generation or quarantine that never fills in these tests."""

Contents = dict[str, tuple[str, Any]]


@dataclass(slots=True)
class LaneFeed:
    """Feeds one lane's events to a book, always from where the book's cursor stands."""

    client: redis.Redis
    events: Sequence[Prepared]
    quarantine_max: int = ROOMY
    reference_version: int = 0
    counts: Counts = field(default_factory=Counts)
    applier: Applier = field(init=False)
    _cursors: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.applier = Applier(BOOK, self.quarantine_max)
        self._cursors = [lanes.START, *(_cursor_after(event) for event in self.events)]

    @property
    def lane(self) -> str:
        return str(self.events[0].facts["lane"]) if self.events else keys.DEFAULT_LANE

    @property
    def done(self) -> int:
        """How many of the events the book has taken."""
        return self._cursors.index(self._cursor())

    def apply(self, count: int) -> Outcome:
        """The next `count` events in one call."""
        start = self.done
        outcome = self.applier.apply(
            self.client,
            self.lane,
            self._cursors[start],
            self.events[start : start + count],
            self.reference_version,
        )
        self.counts += outcome.counts
        return outcome

    def feed(self, sizes: Iterable[int]) -> None:
        """All events that are left, in batches of these sizes; each call must succeed."""
        for size in sizes:
            if self.done == len(self.events):
                return
            outcome = self.apply(size)
            assert outcome.status == "applied", outcome
        assert self.done == len(self.events), "too few batch sizes"

    def _cursor(self) -> str:
        return lanes.cursors(self.client, BOOK, [self.lane])[self.lane]


def opened(server: Server, *, generation_size: int = ROOMY) -> redis.Redis:
    """A client, that does not decode, of a server with the library loaded and the book open."""
    client = server.client(decode=False, timeout_s=30.0)
    library.load(client)
    opening.open_book(client, BOOK, seen_generation_size=generation_size)
    return client


def prepared(*events: dict[str, Any], raw: bytes = b"") -> list[Prepared]:
    """Facts as `apply` takes them; `raw` is kept of those that are quarantined."""
    return [
        Prepared(
            json.dumps(facts, separators=(",", ":")),
            facts,
            raw if facts["kind"] == "quarantined" else b"",
        )
        for facts in events
    ]


def from_texts(texts: Iterable[str]) -> list[Prepared]:
    """Facts texts as `apply` takes them."""
    return prepared(*(json.loads(text) for text in texts), raw=b"\xde\xad\x00\xbe\xef")


def batches_of(size: int) -> Iterator[int]:
    """The same batch size for ever."""
    return itertools.repeat(size)


def random_batches(seed: int) -> Iterator[int]:
    """Batch sizes from one event to many, for ever."""
    choose = random.Random(seed)
    while True:
        yield choose.choice((1, 2, 3, 7, 40))


def contents(client: redis.Redis) -> Contents:
    """Every key of the book with its kind and all it holds. `client` must not decode."""
    names = sorted(client.scan_iter(match=PREFIX + "*", count=1000))
    pipeline = client.pipeline(transaction=False)
    for name in names:
        pipeline.type(name)
    kinds = [kind.decode() for kind in pipeline.execute()]
    for name, kind in zip(names, kinds, strict=True):
        _READ[kind](pipeline, name)
    held = pipeline.execute()
    return {
        name.decode(errors="backslashreplace"): (kind, all_)
        for name, kind, all_ in zip(names, kinds, held, strict=True)
    }


def journal_of(held: Contents) -> Any:
    """The journal in a book's contents."""
    return held[PREFIX + "journal"]


OF_NO_ENTRY = frozenset({b"valuation_torn", b"market_value", b"unrealized_pnl", b"unmarked"})
"""What a redo leaves to the next valuation in totals, because no journal entry tells it."""
_TOTALS = (PREFIX + "book", PREFIX + "strategy:")


def _folded(key: str, held: tuple[str, Any] | None) -> tuple[str, Any] | None:
    if held is None or not key.startswith(_TOTALS):
        return held
    return "hash", {name: text for name, text in held[1].items() if name not in OF_NO_ENTRY}


def differences(left: Contents, right: Contents) -> list[str]:
    """Where two books differ in what their journal decides, a line for each key."""
    return [
        f"{key}: {left.get(key)} is not {right.get(key)}"
        for key in sorted(left.keys() | right.keys())
        if _folded(key, left.get(key)) != _folded(key, right.get(key))
    ]


def assert_verified(client: redis.Redis, about: str = "") -> None:
    """The book is what the rules make of its journal, to the last field."""
    report = verify_book(client, BOOK)
    assert report.is_whole, f"{about}: {report.difference_count} differ: {report.differences[:5]}"


Snapshot = dict[bytes, bytes]


def snapshot(client: redis.Redis) -> Snapshot:
    """All data of a server, to put back later."""
    names = list(client.scan_iter(count=1000))
    pipeline = client.pipeline(transaction=False)
    for name in names:
        pipeline.dump(name)
    return dict(zip(names, pipeline.execute(), strict=True))


def put_back(client: redis.Redis, taken: Snapshot) -> None:
    """Make the server's data what it was; functions stay."""
    pipeline = client.pipeline(transaction=False)
    pipeline.flushall()
    for name, dumped in taken.items():
        pipeline.restore(name, 0, dumped)
    pipeline.execute()


def _cursor_after(event: Prepared) -> str:
    facts = event.facts
    following = int(facts["index"]) + 1
    return facts["entry"] if following >= int(facts["of"]) else f"{facts['entry']}:{following}"


_READ: dict[str, Any] = {
    "hash": lambda pipeline, key: pipeline.hgetall(key),
    "set": lambda pipeline, key: pipeline.smembers(key),
    "zset": lambda pipeline, key: pipeline.zrange(key, 0, -1, withscores=True),
    "stream": lambda pipeline, key: pipeline.xrange(key),
    "string": lambda pipeline, key: pipeline.get(key),
}
