"""Which journal entry a key of the state parted from its journal at.

Each key carries the seq of the entry that wrote it last. If the journal knows of a later one, the
two part at the first entry that touched the key after the stored seq. That one is found by halving
the checkpoints there are, then folding on from the one before: what a key was last touched by only
ever grows. If the journal knows of none, the key was changed after its last entry by something that
is no event, and that entry is told.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from typing import Final

from pm.breaks.found import NO_EVENT, Event, event_text
from pm.checkpoints import Checkpoints
from pm.checkpoints.checkpoint import CheckpointDamaged, read_from
from pm.fold import Fold, from_checkpoint
from pm.history import History, HistoryGap
from pm.rules.state import BookState

_RECORD_OF_MEMBER: Final = {
    "positions": "position:",
    "closed": "position:",
    "balances": "balance:",
    "chain": "balance:",
    "strategies": "strategy:",
    "traces": "trace:",
    "pendings": "pending:",
    "reservations": "order:",
}
"""By the first word of a collection's key: what the key of a member's own record begins with."""


def record_key(subject: str) -> str:
    """The key with a seq that a subject `<key> [<field or member>]` is about, "" for none."""
    key, _, part = subject.partition(" ")
    word, _, rest = key.partition(":")
    if word == "instrument":
        return f"position:{part}:{rest}"
    if word in _RECORD_OF_MEMBER:
        return _RECORD_OF_MEMBER[word] + part
    return key if rest and word != "seen" else ""


def last_touch(state: BookState, key: str) -> int:
    """The seq of the entry that last wrote a record, 0 for one that is not there."""
    word, _, name = key.partition(":")
    match word:
        case "position" if name in state.positions:
            return state.positions[name].seq
        case "balance" if name in state.balances:
            return state.balances[name].seq
        case "order" if name in state.orders:
            return state.orders[name].seq
        case "trace" if name in state.traces:
            return state.traces[name][1]
        case "pending" if name in state.pendings:
            return state.pendings[name][1]
        case "strategy" if name in state.strategies:
            return state.strategies[name].seq
        case "attribution" if name in state.attribution:
            return state.attribution[name].seq
    return 0


class Touches:
    """The entries that touched the keys of one book."""

    def __init__(self, history: History, checkpoints: Checkpoints, book: str) -> None:
        self._history = history
        self._checkpoints = checkpoints
        self._book = book

    def parting(self, state: BookState, key: str, stored_seq: int) -> Event:
        """The entry a record parted at; `state` is what the whole journal makes of the book."""
        last = last_touch(state, key)
        if not last:
            return NO_EVENT
        seq = self._first_after(key, stored_seq, last) if stored_seq < last else last
        return self.event(seq)

    def event(self, seq: int) -> Event:
        """What an entry is; one that is missing has no text."""
        try:
            entry = next(self._history.read(self._book, after=seq - 1, through=seq), None)
        except HistoryGap:
            entry = None
        return Event(
            self._book,
            seq,
            "" if entry is None else event_text(entry["event"], json.loads(entry["facts"])),
        )

    def _first_after(self, key: str, after: int, last: int) -> int:
        fold = self._fold_before(key, after)
        while fold.seq < last:
            if not fold.follow(self._history, through=fold.seq + 1):
                return last
            touched = last_touch(fold.book.state, key)
            if touched > after:
                return touched
        return last

    def _fold_before(self, key: str, after: int) -> Fold:
        """A fold from the last checkpoint at which nothing after `after` had touched the key."""
        listed = self._checkpoints.listed(self._book)

        def is_touched(place: int) -> bool:
            one = listed[place]
            try:
                state = read_from(one.path, self._book, one.seq).state
            except CheckpointDamaged:
                return one.seq > after
            return last_touch(state, key) > after

        place = bisect_left(range(len(listed)), True, key=is_touched)
        if place == 0:
            return Fold(self._book)
        return from_checkpoint(
            self._history, self._checkpoints, self._book, seq=listed[place - 1].seq
        )
