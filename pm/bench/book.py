"""A book that is measured: fills made ready beforehand, so that a call times the server alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import redis

from pm import keys
from pm.bench.errors import BenchError
from pm.books.opening import open_book
from pm.events.facts import Facts, Place
from pm.events.model import Fill
from pm.functions import library
from pm.reference.snapshot import Reference

BOOK = "main"
LANE = keys.DEFAULT_LANE

_SEEN_GENERATION = 100_000_000
_QUARANTINE_MAX = "1000"
_TRANSIT_NS = 20_000
_FILLS_A_CALL = 100


class Call(NamedTuple):
    """One call of `apply`, all but its function's name."""

    keys: list[str]
    arguments: list[str]
    fills: int


class Calls:
    """Turns fills into the calls that apply them, one after the other."""

    def __init__(self, reference: Reference, applied: int = 0) -> None:
        """`applied` fills are in the book already."""
        self._facts = Facts(reference)
        self._entry = applied

    def of(self, fills: Sequence[Fill]) -> Call:
        """The call that applies these fills next."""
        cursor = f"{self._entry}-0"
        wanted = dict.fromkeys(keys.standing_keys(BOOK, 0))
        arguments = [LANE, cursor, "", _QUARANTINE_MAX, "PUBLISH"]
        for fill in fills:
            self._entry += 1
            place = Place(LANE, f"{self._entry}-0", 0, 1, fill.executed_at + _TRANSIT_NS)
            text = self._facts.text(fill, place)
            wanted.update(dict.fromkeys(keys.event_keys(BOOK, json.loads(text))))
            arguments += (text, "")
        return Call(list(wanted), arguments, len(fills))


def open_bench_book(client: redis.Redis) -> None:
    """An empty book, and the function library it needs."""
    library.load(client)
    open_book(client, BOOK, seen_generation_size=_SEEN_GENERATION)


def apply(client: redis.Redis, call: Call, function: str | None = None) -> Any:
    """Make a call; the reply, after checking that every fill was applied."""
    untyped: Any = client
    name = function or library.current().functions["apply"]
    reply = untyped.fcall(name, len(call.keys), *call.keys, *call.arguments)
    told = reply if function is None else reply[0]
    if told[0] != b"applied" or int(told[3]) != call.fills:
        raise BenchError(f"apply answered {told!r:.200} to {call.fills} fills")
    return reply


def apply_all(client: redis.Redis, calls: Calls, fills: Sequence[Fill]) -> None:
    """Apply many fills, a hundred a call."""
    for start in range(0, len(fills), _FILLS_A_CALL):
        apply(client, calls.of(fills[start : start + _FILLS_A_CALL]))


def digest(client: redis.Redis) -> bytes:
    """The digest of the book's last journal entry, which covers all before it."""
    found: Any = client.hget(keys.book(BOOK), "digest")
    return bytes(found)
