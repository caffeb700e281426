"""Calls `apply`: one batch of one lane into one book, in one round trip. And `submit`: events that
come by no lane and whose sender waits for the answer.

The function may answer that it lacks keys (an order named a strategy nobody predicted, a dedupe
generation turned): the call is made again with them. A book found torn is redone from its journal
first. Nothing here retries a lost connection; the caller reads the cursor again and knows.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import redis

from pm import keys
from pm.connect.replies import text_of
from pm.functions import library

Status = Literal["applied", "full", "already", "cursor", "reference", "failed", "torn", "no_book"]

REDO_ENTRIES_MAX = 200


class Prepared(NamedTuple):
    """One event ready to apply: its facts as text and as a mapping, and its bytes if refused."""

    text: str
    facts: Mapping[str, Any]
    raw: bytes


@dataclass(frozen=True, slots=True)
class Counts:
    """How many events of a call ended how."""

    applied: int = 0
    duplicate: int = 0
    covered: int = 0
    stale: int = 0
    noted: int = 0
    refused: int = 0
    declined: int = 0

    def __add__(self, other: Counts) -> Counts:
        """Sum field by field."""
        return Counts(
            self.applied + other.applied,
            self.duplicate + other.duplicate,
            self.covered + other.covered,
            self.stale + other.stale,
            self.noted + other.noted,
            self.refused + other.refused,
            self.declined + other.declined,
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a call did. `cursor` is where the lane stands now, `seq` the book's last entry.

    status: applied; full (the rest waits for room in the quarantine); already (an earlier call had
    done it); cursor (the caller was behind); reference (load version `reference_version` first);
    failed (no rule could decide the event with index `failed_event`, for `error`); torn; no_book.
    """

    status: Status
    cursor: str = ""
    seq: int = 0
    counts: Counts = Counts()
    reference_version: int = 0
    failed_event: int = 0
    error: str = ""


class Answer(NamedTuple):
    """What became of one submitted event; `effects` is the JSON list its journal entry holds."""

    result: str
    reason: str
    effects: str


@dataclass(frozen=True, slots=True)
class Submission:
    """What a `submit` did. `status` is submitted, or what kept the book from taking anything."""

    status: Literal["submitted", "full", "failed", "torn", "no_book"]
    seq: int = 0
    answers: tuple[Answer, ...] = ()
    error: str = ""


@dataclass(slots=True)
class Applier:
    """Applies batches to one book; remembers the dedupe generation to predict keys with."""

    book: str
    quarantine_max: int
    sharded_updates: bool = False
    generation: int = 0
    _needed: set[str] = field(default_factory=set)

    @property
    def _publish(self) -> str:
        return "SPUBLISH" if self.sharded_updates else "PUBLISH"

    def apply(
        self,
        client: redis.Redis,
        lane: str,
        cursor: str,
        events: Sequence[Prepared],
        reference_version: int,
    ) -> Outcome:
        """Apply events of a lane, the next ones after `cursor`; mends a torn book on the way."""
        arguments: list[str | bytes] = [
            lane,
            cursor,
            str(reference_version),
            str(self.quarantine_max),
            self._publish,
        ]
        for event in events:
            arguments.append(event.text)
            arguments.append(event.raw)
        wanted = self._keys(event.facts for event in events)
        return _outcome(self._mended_call(client, "apply", wanted, arguments))

    def submit(self, client: redis.Redis, facts_texts: Sequence[str]) -> Submission:
        """Take events without a lane, all in one call; their ids make each count once."""
        arguments = [str(self.quarantine_max), self._publish, *facts_texts]
        wanted = self._keys(map(json.loads, facts_texts))
        return _submission(self._mended_call(client, "submit", wanted, arguments))

    def _keys(self, events: Iterable[Mapping[str, Any]]) -> list[str]:
        wanted = dict.fromkeys(keys.standing_keys(self.book, self.generation))
        for facts in events:
            wanted.update(dict.fromkeys(keys.event_keys(self.book, facts)))
        return list(wanted)

    def _mended_call(
        self,
        client: redis.Redis,
        entry: str,
        wanted: list[str],
        arguments: Sequence[str] | Sequence[str | bytes],
    ) -> list[str]:
        reply = self._call(client, entry, wanted, arguments)
        if reply[0] != "torn":
            return reply
        redo(client, self)
        return self._call(client, entry, wanted, arguments)

    def _call(
        self,
        client: redis.Redis,
        entry: str,
        wanted: list[str],
        arguments: Sequence[str] | Sequence[str | bytes],
    ) -> list[str]:
        # Each answer adds at least one key, and a batch touches finitely many.
        while True:
            reply = library.call(client, entry, wanted, arguments)
            if reply[0] != "need":
                return reply
            missing = reply[1:]
            wanted.extend(missing)
            seen = [int(key.rpartition(":")[2]) for key in missing if _is_generation(key)]
            if seen:
                self.generation = max(seen) - 1


