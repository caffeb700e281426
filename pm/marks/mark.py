"""A mark, which of several counts, and how one is read from a table of keys.

A mark says what one unit of a subject was worth in a quote token. The subject is an instrument, and
the quote then its quote token, or a token. Of the newest mark of each kind the best fresh one
counts: one that was made to value with before the middle of a book, that before the last trade; a
later one before an earlier. Where none is fresh the latest counts, and is stale.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple

from pm.decimals import Amount
from pm.events.event_values import FIRST_NANOSECONDS, parse_outside_id
from pm.reference.snapshot import Reference
from pm.reference.table import (
    MAX_TIME,
    KeyFault,
    Table,
    one_of,
    parse_not_negative,
    parse_time,
    shown,
    whole_number,
)

MarkKind = Literal["mark", "settlement", "mid", "last"]
Pair = tuple[str, str]

MARK_KINDS: Final[tuple[MarkKind, ...]] = ("mark", "settlement", "mid", "last")
MANUAL: Final = "manual"
SECOND_NS: Final = 1_000_000_000
AHEAD_MAX_NS: Final = 60 * SECOND_NS
"""How far ahead of its receipt a mark may be: one from far ahead would shut out all others."""

_RANKS: Final[dict[str, int]] = {"mark": 0, "settlement": 0, "mid": 1, "last": 2}
_KEYS: Final = ("kind", "subject", "quote", "price", "time", "source", "class")
_FINER_THAN_MICROSECONDS: Final = re.compile(r"[.,][0-9]{7}", re.ASCII)

_parse_mark_word: Final = one_of(("mark",))
_parse_class: Final = one_of(MARK_KINDS)
_parse_nanoseconds: Final = whole_number(FIRST_NANOSECONDS, MAX_TIME)


class MarkError(ValueError):
    """A mark that cannot be used; one line that says why."""


class Mark(NamedTuple):
    """The price, never negative, of one `subject` in `quote`; times are nanoseconds.

    Of two marks of one time, that with the later `received_at` counts.
    """

    subject: str
    quote: str
    price: Amount
    time: int
    source: str
    kind: MarkKind
    received_at: int

    @property
    def pair(self) -> Pair:
        """Subject and quote."""
        return self.subject, self.quote


def is_fresh(mark: Mark, now_ns: int, max_age_s: int) -> bool:
    """Whether the mark is at most `max_age_s` seconds old."""
    return now_ns - mark.time <= max_age_s * SECOND_NS


def best_mark(marks: Iterable[Mark], now_ns: int, max_age_s: int) -> Mark | None:
    """Return the mark that counts: the best fresh one, else the latest; None of none."""

    def precedence(mark: Mark) -> tuple[bool, int, int, int, int]:
        fresh = is_fresh(mark, now_ns, max_age_s)
        rank = -_RANKS[mark.kind]
        return fresh, rank if fresh else 0, mark.time, rank, mark.received_at

    return max(marks, key=precedence, default=None)


def mark_from_table(values: Mapping[str, Any], reference: Reference, received_at: int) -> Mark:
    """Return the mark of a JSON object; MarkError names the first key that is wrong.

    `quote` may be left out for an instrument. Ids are taken in their outside spelling.
    """
    table = Table(values)
    try:
        table.refuse_unknown(_KEYS)
        table.optional("kind", _parse_mark_word, "mark")
        subject = table.required("subject", parse_outside_id)
        return Mark(
            subject=subject,
            quote=_quote(subject, table.maybe("quote", parse_outside_id), reference),
            price=_price(table, subject, reference),
            time=_time(table, received_at),
            source=table.optional("source", parse_outside_id, MANUAL),
            kind=table.optional("class", _parse_class, "last"),
            received_at=received_at,
        )
    except KeyFault as fault:
        raise MarkError(f"mark: {fault}") from None


def parse_moment(value: Any, key: str) -> int:
    """Return nanoseconds since the epoch from themselves or an ISO date-time with its offset."""
    text = str(value)
    if isinstance(value, bool) or text.lstrip("-").isdigit():
        return _parse_nanoseconds(value, key)
    if _FINER_THAN_MICROSECONDS.search(text):
        raise KeyFault(f"{key}: is finer than microseconds, write nanoseconds: {shown(value)}")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        example = "2025-06-01T12:00:00Z"
        message = f"{key}: must be nanoseconds or a date-time like {example}, not {shown(value)}"
        raise KeyFault(message) from None
    return parse_time(moment, key)


def _price(table: Table, subject: str, reference: Reference) -> Amount:
    """A price; an instrument may be worth nothing, a token at 0 would wipe out all it converts."""
    price = Amount.parse(table.required("price", parse_not_negative))
    if not price and reference.instrument(subject) is None:
        raise KeyFault("price: of a token must be more than 0")
    return price


def _time(table: Table, received_at: int) -> int:
    time = table.required("time", parse_moment)
    if time > received_at + AHEAD_MAX_NS:
        raise KeyFault(f"time: is in the future: {time}")
    return time


def _quote(subject: str, given: str | None, reference: Reference) -> str:
    instrument = reference.instrument(subject)
    if instrument is None:
        if given is None:
            raise KeyFault(f"quote: is missing, and {subject} is no known instrument")
        if given == subject:
            raise KeyFault(f"quote: is {subject} itself")
        return given
    if given not in (None, instrument.quote):
        raise KeyFault(f"quote: is {given}, but {subject} is quoted in {instrument.quote}")
    return instrument.quote
