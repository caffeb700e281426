"""Proves a book right: folds its journal through the Python rules and compares everything.

Checked are every journal entry, recomputed from its facts (legs, effects, changes, order, trace,
contribution, hash chain; restatements are derived again), the laws over the entries as journaled,
every key of the state field by field, the record of every refusal, and that the valuation of
strategies and book is the sum of their positions'. The book may go on meanwhile: what is compared
is the state at one seq, and the valuation only if nothing was revalued while it was read. From a
checkpoint only the entries after it are folded; what was before is taken as proven when the
checkpoint was made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import redis

from pm import keys
from pm.books import opening
from pm.books.opening import BookError
from pm.books.stored import read_keys, state_differences
from pm.checkpoints import Checkpoint
from pm.corrections.proving import restatement_differences
from pm.fold import Differences, Fold
from pm.fold.fold import Refusals, fingerprint
from pm.history import History
from pm.rules import laws_of_valuation

KEYS_A_READ = 500
VALUATION_TRIES = 5
"""How often the state is read again because it was revalued meanwhile."""


@dataclass(slots=True)
class Report:
    """What was checked of one book, and every difference found.

    `entries` counts those folded now: all up to `seq`, or those after `start_seq`. `keys` counts
    those the journal decides: not the list of lanes, which gateways open. `checkpoint` is the state
    reached, there when nothing differed.
    """

    book: str
    seq: int = 0
    digest: str = ""
    start_seq: int = 0
    entries: int = 0
    positions: int = 0
    balances: int = 0
    keys: int = 0
    legs: int = 0
    is_valuation_checked: bool = False
    found: Differences = field(default_factory=Differences)
    checkpoint: Checkpoint | None = None

    @property
    def is_whole(self) -> bool:
        """Whether nothing differed."""
        return not self.found

    @property
    def differences(self) -> list[str]:
        """The first differences."""
        return self.found.shown

    @property
    def difference_count(self) -> int:
        """How many there are."""
        return self.found.count


@dataclass(slots=True)
class _Stored:
    """The stored state, read at one seq."""

    keys: dict[str, Any]
    quarantine: dict[int, tuple[str, bytes]]
    is_valuation_steady: bool


def verify_book(
    client: redis.Redis,
    name: str,
    progress: Callable[[int, int], None] = lambda done, all_: None,
    *,
    history: History | None = None,
    start: Fold | None = None,
) -> Report:
    """Verify a book; BookError when it does not exist. `client` must not decode.

    `history` is where its journal is read, the server alone by default. `start` is a fold to go on
    from (`pm.fold.from_checkpoint`), genesis by default. `progress` is told entries done and all.
    """
    head = opening.head(client, name)
    if head is None:
        raise BookError(f"book {name} does not exist")
    history = History(client) if history is None else history
    fold = Fold(name) if start is None else start
    fold.also = partial(restatement_differences, history, name)
    report = Report(name, start_seq=fold.start_seq, found=fold.found)
    of = head.seq
    state = None
    tries = 0
    while state is None or not (state.is_valuation_steady or tries >= VALUATION_TRIES):
        is_folded = fold.follow(history, progress=lambda seq: progress(seq, of))
        report.seq, report.entries, report.digest = fold.seq, fold.entries, fold.digest
        if not is_folded:
            return report
        state = _read_state(client, fold)
        tries += 1
    expected, book_state = fold.book.expected_state(), fold.book.state
    report.positions, report.balances = len(book_state.positions), len(book_state.balances)
    report.legs, report.keys = fold.tally.legs, len(state.keys.keys() - {"lanes"})
    report.found.add(fold.law_differences())
    report.found.add(state_differences(expected, state.keys))
    report.found.add(_lane_differences(state.keys["lanes"]))
    report.found.add(_quarantine_differences(fold.refusals, state.quarantine))
    if state.is_valuation_steady:
        report.is_valuation_checked = True
        report.found.add(laws_of_valuation.differences(state.keys))
    report.checkpoint = fold.checkpoint() if report.is_whole else None
    return report


def _read_state(client: redis.Redis, fold: Fold) -> _Stored | None:
    """The stored keys, or None when the book moved on while they were read.

    A torn book stands behind its journal: its keys are read as they are, and differ.
    """
    name, seq = fold.name, fold.seq
    valued_before = _valuation(client, name)
    found = read_keys(client, fold.book.expected_state(), lambda key: keys.of_book(name, key))
    quarantine = _read_quarantine(client, name, fold.start_seq, seq)
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


def _read_quarantine(
    client: redis.Redis, name: str, after: int, seq: int
) -> dict[int, tuple[str, bytes]]:
    """Reason and fingerprint of the facts of every record after `after` up to `seq`, by its seq."""
    found: dict[int, tuple[str, bytes]] = {}
    start, key = f"{after + 1}-0", keys.quarantine(name)
    execute: Any = client.execute_command
    while True:
        # What was received is kept as it came, which need not be text.
        entries = execute("XRANGE", key, start, f"{seq}-0", "COUNT", KEYS_A_READ, NEVER_DECODE=True)
        for entry, fields in entries:
            of = int(entry.partition(b"-")[0])
            found[of] = (
                fields.get(b"reason", b"").decode(errors="backslashreplace"),
                fingerprint(fields.get(b"facts")),
            )
        if len(entries) < KEYS_A_READ:
            return found
        start = f"({entries[-1][0].decode()}"


def _text(value: Any) -> str:
    return value.decode(errors="backslashreplace") if isinstance(value, bytes) else str(value)


def _lane_differences(lanes: Mapping[str, str]) -> Iterator[str]:
    """What is listed as a lane and is none; which lanes were opened, only the gateways know."""
    if keys.SENTINEL not in lanes:
        yield f"lanes: {keys.SENTINEL} is missing"
    for lane in sorted(lanes.keys() - {keys.SENTINEL}):
        if lane.partition(":")[0] != keys.DEFAULT_LANE:
            yield f"lanes: {lane} is no lane"


def _quarantine_differences(
    refusals: Refusals, stored: Mapping[int, tuple[str, bytes]]
) -> Iterator[str]:
    """Every record is of a refusal, and every refusal has one unless it was replayed since.

    The journal does not tell of every refusal which replay settled it, only how many there can be.
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
