"""Books for tests: folded by the oracle, then put into a server as they must be there.

Events go to the strategy 7 on binance unless told otherwise, each at a time given as text.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import redis

from pm import keys
from pm.attribution.period import parse_moment
from pm.days import utc_day
from pm.reference.snapshot import Reference
from pm.rules.book import Book
from pm.rules.journal import Entry
from tests.pure.rules_events import SPOT
from tests.random_books import RandomLife

NO_REFERENCE = Reference.build(0)
TIME_STRETCH = 90
"""How much longer a random life lasts than it was made, so that it takes more than a day."""


class ToldBook:
    """A book with its journal; `name` is its name in the server."""

    def __init__(self, name: str = "main") -> None:
        self.name = name
        self.book = Book()
        self.entries: list[Entry] = []
        self.apply({"kind": "opened", "name": name, "schema": "2", "generation_size": "100000"})

    def apply(self, facts: dict[str, Any]) -> Entry:
        """Fold facts as they are."""
        entry = self.book.apply(json.dumps(facts, separators=(",", ":")))
        self.entries.append(entry)
        return entry

    def event(self, kind: str, at: str, terms: dict[str, Any] = SPOT, **facts: Any) -> Entry:
        """Fold an event that must count; None leaves a fact out."""
        executed_at = parse_moment(at, "at")
        place = {
            "kind": kind,
            "received_at": str(executed_at + 5),
            "executed_at": str(executed_at),
            "day": utc_day(executed_at),
            "id": f"event/{len(self.entries)}",
            "strategy": "7",
            "venue": "binance",
            "location": "binance",
            "chain_id": "0",
        }
        told = {name: value for name, value in (place | terms | facts).items() if value is not None}
        entry = self.apply(told)
        assert entry.result == "applied", (entry.result, entry.reason)
        return entry

    def fill(self, at: str, quantity: str, price: str, **facts: Any) -> Entry:
        """Fold a fill."""
        return self.event("fill", at, **({"quantity": quantity, "price": price} | facts))

    def state(self, key: str) -> dict[str, str]:
        """A hash of the book."""
        held = self.book.expected_state()[key]
        assert isinstance(held, dict)
        return held

    def store(self, client: redis.Redis) -> None:
        """Put the journal and every key of the book into a server."""
        pipeline = client.pipeline(transaction=False)
        pipeline.zadd(keys.books(), {self.name: 0})
        for seq, entry in enumerate(self.entries, 1):
            fields: Any = dict(entry.fields())
            pipeline.xadd(keys.journal(self.name), fields, id=f"{seq}-0")
        for key, held in self.book.expected_state().items():
            name = keys.of_book(self.name, key)
            if isinstance(held, set):
                pipeline.sadd(name, *held)
            elif all(_is_score(score) for score in held.values()) and keys.SENTINEL in held:
                scores: Any = held
                pipeline.zadd(name, scores)
            elif key.startswith(("instrument:", "chain:", "restatements")):
                scores = held
                pipeline.zadd(name, scores)
            else:
                hash_fields: Any = held
                pipeline.hset(name, mapping=hash_fields)
        pipeline.execute()


def random_book(seed: int, events: int, name: str = "main") -> ToldBook:
    """A book that has lived through `events` random events of about two days."""
    told = ToldBook(name)
    for text in RandomLife(seed).take(events):
        told.apply(_stretched(json.loads(text)))
    return told


def strategies(book: ToldBook) -> Iterable[str]:
    """The strategies of a book."""
    return [key.partition(":")[2] for key in book.book.expected_state() if key[:9] == "strategy:"]


def _stretched(facts: dict[str, Any]) -> dict[str, Any]:
    origin = 1_700_000_000_000_000_000
    for name in ("executed_at", "received_at", "decided_at", "fee_executed_at"):
        if name in facts:
            facts[name] = str(max(1, origin + (int(facts[name]) - origin) * TIME_STRETCH))
    if "executed_at" in facts and "day" in facts:
        facts["day"] = utc_day(int(facts["executed_at"]))
    return facts


def _is_score(text: str) -> bool:
    return text.lstrip("-").isdigit()
