"""When our own figure was last what a venue says, found in the journal's changes.

A balance or quantity that once was what the venue says now tells which event the venue most likely
lacks: the next one that moved it. It is a hint, not a proof: the same figure may come twice.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from pm.breaks.found import Event, event_text
from pm.decimals import ZERO, Amount

_NONE: Final[Mapping[str, str]] = {}


class Move(NamedTuple):
    """One entry's change of one figure; entries without a time of their own follow the last."""

    received_at_ns: int
    amount: Amount
    event: Event


class Courses:
    """How the figures of one location moved, of all books together.

    Figures are named `balance` and token, or `position` and instrument, as breaks are.
    """

    def __init__(self, location: str, wanted: Iterable[tuple[str, str]]) -> None:
        self._location = location
        self._wanted = set(wanted)
        self._moves: dict[tuple[str, str], list[Move]] = defaultdict(list)

    def add(self, book: str, entries: Iterable[Mapping[str, str]]) -> None:
        """Follow a book's entries, in order."""
        received_at_ns = 0
        for entry in entries:
            if entry["changes"] == "[]":
                continue
            facts = json.loads(entry["facts"])
            received_at_ns = max(received_at_ns, int(facts.get("received_at") or 0))
            event = Event(book, int(entry["seq"]), event_text(entry["event"], facts))
            for figure, amount in self._amounts(json.loads(entry["changes"])).items():
                if amount:
                    self._moves[figure].append(Move(received_at_ns, amount, event))

    def parting(
        self, figure: tuple[str, str], ours: Amount, theirs: Amount
    ) -> tuple[str, Event] | None:
        """Where ours was last theirs (`<book>@<seq>`) and what moved it next; None if never.

        The place is "" where that was before the first entry that was followed.
        """
        moves = sorted(self._moves[figure], key=lambda move: move.received_at_ns)
        value, following = ours, None
        for move in reversed(moves):
            if value == theirs and following is not None:
                return f"{move.event.book}@{move.event.seq}", following.event
            value, following = value - move.amount, move
        if value == theirs and following is not None:
            return "", following.event
        return None

    def _amounts(self, changes: list[dict[str, Any]]) -> dict[tuple[str, str], Amount]:
        sums: dict[tuple[str, str], Amount] = defaultdict(lambda: ZERO)
        for change in changes:
            figure, field = self._figure(change)
            if figure in self._wanted:
                new, old = change.get("new") or _NONE, change.get("old") or _NONE
                sums[figure] += Amount.parse(new.get(field, "0"))
                sums[figure] += -Amount.parse(old.get(field, "0"))
        return sums

    def _figure(self, change: Mapping[str, Any]) -> tuple[tuple[str, str], str]:
        if change["type"] == "balance_changed":
            is_here = change["location"] == self._location
            return ("balance", change["token"] if is_here else ""), "total"
        return ("position", change.get("instrument", "")), "quantity"
