"""An instrument nobody had told the books of: its frames wait in quarantine until it is added."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import redis

from pm.books import opening, quarantine, reference_store
from pm.books.quarantine import Refused
from pm.reference.snapshot import Reference

_REASON: Final = "unknown_instrument"


class _Replayed(NamedTuple):
    """An entry given another try: where on the replay lane, after which journal entry."""

    refused: Refused
    lane_entry: str
    after_seq: int


class LateInstrument:
    """Adds reference data to running books and replays what was refused for lack of it.

    Every client given must not decode.
    """

    def __init__(self, reference: Reference) -> None:
        self.instrument_ids = tuple(reference.instruments)
        self._reference = reference
        self._replayed: list[_Replayed] = []

    def add(self, client: redis.Redis, books: Sequence[str]) -> None:
        """Make every book know the instruments from now on."""
        version, changed = reference_store.merge(client, self._reference)
        for book in books:
            opening.adopt_reference(client, book, version, len(changed))

    def replay(self, client: redis.Redis, books: Sequence[str]) -> int:
        """Give refused frames another try; how many, not counting those that had theirs."""
        known = {(past.refused.book, past.refused.seq) for past in self._replayed}
        count = 0
        for book in books:
            for refused in quarantine.listed(client, book):
                if refused.reason != _REASON or (book, refused.seq) in known:
                    continue
                head = opening.head(client, book)
                assert head is not None, "a book with a quarantine exists"
                entry = quarantine.replay(client, refused)
                self._replayed.append(_Replayed(refused, entry, head.seq))
                count += 1
        return count

    def settle(self, client: redis.Redis) -> int:
        """Once the lanes are done: what was taken leaves the quarantine; how many it was."""
        return sum(quarantine.settle(client, *past)[0] for past in self._replayed)
