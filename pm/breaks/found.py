"""What a comparison finds that does not agree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha1
from typing import Any, Final, Literal, NamedTuple

Kind = Literal[
    "state",
    "journal",
    "law",
    "books",
    "balance",
    "available",
    "position",
    "pnl",
    "trade",
    "order",
    "unknown_instrument",
]
INSIDE: Final[frozenset[Kind]] = frozenset({"state", "journal", "law"})
"""Kinds that are between a book's state and its own journal."""

_ID_LENGTH: Final = 12


class Event(NamedTuple):
    """A journal entry: book, seq and what it is, `fill binance/O1/T1`; seq 0 is no entry of ours.

    `text` alone names something only the other side has.
    """

    book: str = ""
    seq: int = 0
    text: str = ""


NO_EVENT: Final = Event()


def event_text(kind: str, facts: Mapping[str, Any]) -> str:
    """A journal entry in a few words: its kind and what identifies it."""
    return f"{kind} {facts.get('id', '')}".strip()


@dataclass(frozen=True, slots=True)
class Found:
    """One thing that does not agree, in the words of both sides; amounts are decimal text.

    `subject` says what it is about and stays the same from run to run. An empty `ours` or `theirs`
    is something that side does not have. `difference` is theirs - ours, "" where there is none to
    tell. `first` is the first event where the two part, as far as that can be told, `agreed_seq`
    (`<book>@<seq>`) up to where they are known to have agreed.
    """

    kind: Kind
    subject: str
    books: tuple[str, ...]
    ours: str
    theirs: str
    difference: str = ""
    detail: str = ""
    first: Event = NO_EVENT
    agreed_seq: str = ""

    @property
    def break_id(self) -> str:
        """The id of its break: the same for the same kind and subject."""
        return break_id(self.kind, self.subject)


def break_id(kind: str, subject: str) -> str:
    """The id of the break of a kind and subject."""
    digest = sha1(f"{kind}\0{subject}".encode(), usedforsecurity=False).hexdigest()
    return f"B{digest[:_ID_LENGTH]}"
