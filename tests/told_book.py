"""A book in memory, its journal as history, and corrections of its trades."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from pm.corrections.derive import Restatement, derive
from pm.corrections.errors import CannotCorrect
from pm.corrections.requests import request_of
from pm.corrections.restatement_facts import failure_facts, restatement_facts
from pm.days import utc_day
from pm.history import History
from pm.rules.book import Book
from pm.rules.journal import Entry
from pm.rules.pending import correction_id
from pm.rules.tally import Tally
from tests.random_values import INSTRUMENTS, QUIET_INSTRUMENTS, START, venue_of

BOOK = "main"
SECOND = 1_000_000_000
BTC, POOL, INVERSE, LINEAR, OPTION, STOCK = map(dict, INSTRUMENTS)
FUTURE, SHARE, CALL = map(dict, QUIET_INSTRUMENTS)

Facts = dict[str, Any]


def fill(number: int, instrument: Facts, quantity: str, price: str, **more: Any) -> Facts:
    """An execution of an order of its own, `O<number>`, as strategy 7's."""
    venue = venue_of(instrument)
    place = {"venue": venue, "location": venue, "order": f"{venue}:O{number}"}
    told = {"quantity": quantity, "price": price}
    facts = {"kind": "fill", "id": f"{venue}/O{number}/T{number}", "strategy": "7", **place}
    return {**facts, **instrument, **told, **more}


def of_instrument(kind: str, number: int, instrument: Facts, **more: Any) -> Facts:
    """Something that happens to an instrument, or to strategy 7's position in it."""
    venue = venue_of(instrument)
    facts = {"kind": kind, "id": f"event/{kind}{number}", "venue": venue, "location": venue}
    return {**facts, **instrument, **more}


def bust(execution: str, name: str = "C1", **more: Any) -> Facts:
    """A request to bust a trade."""
    return _request("bust", execution, name, more)


def correct(execution: str, name: str = "C1", **more: Any) -> Facts:
    """A request to correct a trade."""
    return _request("correct", execution, name, more)


def _request(kind: str, execution: str, name: str, more: Facts) -> Facts:
    facts = {"kind": kind, "id": f"event/{name}", "correction": name, "execution": execution}
    return {**facts, "by": "anna", "why": "a test", **more}


@dataclass(slots=True)
class Journal:
    """The journal as an archive."""

    entries: list[dict[str, str]]

    def last_seq(self, _: str) -> int:
        return len(self.entries)

    def read(self, _: str, *, after: int, through: int) -> Iterator[dict[str, str]]:
        yield from self.entries[after:through]

    def first_received(self, _: str, __: int) -> int | None:
        return 1


@dataclass(slots=True)
class ToldBook:
    """Events are a second apart."""

    book: Book = field(default_factory=Book)
    entries: list[dict[str, str]] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)
    tick: int = 0

    @classmethod
    def opened(cls, *, generation_size: int = 1_000_000) -> ToldBook:
        """A book that has taken nothing."""
        told = cls()
        facts = {"kind": "opened", "name": BOOK, "schema": "2"}
        told.take(json.dumps(facts | {"generation_size": str(generation_size)}))
        return told

    @property
    def history(self) -> History:
        """The journal so far."""
        return History(None, Journal(self.entries))

    @property
    def now(self) -> int:
        """When the next event happens, ns."""
        return START + self.tick * SECOND

    def tell(self, *events: Facts) -> Entry:
        """Apply events; the entry of the last."""
        for event in events:
            times = {"received_at": str(self.now), "executed_at": str(self.now)}
            facts = {"kind": event["kind"], **times, "day": utc_day(self.now), **event}
            entry = self.take(json.dumps(facts, separators=(",", ":")))
        return entry

    def take(self, text: str) -> Entry:
        """Apply one event by its facts."""
        self.tick += 1
        entry = self.book.apply(text)
        self.tally.add(entry)
        self.entries.append({"seq": str(entry.seq), **dict(entry.fields())})
        return entry

    def derived(self, name: str = "C1") -> Restatement:
        """What a correction that was asked for changes."""
        held, _ = self.book.state.pendings[correction_id(name)]
        return derive(self.history, BOOK, request_of(name, held.texts())).restatement()

    def make(self, name: str = "C1") -> Entry:
        """Make a correction that was asked for, or fail it."""
        try:
            return self.take(restatement_facts(self.derived(name), self.now))
        except CannotCorrect as error:
            return self.take(failure_facts(name, error.reason, error.detail, self.now))

    def ask(self, request: Facts) -> Entry:
        """Ask for a correction and make it."""
        assert self.tell(request).result == "applied"
        return self.make(request["correction"])
