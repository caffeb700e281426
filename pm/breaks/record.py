"""A break: what does not agree, from when it was found to how it ended."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Final, Literal, NamedTuple

from pm.breaks.found import Event, Found

State = Literal["open", "explained", "resolved"]
STATES: Final[tuple[State, ...]] = ("open", "explained", "resolved")
AGREED_AGAIN: Final = "agreed again"
DISMISSED: Final = "dismissed"
ADJUSTED: Final = "adjusted seq "
_OTHER_AMOUNT: Final = "amount changed"
_HISTORY_MAX: Final = 100


class Change(NamedTuple):
    """One change of a break's state: when (ns), to what, by whom, why, at what difference."""

    at: int
    state: str
    by: str
    why: str
    difference: str


@dataclass(frozen=True, slots=True)
class Break:
    """One break as it is kept; times in ns, 0 where there is none; amounts are decimal text.

    `occurrence` counts how often it was opened, `seen_count` the runs that found it. What the
    comparison says (`ours` to `agreed_seq`) is that of the last run that found it.
    """

    id: str
    kind: str
    subject: str
    books: tuple[str, ...]
    ours: str
    theirs: str
    difference: str
    detail: str
    first_book: str
    first_seq: int
    first_event: str
    agreed_seq: str
    source: str
    found_at: int
    seen_at: int
    seen_count: int
    occurrence: int
    state: str
    explanation: str
    by: str
    resolved_at: int
    resolution: str
    history: tuple[Change, ...]

    @property
    def amount(self) -> str:
        """What must stay the same for an explanation to hold."""
        return self.difference or f"{self.ours} | {self.theirs}"

    @property
    def adjusted_seq(self) -> int | None:
        """The journal entry of the adjustment that resolved it, None where none did."""
        seq = self.resolution.removeprefix(ADJUSTED)
        return int(seq) if seq != self.resolution and seq.isdecimal() else None

    def to_fields(self) -> dict[str, str]:
        """The fields of its hash."""
        told: dict[str, str] = {}
        for each in fields(self):
            value = getattr(self, each.name)
            if each.name == "books":
                told[each.name] = " ".join(value)
            elif each.name == "history":
                told[each.name] = json.dumps([list(change) for change in value])
            else:
                told[each.name] = str(value)
        return told

    @classmethod
    def from_fields(cls, told: Mapping[str, str]) -> Break:
        """A break from the fields of its hash."""
        values: dict[str, Any] = {}
        for each in fields(cls):
            text = told.get(each.name, "")
            if each.name == "books":
                values[each.name] = tuple(text.split())
            elif each.name == "history":
                values[each.name] = tuple(Change(*row) for row in json.loads(text or "[]"))
            else:
                values[each.name] = int(text or 0) if each.type == "int" else text
        return cls(**values)

    def to_json(self) -> dict[str, Any]:
        """For programs: unknown is null."""
        told: dict[str, Any] = {each.name: getattr(self, each.name) for each in fields(self)}
        told["books"] = list(self.books)
        told["history"] = [change._asdict() for change in self.history]
        return {name: None if value in ("", 0) else value for name, value in told.items()}


def seen(before: Break | None, found: Found, source: str, now_ns: int) -> Break:
    """The break after a run has found it: new, still there, or open again.

    It opens again if it had been resolved, and an explanation or dismissal of another amount no
    longer holds.
    """
    event: Event = found.first
    told: dict[str, Any] = {
        "books": found.books,
        "ours": found.ours,
        "theirs": found.theirs,
        "difference": found.difference,
        "detail": found.detail,
        "first_book": event.book,
        "first_seq": event.seq,
        "first_event": event.text,
        "agreed_seq": found.agreed_seq,
        "source": source,
        "seen_at": now_ns,
    }
    if before is None:
        made = Break(
            id=found.break_id,
            kind=found.kind,
            subject=found.subject,
            **told,
            found_at=now_ns,
            seen_count=1,
            occurrence=1,
            state="open",
            explanation="",
            by="",
            resolved_at=0,
            resolution="",
            history=(),
        )
        return _changed(made, now_ns, "open", "", "found")
    # Where they parted does not move while it is the same break.
    if before.state != "resolved" and not event.text:
        told |= {name: getattr(before, name) for name in ("first_book", "first_seq", "first_event")}
    after = replace(before, **told, seen_count=before.seen_count + 1)
    is_same = before.amount == after.amount
    is_kept = before.resolution.startswith(DISMISSED) or before.state == "explained"
    if before.state == "open":
        return after if is_same else _changed(after, now_ns, "open", "", _OTHER_AMOUNT)
    if is_same and is_kept:
        return after
    why = _OTHER_AMOUNT if before.state == "explained" or is_kept else "found again"
    after = replace(
        after,
        state="open",
        explanation="",
        by="",
        resolved_at=0,
        resolution="",
        occurrence=before.occurrence + (before.state == "resolved"),
    )
    return _changed(after, now_ns, "open", "", why)


def explained(before: Break, by: str, why: str, now_ns: int) -> Break:
    """The break with a reason somebody gives for it; it stays until the two agree."""
    after = replace(before, state="explained", explanation=why, by=by)
    return _changed(after, now_ns, "explained", by, why)


def resolved(before: Break, resolution: str, now_ns: int, by: str = "", why: str = "") -> Break:
    """The break after its end."""
    after = replace(before, state="resolved", resolution=resolution, resolved_at=now_ns)
    if by:
        after = replace(after, by=by, explanation=why)
    return _changed(after, now_ns, "resolved", by, why or resolution)


def _changed(after: Break, now_ns: int, state: str, by: str, why: str) -> Break:
    change = Change(now_ns, state, by, why, after.difference)
    return replace(after, history=(*after.history, change)[-_HISTORY_MAX:])
