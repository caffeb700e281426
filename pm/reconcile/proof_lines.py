"""The differences of a proof, one line each, as breaks.

In a break of this kind `ours` is what is stored and `theirs` what the journal says it must be. A
line is about a key and field of the state (`state`), a field of an entry (`journal`), or else about
something that must hold of all of it (`law`).
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from pm.breaks.found import Event, Found, Kind
from pm.decimals import Amount

_FIELD: Final = re.compile(r"(?P<subject>.+?): is (?P<ours>.+), must be (?P<theirs>.+)", re.DOTALL)
_MEMBER: Final = re.compile(r"(?P<key>\S+): (?P<member>\S+) is (?P<how>missing|not due)")
_ENTRY: Final = re.compile(r"journal(?: |: entry )(?P<seq>[0-9]+)")
_MISSING: Final = "is missing"


def found_in_proof(book: str, lines: Iterable[str]) -> list[Found]:
    """One finding for each line; the fields of a key that is missing altogether are one."""
    found = [_found(book, line) for line in lines]
    by_key: dict[str, list[Found]] = defaultdict(list)
    for each in found:
        if each.kind == "state":
            by_key[key_of(each.subject)].append(each)
    gone = {
        key
        for key, fields in by_key.items()
        if len(fields) > 1 and all(not each.ours and not each.detail for each in fields)
    }
    kept = [each for each in found if each.kind != "state" or key_of(each.subject) not in gone]
    return [*kept, *(Found("state", key, (book,), "", "", detail=_MISSING) for key in sorted(gone))]


def key_of(subject: str) -> str:
    """The key, without prefix, that a subject of the state is about."""
    return subject.partition(" ")[0]


def _found(book: str, line: str) -> Found:
    entry = _ENTRY.match(line)
    member = _MEMBER.fullmatch(line)
    if member is not None and entry is None:
        key, name, how = member.groups()
        return Found("state", f"{key} {name}", (book,), "", "", detail=f"is {how}")
    field = _FIELD.fullmatch(line)
    kind: Kind = "law"
    if entry is not None:
        kind = "journal"
    elif field is not None:
        kind = "state"
    first = Event(book, int(entry["seq"])) if entry is not None else Event()
    if field is None:
        subject, _, detail = line.partition(": ")
        return Found(kind, subject, (book,), "", "", detail=detail, first=first)
    ours, theirs = _read(field["ours"]), _read(field["theirs"])
    moved = _moved(ours, theirs)
    return Found(kind, field["subject"], (book,), ours, theirs, moved, first=first)


def _read(text: str) -> str:
    """What a value was, from how Python shows it; None is not there."""
    try:
        value = ast.literal_eval(text)
    except (SyntaxError, ValueError):
        return text
    return "" if value is None else str(value)


def _moved(ours: str, theirs: str) -> str:
    try:
        return str(Amount.parse(theirs) - Amount.parse(ours))
    except ValueError:
        return ""
