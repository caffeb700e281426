"""Submits single events and waits for what became of them, through lost connections.

An event's id makes it count once, so a call whose answer got lost is made again; a "duplicate" may
then be its own first attempt. What a book cannot take at all is an error; what it decides, even a
refusal, is an answer.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

import redis
from redis import exceptions

from pm.books.applying import Applier, Submission
from pm.books.opening import BookError
from pm.settings import Settings

REPEATS: Final = 3
_FIRST_PAUSE_S: Final = 0.01
_LOST: Final = (exceptions.ConnectionError, exceptions.TimeoutError)
# These say that asking again is useless.
_REFUSALS: Final = (exceptions.AuthenticationError, exceptions.NoPermissionError)


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of an event: `result` and `reason` of journal entry `seq`, `effects` as JSON."""

    seq: int
    result: str
    reason: str
    effects: str


class Submitter:
    """Submits events to the books of one server; threads may share one.

    Its client must not decode, and repeat nothing by itself.
    """

    def __init__(
        self,
        server: redis.Redis,
        *,
        quarantine_max: int,
        sharded_updates: bool,
        repeats: int = REPEATS,
    ) -> None:
        self._server = server
        self._quarantine_max = quarantine_max
        self._sharded_updates = sharded_updates
        self._repeats = repeats
        self._appliers: dict[str, Applier] = {}

    @classmethod
    def of(cls, server: redis.Redis, settings: Settings) -> Submitter:
        """One that submits as the settings say."""
        return cls(
            server,
            quarantine_max=settings.portfolio_manager.quarantine_max_entries,
            sharded_updates=settings.redis.sharded_updates,
        )

    def submit(self, book: str, facts_text: str) -> Taken:
        """Submit one event by its facts; BookError where the book takes nothing.

        After the last attempt redis-py's error gets out, and nobody knows whether it counted.
        """
        applier = self._applier(book)
        attempt = 0
        while True:
            try:
                submission = applier.submit(self._server, (facts_text,))
                break
            except _LOST as error:
                if attempt == self._repeats or isinstance(error, _REFUSALS):
                    raise
                time.sleep(_FIRST_PAUSE_S * 4**attempt)
                attempt += 1
        _check(book, submission)
        return Taken(submission.seq, *submission.answers[0])

    def _applier(self, book: str) -> Applier:
        found = self._appliers.get(book)
        if found is None:
            found = Applier(book, self._quarantine_max, self._sharded_updates)
            self._appliers[book] = found
        return found


def _check(book: str, submission: Submission) -> None:
    """BookError that says why a book took nothing."""
    match submission.status:
        case "submitted":
            return
        case "no_book":
            raise BookError(f"book {book} does not exist")
        case "full":
            raise BookError(
                f"book {book} refused the event, and its quarantine is full: `pm quarantine`"
            )
        case "torn":
            raise BookError(f"book {book} is torn: its journal is ahead of its state")
        case "failed":
            raise BookError(f"book {book} cannot decide the event: {submission.error}")
