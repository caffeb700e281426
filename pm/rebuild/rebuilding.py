"""The rebuild of one book, from its history to the switch.

Nothing of the live book changes before the switch, and the switch happens only if every journal
entry was recomputed without a difference, the shadow read back is what was folded, and live book
and shadow have one digest at one seq. A book that moves on meanwhile is followed: only what its new
entries changed is written again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import redis

from pm import keys
from pm.books.stored import read_keys
from pm.crash_points import crash_point
from pm.fold import Differences, Fold
from pm.fold.fold import uncollected
from pm.history import History, HistoryGap
from pm.rebuild.beside import Beside
from pm.rebuild.comparing import damages, extra_keys, is_right
from pm.rebuild.foreign import first_foreign
from pm.rebuild.refused import RebuildRefused
from pm.rebuild.restoring import Limits, Restored, restore, restore_lists
from pm.rebuild.rights import check_rights
from pm.rebuild.setting_aside import SetAside, set_aside
from pm.rebuild.shadow import NOWHERE, Place, Shadow, in_shadow
from pm.rebuild.turn import turn

ROUNDS_MAX: Final = 100
"""How often a book that moves on is followed before a rebuild gives up."""

_TRACE, _SEEN = "trace:", "seen:"


@dataclass(slots=True)
class Rebuilt:
    """What a rebuild made of a book, and what of the live one was not as it must be.

    `live_seq` is where the book stood on the server, 0 where it was not there. `is_switched` is
    False for a mere look, and where the history ends before the live book does. `healed` is what
    differed, told where both stood at one seq; `restored` what was put back beside the state;
    `aside` where a book of another history went. `used_digest`: only the accepted digest let it be.
    """

    book: str
    fold: Fold
    keys: int = 0
    live_seq: int = 0
    is_switched: bool = False
    rounds: int = 0
    healed: Differences = field(default_factory=Differences)
    restored: Restored = field(default_factory=Restored)
    aside: SetAside | None = None
    used_digest: bool = False


def rebuild_book(
    client: redis.Redis,
    name: str,
    history: History,
    limits: Limits,
    *,
    looks_only: bool = False,
    accepted_digest: str = "",
    sets_aside: bool = False,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> Rebuilt:
    """Rebuild a book from its history; RebuildRefused when it cannot be right.

    `client` must not decode. `limits` bound what is put back that the server does not have. A live
    book of another digest is replaced only by one whose digest is the `accepted_digest`, and one
    that stands on a journal of another history only with `sets_aside`: it goes under other names.
    """
    accepts = (accepted_digest, sets_aside)
    return _Rebuild(client, name, history, looks_only, *accepts, limits, progress).run()


@dataclass(slots=True)
class _Rebuild:
    client: redis.Redis
    name: str
    history: History
    looks_only: bool
    accepted_digest: str
    sets_aside: bool
    limits: Limits
    progress: Callable[[int, int], None]
    shadow: Shadow = field(init=False)
    fold: Fold = field(init=False)
    beside: Beside = field(default_factory=Beside)
    _valuation: str | None = None
    _lawful_seq: int = 0
    _known: set[str] = field(default_factory=set)

    def run(self) -> Rebuilt:
        self.shadow = Shadow(self.client, self.name)
        self.fold = Fold(self.name)
        check_rights(self.client, self.name, looks_only=self.looks_only)
        done = Rebuilt(self.name, self.fold)
        with turn(self.client, self.name):
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
            if done.rounds == 1:
                done.aside = self._without_another_history()
                place = NOWHERE if done.aside is not None else place
            done.live_seq = self._live_seq(place)
            if done.live_seq > self.fold.seq:
                self._compare_digest_of_the_past()
                return
            self._write(written, place)
            written, done.keys = self.fold.seq, len(self._known)
            crash_point("rebuild_shadow_written")
            done.used_digest = self._is_accepted(place, done.live_seq)
            crash_point("rebuild_compared")
            if self.looks_only:
                if self._is_compared(done, place):
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
        if not found and self.fold.seq > self._lawful_seq:
            found.add(self.fold.law_differences())
            self._lawful_seq = self.fold.seq
        if found:
            way_out = f". {self._way_out()}" if self.fold.is_forked else ""
            raise RebuildRefused(self.name, f"{found.shown[0]}{way_out}", found)
        if not self.fold.seq:
            left_out = " in Redis, and the archive was left out" if self.history.leaves_out else ""
            raise RebuildRefused(self.name, f"there is no journal of it{left_out}")

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
        """Bring the shadow from seq `written` to the fold, and read back what was written.

        A live key that is right needs no shadow: it is what would take its place.
        """
        if place.valuation != self._valuation:
            written = -1  # revalued meanwhile: any position may have another mark
            self._valuation = place.valuation
        state = self.fold.book.state
        expected = in_shadow(self.fold.book.expected_state(written))
        live = read_keys(self.client, expected, lambda name: keys.of_book(self.name, name))
        made = self.beside.completed(expected, live, state)
        right = {name for name, held in made.items() if is_right(held, live[name])}
        gone = {
            name
            for name in self._known
            if (name.startswith(_TRACE) and name.removeprefix(_TRACE) not in state.traces)
            or (name.startswith(_SEEN) and name not in expected)
        }
        self._known = (self._known | expected.keys()) - gone
        self.shadow.drop(self.shadow.written.keys() & (right | gone))
        wrong = {name: held for name, held in made.items() if name not in right}
        self.shadow.write(wrong)
        found = self.shadow.differences(wrong)
        if found:
            raise RebuildRefused(self.name, f"its shadow reads back otherwise: {found[0]}")

    def _is_accepted(self, place: Place, live_seq: int) -> bool:
        """The live book must have been at its seq what this history says: one chain, one book.

        True where it was not, and the operator has said that the history is the right one.
        """
        if place == NOWHERE:
            return False
        digest = self.fold.digest
        if live_seq < self.fold.seq:
            digest = self._digest_at(self.history, live_seq)
        if digest == place.digest:
            return False
        if self.accepted_digest != self.fold.digest:
            raise RebuildRefused(
                self.name,
                f"at seq {place.seq} its digest is {place.digest}, by its journal {digest}; if the"
                f" journal is the right one: --accept-digest {self.fold.digest}",
            )
        return True

    def _way_out(self) -> str:
        return (
            "To put the archive's in its place stop the processes and run `pm rebuild --book"
            f" {self.name} --from archive --set-aside`, which keeps this one under"
            f" {keys.aside(self.name, '')}*"
        )

    def _without_another_history(self) -> SetAside | None:
        """Make sure that the server's own journal is this one as far as both go.

        What it lacks is appended behind it, and no entry of it can be replaced: the book would be
        that of one journal and stand on another.
        """
        seq = first_foreign(self.client, self.history, self.fold)
        if seq is None:
            return None
        if self.looks_only or not self.sets_aside:
            raise RebuildRefused(
                self.name,
                f"the server's own journal has another entry {seq}: it is of another history."
                f" {self._way_out()}",
            )
        done = set_aside(self.client, self.name)
        crash_point("rebuild_set_aside")
        return done

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

    def _is_compared(self, done: Rebuilt, place: Place) -> bool:
        """Tell what of the live keys differs; False when the book moved on meanwhile."""
        if done.live_seq != self.fold.seq:
            return True
        extra = self._extra()
        made = self.shadow.written
        live = read_keys(self.client, made, lambda name: keys.of_book(self.name, name))
        if self._place() != place:
            return False
        done.healed.add(damages(made, live, extra))
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
            made = self.shadow.written
            aside = read_keys(self.client, made, self.shadow.aside)
            done.healed.add(damages(made, aside, extra))
        return True

    def _extra(self) -> list[str]:
        generation = self.fold.book.state.seen.generation
        return extra_keys(self.shadow, self._known, generation)
