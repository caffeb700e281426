"""What became of something written into the books, or why it did not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pm.connect import ServerError
from pm.decimals import Amount
from pm.reference.text_ids import unescape_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """An event the books have taken, in journal entry `seq`.

    `result` and `reason` are the entry's words: applied, noted (it changed no figure), duplicate.
    `dedupe_id` is what the journal knows the event by.
    """

    book: str
    seq: int
    result: str
    reason: str
    dedupe_id: str

    @property
    def event_id(self) -> str:
        """What to repeat the call under: the id of the event, or of the transfer it is of."""
        return unescape_id(self.dedupe_id.split("/")[1])

    @property
    def already(self) -> bool:
        """Whether it had counted before: by an earlier call, or an attempt without an answer."""
        return self.result == "duplicate"

    def fields(self) -> dict[str, Any]:
        """The fields every answer has."""
        return {
            "book": self.book,
            "seq": self.seq,
            "result": self.result,
            "reason": self.reason,
            "dedupe_id": self.dedupe_id,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserved(Posted):
    """A reservation that stands; `amount` is what was asked for."""

    location: str
    token: str
    amount: Amount


@dataclass(frozen=True, slots=True, kw_only=True)
class Released(Posted):
    """A release; `amount` is what it gave back, 0 when nothing was reserved."""

    amount: Amount


class CapitalError(Exception):
    """What was asked was not done; the text is one line that says why."""


class InsufficientBalance(CapitalError):
    """A balance has less available than was to be reserved of it."""

    def __init__(self, requested: Amount, available: Amount, location: str, token: str) -> None:
        super().__init__(
            f"insufficient balance: {requested} {token} asked at {location}, {available} available"
        )
        self.requested = requested
        self.available = available
        self.location = location
        self.token = token


class Unanswered(ServerError):
    """The server did not answer, so that nobody knows whether the event counted.

    The same call with this `event_id` is safe: it counts once.
    """

    def __init__(self, text: str, event_id: str) -> None:
        super().__init__(f"{text}; nobody knows whether it counted, repeat it as {event_id}")
        self.event_id = event_id
