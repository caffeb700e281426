"""Where two sides part: the first event of ours that explains a figure that differs.

If the statement lists trades, it is the first trade that is not alike on both sides and moves the
figure. Else our own figure is followed back through the journal to when it was what the venue says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from pm.breaks.found import Event, Found
from pm.decimals import Amount
from pm.history import History
from pm.reconcile.course import Courses
from pm.reconcile.held import Held
from pm.reconcile.trade_findings import Parted
from pm.reference.snapshot import Reference

Agreed = Mapping[tuple[str, str], Mapping[str, int]]
"""By kind and subject: up to which seq of each book a figure has agreed."""

_FOLLOWED: Final = frozenset({"balance", "position"})


class FirstEvents:
    """Looks for first events at one location; `agreed` is what earlier runs have left."""

    def __init__(self, history: History, reference: Reference, held: Held, agreed: Agreed) -> None:
        self._history = history
        self._reference = reference
        self._held = held
        self._agreed = agreed

    def found(self, found: Sequence[Found], parted: Sequence[Parted]) -> list[Found]:
        """The same with their first events and up to where they are known to have agreed."""
        by_trade, others = [], []
        for each in found:
            since = self._agreed.get((each.kind, each.subject), {})
            known = " ".join(f"{book}@{seq}" for book, seq in sorted(since.items()))
            each = replace(each, agreed_seq=known)
            event = self._trade(each, parted)
            if event is None:
                others.append(each)
            else:
                by_trade.append(replace(each, first=event))
        return [*by_trade, *self._followed(others)]

    def _trade(self, found: Found, parted: Iterable[Parted]) -> Event | None:
        name = _name(found)
        for each in parted:
            if found.kind in ("position", "pnl"):
                is_moved = each.instrument == name
            else:
                record = self._reference.instrument(each.instrument)
                is_moved = record is not None and name in (
                    record.base,
                    record.quote,
                    record.settlement,
                )
            if is_moved:
                return each.event
        return None

    def _followed(self, found: Sequence[Found]) -> list[Found]:
        wanted = [each for each in found if each.kind in _FOLLOWED]
        if not wanted:
            return list(found)
        courses = Courses(self._held.location, [(each.kind, _name(each)) for each in wanted])
        starts = [self._agreed.get((each.kind, each.subject), {}) for each in wanted]
        for book, seq in self._held.seqs.items():
            after = min(start.get(book, 0) for start in starts)
            courses.add(book, self._history.read(book, after=after, through=seq))
        return [_with_hint(each, courses) if each.kind in _FOLLOWED else each for each in found]


def _with_hint(found: Found, courses: Courses) -> Found:
    ours, theirs = Amount.parse(found.ours), Amount.parse(found.theirs)
    parting = courses.parting((found.kind, _name(found)), ours, theirs)
    if parting is None:
        return found
    at, event = parting
    detail = f"ours was {theirs} until {at}" if at else f"ours was {theirs} before"
    return replace(found, first=event, detail=detail)


def _name(found: Found) -> str:
    """The token or instrument a subject is about."""
    return found.subject.partition(":")[2]
