"""Proves a book right: folds its journal through the Python rules and compares everything.

Checked are every journal entry, recomputed from its facts (legs, changes, order, trace,
contribution, hash chain), the laws over the legs as journaled, and every key of the state, field by
field. The book may go on meanwhile: what is compared is the state at one seq, read in one call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import redis

from pm import keys
from pm.books import journal, opening
from pm.books.opening import BookError
from pm.rules import laws
from pm.rules.book import Book
from pm.rules.expected import NOT_FOLDED
from pm.rules.facts import FactsError
from pm.rules.tally import Tally

DIFFERENCES_MAX = 100
"""More differences than this are only counted."""

KEYS_A_READ = 500
_UNCHECKED_KEYS = frozenset({"lanes"})


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
    book, tally = Book(), Tally()
    while True:
        for stored in journal.read(client, name, after=report.seq):
            if not _check_entry(report, book, tally, stored):
                return report
            if report.entries % 1000 == 0:
                progress(report.entries, head.seq)
        state = _read_state(client, name, book.expected_state(), report.seq)
        if state is not None:
            break
    report.digest = book.state.digest
    report.positions, report.balances = len(book.state.positions), len(book.state.balances)
    report.add(laws.differences(book.state, tally))
    report.add(_state_differences(book.expected_state(), state))
    report.keys = len(state)
    return report


def _check_entry(report: Report, book: Book, tally: Tally, stored: dict[str, str]) -> bool:
    """Check one entry; False when nothing after it can be checked."""
    seq = int(stored.pop("seq"))
    if seq != report.seq + 1:
        report.add([f"journal: entry {report.seq + 1} is missing, {seq} follows"])
        return False
    try:
        entry = book.apply(stored["facts"])
    except (FactsError, KeyError, ValueError) as error:
        report.add([f"journal {seq}: facts cannot be applied: {error}"])
        return False
    report.seq, report.entries = seq, report.entries + 1
    expected = dict(entry.fields())
    for name in [*expected, *sorted(stored.keys() - expected.keys())]:
        if expected.get(name) != stored.get(name):
            report.add(
                [f"journal {seq} {name}: is {stored.get(name)!r}, must be {expected.get(name)!r}"]
            )
    # The chain goes on from what is stored: one wrong entry is one difference, not all after it.
    book.state.digest = stored.get("digest", "")
    tally.add(entry)
    return True


def _read_state(
    client: redis.Redis, name: str, expected: Mapping[str, Any], seq: int
) -> dict[str, Any] | None:
    """The stored keys, or None when the book moved on while they were read.

    A torn book stands behind its journal: its keys are read as they are, and differ.
    """
    found: dict[str, Any] = {}
    names = [key for key in expected if key not in _UNCHECKED_KEYS]
    for start in range(0, len(names), KEYS_A_READ):
        part = names[start : start + KEYS_A_READ]
        pipeline = client.pipeline(transaction=False)
        for key in part:
            _read_key(pipeline, keys.of_book(name, key), expected[key], key)
        for key, value in zip(part, pipeline.execute(raise_on_error=False), strict=True):
            found[key] = _text_of(value)
    head = opening.head(client, name)
    return found if head is not None and head.seq <= seq else None


def _read_key(pipeline: Any, key: str, expected: Any, name: str) -> None:
    if isinstance(expected, set):
        pipeline.smembers(key)
    elif name in _ZSETS or name.startswith(("instrument:", "chain:")):
        pipeline.zrange(key, 0, -1, withscores=True)
    else:
        pipeline.hgetall(key)


_ZSETS = frozenset({"positions", "closed", "strategies", "balances", "traces"})


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
        if isinstance(wanted, set):
            for member in sorted((wanted ^ found) - {keys.SENTINEL}):
                yield f"{name}: {member} {'is missing' if member in wanted else 'is not due'}"
            continue
        for part in sorted((wanted.keys() | found.keys()) - set(NOT_FOLDED)):
            if wanted.get(part) != found.get(part):
                yield f"{name} {part}: is {found.get(part)!r}, must be {wanted.get(part)!r}"
