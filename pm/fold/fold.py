"""Folds a book's journal, from genesis or a checkpoint, and checks each entry as it goes.

Every field of an entry (legs, effects, changes, order, trace, contribution, digest) is computed
again from its facts and the entries before. What differs is recorded and the chain goes on from
what is stored, so that one wrong entry is one difference. An entry that is missing, or whose facts
no rule can take, ends the fold: nothing after it can be told.
"""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha1

from pm import keys
from pm.archive import ArchiveError
from pm.checkpoints import Checkpoint
from pm.fold.differences import Differences
from pm.history import History, HistoryFork, HistoryGap
from pm.rules import laws
from pm.rules.book import Book
from pm.rules.facts import FactsError
from pm.rules.journal import FIELDS, Entry
from pm.rules.tally import Tally

PROGRESS_ENTRIES = 1000
Progress = Callable[[int], None]
"""Is told the seq that was reached, every so often."""

_RECEIVED_AT = '"received_at":"'


@dataclass(slots=True)
class Refusals:
    """What the journal refused: reason and fingerprint of the facts by seq.

    `replayed` counts events that came by the replay lane. `settled` are refusals whose event was
    taken later under the same id.
    """

    records: dict[int, tuple[str, bytes]] = field(default_factory=dict)
    replayed: int = 0
    settled: set[int] = field(default_factory=set)
    _by_id: dict[str, list[int]] = field(default_factory=dict)

    def add(self, entry: Entry) -> None:
        """Take one entry."""
        is_replay = f'"{keys.QUARANTINE_LANE}"' in entry.facts
        if entry.result != "refused" and not is_replay:
            return
        facts = json.loads(entry.facts)
        is_replay = facts.get("lane") == keys.QUARANTINE_LANE
        self.replayed += is_replay
        event_id = facts.get("id")
        if entry.result == "refused":
            self.records[entry.seq] = (entry.reason, fingerprint(entry.facts.encode()))
            if event_id is not None:
                self._by_id.setdefault(event_id, []).append(entry.seq)
        elif is_replay and event_id is not None:
            self.settled.update(self._by_id.pop(event_id, ()))


def fingerprint(text: bytes | None) -> bytes:
    """What facts are compared by."""
    return sha1(text or b"", usedforsecurity=False).digest()


@dataclass(slots=True)
class Fold:
    """A book folded so far. `start_seq` is the entry it began after, 0 for genesis.

    `received_at` (ns) is the latest receipt among the entries, 0 while none tells one. `also` finds
    what else is wrong with an entry as stored.
    """

    name: str
    book: Book = field(default_factory=Book)
    tally: Tally = field(default_factory=Tally)
    refusals: Refusals = field(default_factory=Refusals)
    start_seq: int = 0
    received_at: int = 0
    found: Differences = field(default_factory=Differences)
    is_ended: bool = False
    is_forked: bool = False
    also: Callable[[Mapping[str, str]], Iterable[str]] = field(default=lambda stored: ())

    @classmethod
    def after(cls, checkpoint: Checkpoint) -> Fold:
        """A fold that goes on from a checkpoint; it takes the checkpoint's state as its own."""
        book = Book()
        book.state = checkpoint.state
        return cls(
            checkpoint.book,
            book,
            Tally.of(book.state),
            start_seq=checkpoint.seq,
            received_at=checkpoint.received_at,
        )

    @property
    def seq(self) -> int:
        """The last entry folded."""
        return self.book.state.seq

    @property
    def digest(self) -> str:
        """Its digest."""
        return self.book.state.digest

    @property
    def entries(self) -> int:
        """How many entries were folded."""
        return self.seq - self.start_seq

    def checkpoint(self) -> Checkpoint:
        """The state as it is now; it is the fold's own and changes when the fold goes on."""
        return Checkpoint(self.name, self.received_at, self.book.state)

    def follow(
        self,
        history: History,
        *,
        through: int | None = None,
        until_ns: int | None = None,
        progress: Progress = lambda seq: None,
    ) -> bool:
        """Fold on to `through`, until one was received after `until_ns`, or to the end.

        False when the fold ended early: an entry is missing or cannot be folded.
        """
        if self.is_ended:
            return False
        with uncollected():
            return self._follow(history, through, until_ns, progress)

    def _follow(
        self, history: History, through: int | None, until_ns: int | None, progress: Progress
    ) -> bool:
        try:
            for stored in history.read(self.name, after=self.seq, through=through):
                received_at = received_at_of(stored.get("facts", ""))
                if until_ns is not None and received_at > until_ns:
                    break
                if self.take(stored) is None:
                    return False
                self.received_at = max(self.received_at, received_at)
                if self.seq % PROGRESS_ENTRIES == 0:
                    progress(self.seq)
        except HistoryGap as gap:
            self.is_forked = isinstance(gap, HistoryFork)
            fault = str(gap).removeprefix(f"book {self.name}: journal ")
            return self._end(f"journal: {fault}")
        except ArchiveError as error:
            return self._end(f"archive: {error}")
        except UnicodeDecodeError as error:
            return self._end(f"journal: what follows entry {self.seq} is not text: {error}")
        return True

    def take(self, stored: dict[str, str]) -> Entry | None:
        """Check one entry and return it as it must be; None when the fold ends here."""
        seq = int(stored.pop("seq"))
        if seq != self.seq + 1:
            self._end(f"journal: entry {self.seq + 1} is missing, {seq} follows")
            return None
        try:
            entry = self.book.apply(stored["facts"])
        except (FactsError, KeyError, ValueError) as error:
            self._end(f"journal {seq}: facts cannot be applied: {error}")
            return None
        if tuple(stored.items()) != tuple(zip(FIELDS, entry[1:], strict=True)):
            self.found.add(_entry_differences(entry, stored))
        self.found.add(self.also({"seq": str(seq), **stored}))
        self.tally.count(entry)
        self.tally.digest = self.book.state.digest = stored.get("digest", "")
        self.refusals.add(entry)
        return entry

    def law_differences(self) -> list[str]:
        """What of the laws does not hold of the state reached."""
        return laws.differences(self.book.state, self.tally)

    def _end(self, difference: str) -> bool:
        self.found.add([difference])
        self.is_ended = True
        return False


@contextmanager
def uncollected() -> Iterator[None]:
    """Without the collector of cycles: folding makes none, and searching takes two fifths of it.

    What is no longer used is freed all the same, by its count of references.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def received_at_of(facts: str) -> int:
    """When an event was received (ns), 0 where its facts do not tell."""
    # The key is searched for instead of parsed: this is asked of every entry of a history.
    place = facts.find(_RECEIVED_AT)
    if place < 0:
        return 0
    start = place + len(_RECEIVED_AT)
    text = facts[start : facts.find('"', start)]
    return int(text) if text.isdecimal() else 0


def _entry_differences(entry: Entry, stored: Mapping[str, str]) -> Iterator[str]:
    expected = dict(entry.fields())
    for name in [*expected, *sorted(stored.keys() - expected.keys())]:
        if expected.get(name) != stored.get(name):
            yield (
                f"journal {entry.seq} {name}: is {stored.get(name)!r},"
                f" must be {expected.get(name)!r}"
            )