def _is_generation(key: str) -> bool:
    return ":seen:" in key and key.rpartition(":")[2].isdecimal()


def redo(client: redis.Redis, applier: Applier) -> int:
    """Bring a torn book's state up to its journal; how many entries were redone.

    `client` must not decode: the journal does not hold the bytes of what is quarantined, so they
    are read from the lane again, which is kept up to where the book's cursor stands.
    """
    book = applier.book
    done = 0
    while True:
        seq = client.hget(keys.book(book), "seq")
        if seq is None:
            return done
        entries: Any = client.xrange(
            keys.journal(book), f"{int(seq) + 1}-0", "+", count=REDO_ENTRIES_MAX
        )
        events = [(entry, _facts(fields)) for entry, fields in entries]
        wanted = applier._keys(facts for _, facts in events)
        arguments: list[str | bytes] = [str(REDO_ENTRIES_MAX), applier._publish]
        for entry, facts in events:
            if facts["kind"] == "quarantined":
                arguments += [text_of(entry).partition("-")[0], _raw(client, book, facts)]
        reply = applier._call(client, "redo", wanted, arguments)
        if reply[0] != "redone":
            return done
        done += int(reply[2])


def _facts(fields: Mapping[Any, Any]) -> Mapping[str, Any]:
    text = fields.get("facts", fields.get(b"facts"))
    parsed: Mapping[str, Any] = json.loads(text)
    return parsed


def _raw(client: redis.Redis, book: str, facts: Mapping[str, Any]) -> bytes:
    if "lane" not in facts:
        return b""  # submitted: its facts are all there was
    entry = facts["entry"]
    found: Any = client.xrange(keys.lane(book, facts["lane"]), entry, entry)
    fields = found[0][1] if found else {}
    raw: bytes = fields.get(b"frame", fields.get(b"event", b""))
    return raw


def _submission(reply: list[str]) -> Submission:
    status = reply[0]
    if status == "submitted":
        told = reply[2:]
        answers = tuple(Answer(*told[place : place + 3]) for place in range(0, len(told), 3))
        return Submission("submitted", int(reply[1]), answers)
    if status == "failed":
        return Submission("failed", int(reply[2]), error=reply[4])
    if status in ("full", "torn"):
        return Submission(status, int(reply[2]))  # type: ignore[arg-type]
    if status == "no_book":
        return Submission("no_book")
    raise AssertionError(f"submit answered {status}")


def _outcome(reply: list[str]) -> Outcome:
    status = reply[0]
    if status in ("applied", "full"):
        counts = Counts(*(int(count) for count in reply[3:10]))
        return Outcome(status, reply[1], int(reply[2]), counts)  # type: ignore[arg-type]
    if status == "reference":
        return Outcome("reference", reply[1], int(reply[2]), reference_version=int(reply[3]))
    if status == "failed":
        failed, error = int(reply[3]) - 1, reply[4]
        return Outcome("failed", reply[1], int(reply[2]), failed_event=failed, error=error)
    if status in ("already", "cursor", "torn"):
        return Outcome(status, reply[1], int(reply[2]))  # type: ignore[arg-type]
    if status == "no_book":
        return Outcome("no_book")
    raise AssertionError(f"apply answered {status}")
