"""Proves a book right: folds its journal through the Python rules and compares everything.

Checked are every journal entry, recomputed from its facts (legs, effects, changes, order, trace,
contribution, hash chain; restatements are derived again), the laws over the entries as journaled,
every key of the state field by field, the record of every refusal, and that the valuation of
strategies and book is the sum of their positions'. The book may go on meanwhile: what is compared
is the state at one seq, and the valuation only if nothing was revalued while it was read.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha1
from typing import Any

import redis

from pm import keys
from pm.books import journal, opening
from pm.books.opening import BookError
from pm.corrections.proving import restatement_differences
from pm.history.history import History
from pm.rules import laws, laws_of_valuation
from pm.rules.book import Book
from pm.rules.expected import NOT_FOLDED, RESTATEMENTS, SORTED_SETS
from pm.rules.facts import FactsError
from pm.rules.journal import FIELDS, Entry
from pm.rules.tally import Tally

DIFFERENCES_MAX = 100
"""More differences than this are only counted."""

KEYS_A_READ = 500
VALUATION_TRIES = 5
"""How often the state is read again because it was revalued meanwhile."""


@dataclass(slots=True)
class Report:
    """What was checked of one book, and every difference found."""

    book: str
    seq: int = 0
    digest: str = ""
    entries: int = 0
    positions: int = 0
    balances: int = 0
    keys: int = 0
    legs: int = 0
    is_valuation_checked: bool = False
    differences: list[str] = field(default_factory=list)
    difference_count: int = 0

    @property
    def is_whole(self) -> bool:
        """Whether nothing differed."""
        return self.difference_count == 0

    def add(self, found: Iterable[str]) -> None:
        """Record differences."""
        for difference in found:
            self.difference_count += 1
            if len(self.differences) < DIFFERENCES_MAX:
                self.differences.append(difference)


@dataclass(slots=True)
class _Refusals:
    """What the journal refused, by seq, and how many events came by the replay lane."""

    records: dict[int, tuple[str, bytes]] = field(default_factory=dict)
    replayed: int = 0

    def add(self, entry: Entry) -> None:
        if entry.result == "refused":
            self.records[entry.seq] = (entry.reason, _fingerprint(entry.facts.encode()))
        if f'"{keys.QUARANTINE_LANE}"' in entry.facts:
            self.replayed += json.loads(entry.facts).get("lane") == keys.QUARANTINE_LANE


@dataclass(slots=True)
class _Stored:
    """The stored state, read at one seq."""

    keys: dict[str, Any]
    quarantine: dict[int, tuple[str, bytes]]
    is_valuation_steady: bool


def verify_book(
    client: redis.Redis, name: str, progress: Callable[[int, int], None] = lambda done, all_: None
) -> Report:
    """Verify a book from its first entry on; BookError when it does not exist.

    `progress` is told entries done and entries in all.
    """
    head = opening.head(client, name)
    if head is None:
        raise BookError(f"book {name} does not exist")
    report = Report(name)
    book, tally, refusals, history = Book(), Tally(), _Refusals(), History(client)
    tries = 0
    while True:
        for stored in journal.read(client, name, after=report.seq):
            entry = _check_entry(report, book, stored)
            if entry is None:
                return report
            tally.add(entry)
            restated = {"seq": str(entry.seq), **stored}
            report.add(restatement_differences(history, name, restated))
            # The chain goes on from what is stored: one wrong entry is one difference, not all
            # after it.
            tally.digest = book.state.digest = stored.get("digest", "")
            refusals.add(entry)
            if report.entries % 1000 == 0:
                progress(report.entries, head.seq)
        state = _read_state(client, name, book.expected_state(), report.seq)
        tries += 1
        if state is not None and (state.is_valuation_steady or tries >= VALUATION_TRIES):
            break
    report.digest = book.state.digest
    report.positions, report.balances = len(book.state.positions), len(book.state.balances)
    report.legs = tally.legs
    report.add(laws.differences(book.state, tally))
    report.add(_state_differences(book.expected_state(), state.keys))
    report.add(_lane_differences(state.keys["lanes"]))
    report.add(_quarantine_differences(refusals, state.quarantine))
    if state.is_valuation_steady:
        report.is_valuation_checked = True
        report.add(laws_of_valuation.differences(state.keys))
    report.keys = len(state.keys)
    return report


def _check_entry(report: Report, book: Book, stored: dict[str, str]) -> Entry | None:
    """Check one entry and return it as it must be; None when nothing after it can be checked."""
    seq = int(stored.pop("seq"))
    if seq != report.seq + 1:
        report.add([f"journal: entry {report.seq + 1} is missing, {seq} follows"])
        return None
    try:
        entry = book.apply(stored["facts"])
    except (FactsError, KeyError, ValueError) as error:
        report.add([f"journal {seq}: facts cannot be applied: {error}"])
        return None
    report.seq, report.entries = seq, report.entries + 1
    if tuple(stored.items()) != tuple(zip(FIELDS, entry[1:], strict=True)):
        report.add(_entry_differences(entry, stored))
    return entry


def _entry_differences(entry: Entry, stored: Mapping[str, str]) -> Iterator[str]:
    expected = dict(entry.fields())
    for name in [*expected, *sorted(stored.keys() - expected.keys())]:
        if expected.get(name) != stored.get(name):
            yield (
                f"journal {entry.seq} {name}: is {stored.get(name)!r},"
                f" must be {expected.get(name)!r}"
            )


def _read_state(
    client: redis.Redis, name: str, expected: Mapping[str, Any], seq: int
) -> _Stored | None:
    """The stored keys, or None when the book moved on while they were read.

    A torn book stands behind its journal: its keys are read as they are, and differ.
    """
    valued_before = _valuation(client, name)
    found: dict[str, Any] = {}
    names = list(expected)
    for start in range(0, len(names), KEYS_A_READ):
        part = names[start : start + KEYS_A_READ]
        pipeline = client.pipeline(transaction=False)
        for key in part:
            _read_key(pipeline, keys.of_book(name, key), expected[key], key)
        for key, value in zip(part, pipeline.execute(raise_on_error=False), strict=True):
            found[key] = _text_of(value)
    quarantine = _read_quarantine(client, name, seq)
    valued = _valuation(client, name)
    head = opening.head(client, name)
    if head is None or head.seq > seq:
        return None
    is_steady = valued == valued_before and valued[1] != "1"
    return _Stored(found, quarantine, is_steady)


def _valuation(client: redis.Redis, name: str) -> tuple[str, str]:
    """How often the book was revalued, and "1" if a revaluation was cut off."""
    found: Any = client.hmget(keys.book(name), ["valuation", "valuation_torn"])
    count, torn = ["" if value is None else _text(value) for value in found]
    return count, torn


def _read_key(pipeline: Any, key: str, expected: Any, name: str) -> None:
    if isinstance(expected, set):
        pipeline.smembers(key)
    elif name in (*SORTED_SETS, RESTATEMENTS) or name.startswith(("instrument:", "chain:")):
        pipeline.zrange(key, 0, -1, withscores=True)
    else:
        pipeline.hgetall(key)


def _read_quarantine(client: redis.Redis, name: str, seq: int) -> dict[int, tuple[str, bytes]]:
    """Reason and fingerprint of the facts of every record up to `seq`, by its seq."""
    found: dict[int, tuple[str, bytes]] = {}
    start, key = "-", keys.quarantine(name)
    execute: Any = client.execute_command
    while True:
        # What was received is kept as it came, which need not be text.
        entries = execute("XRANGE", key, start, f"{seq}-0", "COUNT", KEYS_A_READ, NEVER_DECODE=True)
        for entry, fields in entries:
            of = int(entry.partition(b"-")[0])
            found[of] = (fields.get(b"reason", b"").decode(), _fingerprint(fields.get(b"facts")))
        if len(entries) < KEYS_A_READ:
            return found
        start = f"({entries[-1][0].decode()}"


def _fingerprint(text: bytes | None) -> bytes:
    return sha1(text or b"", usedforsecurity=False).digest()


def _text_of(value: Any) -> Any:
    if isinstance(value, Exception):
        return {"error": str(value)}
    if isinstance(value, dict):
        return {_text(name): _text(text) for name, text in value.items()}
    if isinstance(value, list):
        return {_text(member): f"{float(score):.0f}" for member, score in value}
    return {_text(member) for member in value}


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _state_differences(expected: Mapping[str, Any], stored: Mapping[str, Any]) -> Iterator[str]:
    for name, found in stored.items():
        wanted = expected[name]
        if wanted == found or name == "lanes":
            continue
        if isinstance(wanted, set):
            for member in sorted((wanted ^ found) - {keys.SENTINEL}):
                yield f"{name}: {member} {'is missing' if member in wanted else 'is not due'}"
            continue
        ignored = NOT_FOLDED.get(name.partition(":")[0], frozenset())
        for part in sorted((wanted.keys() | found.keys()) - ignored):
            if wanted.get(part) != found.get(part):
                yield f"{name} {part}: is {found.get(part)!r}, must be {wanted.get(part)!r}"


def _lane_differences(lanes: Mapping[str, str]) -> Iterator[str]:
    """What is listed as a lane and is none; which lanes were opened, only the gateways know."""
    if keys.SENTINEL not in lanes:
        yield f"lanes: {keys.SENTINEL} is missing"
    for lane in sorted(lanes.keys() - {keys.SENTINEL}):
        if lane.partition(":")[0] != keys.DEFAULT_LANE:
            yield f"lanes: {lane} is no lane"


def _quarantine_differences(
    refusals: _Refusals, stored: Mapping[int, tuple[str, bytes]]
) -> Iterator[str]:
    """Every record is of a refusal, and every refusal has one unless it was replayed since.

    The journal does not tell which refusal a replay settled, only how many there can be.
    """
    for seq in sorted(stored):
        if seq not in refusals.records:
            yield f"quarantine {seq}: the journal refused no such entry"
        elif stored[seq] != refusals.records[seq]:
            yield f"quarantine {seq}: is not what the journal refused, or not why"
    missing = sorted(refusals.records.keys() - stored.keys())
    if len(missing) > refusals.replayed:
        yield (
            f"quarantine: {len(missing)} refusals have no record, the first {missing[0]},"
            f" and {refusals.replayed} events were replayed"
        )
