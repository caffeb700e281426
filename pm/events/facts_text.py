"""The pieces facts are joined from, and the facts of entries that are no events.

Each piece is JSON that begins with its comma, or nothing. Ids and amounts go in as they are,
because nothing in them needs quoting; the detail of quarantined facts is the one free text, and is
reduced to characters that need none either.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha1
from typing import Final

from pm.days import utc_day
from pm.decimals import Amount
from pm.events.model import Fee, FeeClass, Trace

MAX_DETAIL_LENGTH: Final = 200
_PLAIN_FOR: Final = {'"': "'", "\\": "/"}
_NEEDS_QUOTING: Final = re.compile(r"[^ !#-\[\]-~]")


@dataclass(frozen=True, slots=True)
class Place:
    """Where an event stood: its lane, entry id, and `index` (from 0) among `of` in the entry.

    `received_at` is nanoseconds since the epoch.
    """

    lane: str
    entry: str
    index: int
    of: int
    received_at: int


@dataclass(frozen=True, slots=True)
class Direct:
    """An event that was submitted by itself, through no lane; `received_at` is nanoseconds."""

    received_at: int


def head(kind: str, place: Place | Direct, executed_at: int) -> str:
    """Return the start of an event's facts, up to its day."""
    return f'{_bare_head(kind, place)},"executed_at":"{executed_at}","day":"{utc_day(executed_at)}"'


def optional(key: str, value: str | int | None) -> str:
    """Return a key with its value, or nothing for None."""
    return "" if value is None else f',"{key}":"{value}"'


def fees_text(fees: Iterable[Fee]) -> str:
    """Return the fees, whose tokens are known by now."""
    entries = ",".join(f'["{fee.token}","{fee.amount}","{fee.kind}"]' for fee in fees)
    return f',"fees":[{entries}]'


def trace_text(trace: Trace | None) -> str:
    """Return the trace, or nothing without one."""
    if trace is None:
        return ""
    arbitrage = ',"arbitrage":"1"' if trace.arbitrage else ""
    return f',"trace":{{"id":"{trace.id}"{arbitrage}{optional("step", trace.step)}}}'


def summed_fees(fees: Iterable[Fee]) -> tuple[Fee, ...]:
    """Return one fee for each token and class, in order of appearance, and none of amount 0."""
    sums: dict[tuple[str | None, FeeClass], Amount] = {}
    for fee in fees:
        key = (fee.token, fee.kind)
        amount = Amount.parse(fee.amount)
        sums[key] = sums[key] + amount if key in sums else amount
    return tuple([Fee(token, str(total), kind) for (token, kind), total in sums.items() if total])


def quarantined_facts(place: Place | Direct, reason: str, detail: str, raw: bytes) -> str:
    """Return the facts of something that must not be applied; `raw` is what was received."""
    plain = _NEEDS_QUOTING.sub(_replaced, detail)[:MAX_DETAIL_LENGTH]
    digest = sha1(raw, usedforsecurity=False).hexdigest()
    return (
        f"{_bare_head('quarantined', place)}"
        f',"reason":"{reason}","detail":"{plain}","raw_sha1":"{digest}"}}'
    )


def nothing_facts(place: Place) -> str:
    """Return the facts of an entry that holds no event."""
    return f"{_bare_head('nothing', place)}}}"


def plain_text(text: str) -> str:
    """Return free text in characters that need no quoting."""
    return "".join(
        _PLAIN_FOR.get(character, character if character.isprintable() else "?")
        for character in text
    )


def _bare_head(kind: str, place: Place | Direct) -> str:
    if isinstance(place, Direct):
        return f'{{"kind":"{kind}","received_at":"{place.received_at}"'
    return (
        f'{{"kind":"{kind}","lane":"{place.lane}","entry":"{place.entry}","index":"{place.index}"'
        f',"of":"{place.of}","received_at":"{place.received_at}"'
    )


def _replaced(match: re.Match[str]) -> str:
    return _PLAIN_FOR.get(match.group(), "?")
