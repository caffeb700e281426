"""The rebuild of one book, from its history to the switch.

Nothing of the live book changes before the switch, and the switch happens only if every journal
entry was recomputed without a difference, the shadow read back is what was folded, and live book
and shadow have one digest at one seq. A book that moves on meanwhile is followed: only what its new
entries changed is written again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import redis

from pm import keys
from pm.books.stored import key_differences, read_keys
from pm.crash_points import crash_point
from pm.fold import Differences, Fold
from pm.fold.fold import uncollected
from pm.functions import library
from pm.history import History, HistoryGap
from pm.rebuild.restoring import Limits, Restored, restore, restore_lists
from pm.rebuild.shadow import NOWHERE, Place, Shadow
from pm.rules.expected import NOT_FOLDED, ExpectedState, Hash
from pm.rules.worths import VALUED_FIELDS, Worths

ROUNDS_MAX: Final = 100
"""How often a book that moves on is followed before a rebuild gives up."""

_POSITION, _STRATEGY, _TRACE, _SEEN = "position:", "strategy:", "trace:", "seen:"
_OPENED_SETS = frozenset({"seen:0", "seen:future"})
_KEYS_A_READ: Final = 500


class RebuildRefused(Exception):
    """Nothing was switched; the text names the book and says why.

    `differences` are what was found wrong with the journal.
    """

    def __init__(self, book: str, reason: str, differences: Differences | None = None) -> None:
        super().__init__(f"book {book} is not rebuilt: {reason}")
        self.differences = differences or Differences()


@dataclass(slots=True)
class Rebuilt:
    """What a rebuild made of a book, and what of the live one was not as it must be.

    `live_seq` is where the book stood on the server, 0 where it was not there. `is_switched` is
    False for a mere look, and where the history ends before the live book does. `healed` is what
    differed, told where both stood at one seq; `restored` what was put back beside the state.
    """

    book: str
    fold: Fold
    keys: int = 0
    live_seq: int = 0
    is_switched: bool = False
    rounds: int = 0
    healed: Differences = field(default_factory=Differences)
    restored: Restored = field(default_factory=Restored)


def rebuild_book(
    client: redis.Redis,
    name: str,
    history: History,
    limits: Limits,
    *,
    looks_only: bool = False,
    accepted_digest: str = "",
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> Rebuilt:
    """Rebuild a book from its history; RebuildRefused when it cannot be right.

    `client` must not decode. `limits` bound what is put back that the server does not have. A live
    book of another digest is replaced only by one whose digest is the `accepted_digest`.
    """
    return _Rebuild(client, name, history, looks_only, accepted_digest, limits, progress).run()


@dataclass(slots=True)
class _Rebuild:
    client: redis.Redis
    name: str
    history: History
    looks_only: bool
    accepted_digest: str
    limits: Limits
    progress: Callable[[int, int], None]
    shadow: Shadow = field(init=False)
    fold: Fold = field(init=False)
    worths: Worths = field(default_factory=Worths)
    _valuation: str | None = None

    def run(self) -> Rebuilt:
        self.shadow = Shadow(self.client, self.name)
        self.fold = Fold(self.name)
        done = Rebuilt(self.name, self.fold)
        self.shadow.clean()
        try:
            with uncollected():
                self._rebuild(done)
        finally:
            self.shadow.clean()
        return done

    def _rebuild(self, done: Rebuilt) -> None:
        self._fold()
        crash_point("rebuild_folded")
        written = -1
        for done.rounds in range(1, ROUNDS_MAX + 1):
            place = self._place()
            self._fold()
            done.live_seq = self._live_seq(place)
            if done.live_seq > self.fold.seq:
                self._compare_digest_of_the_past()
                return
            self._write(written, place)
            written, done.keys = self.fold.seq, len(self.shadow.names)
            crash_point("rebuild_shadow_written")
            self._check_digest(place, done.live_seq)
            crash_point("rebuild_compared")
            if self.looks_only:
                if self._is_compared(done):
                    return
            elif self._is_switched(done, place):
                return
        raise RebuildRefused(
            self.name, f"it moved on {ROUNDS_MAX} times: pause its workers and try again"
        )

    def _fold(self) -> None:
        seq, archive = self._place().seq, self.history.archive
        archived = 0 if archive is None else archive.last_seq(self.name)
        of = max(int(seq) if seq.isdecimal() else 0, archived)
        self.fold.follow(self.history, progress=lambda seq: self.progress(seq, max(of, seq)))
        found = self.fold.found
        if not found:
            found.add(self.fold.law_differences())
        if found:
            raise RebuildRefused(self.name, f"its journal is wrong: {found.shown[0]}", found)
        if not self.fold.seq:
            raise RebuildRefused(self.name, "there is no journal of it")

    def _place(self) -> Place:
        fields = ["seq", "digest", "valuation"]
        found: Any = self.client.hmget(keys.book(self.name), fields)
        shown = ("" if part is None else part.decode(errors="backslashreplace") for part in found)
        return Place(*shown)

    def _live_seq(self, place: Place) -> int:
        """The seq the live book stands at, 0 if it is not there; a wrong one with the right digest
        does not count.
        """
        if place.digest == self.fold.digest:
            return self.fold.seq
        return int(place.seq) if place.seq.isdecimal() else 0

    def _write(self, written: int, place: Place) -> None:
        """Bring the shadow from seq `written` to the fold, and read back what was written."""
        if place.valuation != self._valuation:
            written = -1  # revalued meanwhile: any position may have another mark
            self._valuation = place.valuation
        expected = _in_shadow(self.fold.book.expected_state(written))
        self.shadow.write(expected, self._beside(expected))
        state = self.fold.book.state
        self.shadow.drop(
            name
            for name in self.shadow.names
            if (name.startswith(_TRACE) and name.removeprefix(_TRACE) not in state.traces)
            or (name.startswith(_SEEN) and name not in expected)
        )
        found = self.shadow.differences(expected)
        if found:
            raise RebuildRefused(self.name, f"its shadow reads back otherwise: {found[0]}")

    def _beside(self, expected: ExpectedState) -> dict[str, Hash]:
        """What no journal decides, of each of these keys: valuation, and what the server tells."""
        live = self._live([name for name in expected if name.partition(":")[0] in NOT_FOLDED])
        positions = self.fold.book.state.positions
        beside: dict[str, Hash] = {}
        for name in live:
            if name.startswith(_POSITION):
                member = name.removeprefix(_POSITION)
                beside[name] = self.worths.position(member, positions[member], live[name])
        for name in live:
            if name.startswith(_STRATEGY):
                strategy = name.removeprefix(_STRATEGY)
                beside[name] = self.worths.strategy(strategy, live[name])
        beside["book"] = self._of_book(live["book"])
        return beside

    def _of_book(self, live: Hash) -> Hash:
        totals = self.worths.book(live)
        count = int(live.get("valuation") or "0")
        is_as_it_was = live.get("valuation_torn") == "0" and totals.items() <= live.items()
        return {
            **totals,
            "epoch": live.get("epoch", "1"),
            "library": live.get("library", library.current().sha),
            "valuation": str(count if is_as_it_was or not live else count + 1),
            "valuation_torn": "0",
        }

    def _live(self, names: Sequence[str]) -> dict[str, Hash]:
        """The fields of live hashes that no journal decides; none where there is no such hash."""
        found: dict[str, Hash] = {}
        for start in range(0, len(names), _KEYS_A_READ):
            part = names[start : start + _KEYS_A_READ]
            pipeline = self.client.pipeline(transaction=False)
            fields = [sorted(NOT_FOLDED[name.partition(":")[0]]) for name in part]
            for name, wanted in zip(part, fields, strict=True):
                pipeline.hmget(keys.of_book(self.name, name), wanted)
            told = pipeline.execute(raise_on_error=False)
            for name, wanted, values in zip(part, fields, told, strict=True):
                found[name] = _texts(wanted, values)
        return found

    def _check_digest(self, place: Place, live_seq: int) -> None:
        """The live book must have been at its seq what this history says: one chain, one book."""
        if place == NOWHERE or self.accepted_digest == self.fold.digest:
            return
        digest = self.fold.digest
        if live_seq < self.fold.seq:
            digest = self._digest_at(self.history, live_seq)
        if digest != place.digest:
            raise RebuildRefused(
                self.name,
                f"at seq {place.seq} its digest is {place.digest}, by its journal {digest}; if the"
                f" journal is the right one: --accept-digest {self.fold.digest}",
            )

    def _compare_digest_of_the_past(self) -> None:
        """The history ends before the live book: all that can be told is whether it is its past."""
        seq = self.fold.seq
        if self.history.client is not None:
            raise RebuildRefused(
                self.name, f"its journal ends at seq {seq}, and the book stands further on"
            )
        live = self._digest_at(History(self.client), seq)
        if live and live != self.fold.digest:
            raise RebuildRefused(
                self.name, f"at seq {seq} its journal's digest is {live}, not {self.fold.digest}"
            )

    def _digest_at(self, history: History, seq: int) -> str:
        try:
            entry = next(history.read(self.name, after=seq - 1, through=seq), None)
        except HistoryGap:
            entry = None
        return "" if entry is None else entry["digest"]

    def _is_compared(self, done: Rebuilt) -> bool:
        """Compare with the live keys as they stand; False when the book moved on meanwhile."""
        if not done.live_seq:
            return True
        expected = self.fold.book.expected_state()
        extra = self._extra()
        live = read_keys(self.client, expected, lambda name: keys.of_book(self.name, name))
        if self._place().seq != str(self.fold.seq):
            return done.live_seq < self.fold.seq
        done.healed.add(self._damages(expected, live, extra))
        return True

    def _is_switched(self, done: Rebuilt, place: Place) -> bool:
        """Switch; False when the book moved on meanwhile."""
        if done.rounds == 1:
            done.restored = restore(self.client, self.history, self.fold, self.limits)
            crash_point("rebuild_restored")
        extra = self._extra()
        if not self.shadow.switch(place, extra):
            return False
        done.is_switched = True
        crash_point("rebuild_switched")
        restore_lists(self.client, self.fold)
        crash_point("rebuild_listed")
        if done.live_seq == self.fold.seq:
            expected = self.fold.book.expected_state()
            aside = read_keys(self.client, expected, self.shadow.aside)
            done.healed.add(self._damages(expected, aside, extra))
        return True

    def _damages(
        self, expected: ExpectedState, found: Mapping[str, Any], extra: Sequence[str]
    ) -> Iterator[str]:
        """Where keys that were live differ from the shadow, valuation included."""
        for name, held in found.items():
            if name == "lanes" or (not held and expected[name] == {keys.SENTINEL}):
                continue
            if not held:
                yield f"{name}: is missing"
                continue
            yield from key_differences(name, expected[name], held)
            made = self.shadow.written(name)
            for part in VALUED_FIELDS if isinstance(held, dict) else ():
                if held.get(part) != made.get(part):
                    yield f"{name} {part}: is {held.get(part)!r}, must be {made.get(part)!r}"
        for name in extra:
            yield f"{name}: is not due"

    def _extra(self) -> list[str]:
        """Live keys of a kind the journal decides that it knows nothing of.

        What only waits to be swept is left: old generations of ids, and traces that were archived.
        """
        generation = self.fold.book.state.seen.generation
        swept = {f"seen:{number}" for number in range(generation - 1)}
        extra = sorted(self.shadow.live_names() - self.shadow.names - swept)
        pipeline = self.client.pipeline(transaction=False)
        traces = [name for name in extra if name.startswith(_TRACE)]
        for name in traces:
            pipeline.hget(keys.of_book(self.name, name), "status")
        told = zip(traces, pipeline.execute(raise_on_error=False), strict=True)
        archived = {name for name, status in told if status == b"archived"}
        return [name for name in extra if name not in archived]


def _in_shadow(expected: ExpectedState) -> ExpectedState:
    """The keys as they are written: without lanes, which gateways open, and as `apply` makes sets.

    A later generation of ids comes to be with its first id and has no sentinel.
    """
    shown: ExpectedState = {}
    for name, held in expected.items():
        if name == "lanes":
            continue
        if isinstance(held, set) and name not in _OPENED_SETS:
            held = held - {keys.SENTINEL}
            if not held:
                continue
        shown[name] = held
    return shown


def _texts(names: Sequence[str], values: Any) -> Hash:
    if isinstance(values, Exception):
        return {}
    told = zip(names, values, strict=True)
    return {name: value.decode(errors="replace") for name, value in told if value is not None}
