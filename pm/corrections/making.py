"""Makes a correction: derives what it changes and submits it, again while the position moves.

Everything it knows is in the books, so it may be killed at any moment and done again by anybody:
what is asked stays open until the entry that makes it, and that entry counts once.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import redis

from pm import keys
from pm.books.submitting import Submitter
from pm.corrections import requests
from pm.corrections.derive import Derivation, derive
from pm.corrections.errors import CannotCorrect, TradeUnknown
from pm.corrections.restatement_facts import failure_facts, restatement_facts
from pm.corrections.searching import before_trade
from pm.corrections.terms import Request
from pm.crash_points import crash_point
from pm.history import History
from pm.rules.facts import FactsError

ATTEMPTS: Final = 20
"""How often it is derived again when the position moves meanwhile."""


@dataclass(frozen=True, slots=True)
class Made:
    """What became of a correction; `seq` is the entry that ended it, 0 without one.

    waiting: its trade is not booked yet. moving: the position moved at every attempt. ended: it had
    been made, or had failed, before.
    """

    status: Literal["restated", "failed", "waiting", "moving", "ended"]
    seq: int = 0
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Corrections:
    """Makes the corrections of one server's books."""

    client: redis.Redis
    submitter: Submitter
    history: History
    clock: Callable[[], int] = time.time_ns

    def make(self, book: str, correction: str, *, after: int = 0) -> Made:
        """Make one that was asked for; its trade is looked for in entries after `after`."""
        derivation: Derivation | None = None
        for _ in range(ATTEMPTS):
            request = requests.open_request(self.client, book, correction)
            if request is None:
                return Made("ended")
            if not self._knows_order(book, request.execution):
                return Made("waiting")
            try:
                derivation = self._derived(book, request, after, derivation)
                facts = restatement_facts(derivation.restatement(), self.clock())
            except TradeUnknown:
                return Made("waiting")
            except CannotCorrect as error:
                return self._fail(book, correction, error)
            crash_point("correction_derived")
            taken = self.submitter.submit(book, facts)
            crash_point("correction_submitted")
            if taken.result == "applied":
                return Made("restated", taken.seq)
            if taken.reason != "position_moved":
                return Made("ended")
        return Made("moving")

    def _derived(
        self, book: str, request: Request, after: int, known: Derivation | None
    ) -> Derivation:
        """What is known with what has happened since, or all of it from the trade on."""
        try:
            if known is not None and known.follow(self.history, book):
                return known
            start = max(after, before_trade(self.client, book, request.execution))
            return derive(self.history, book, request, after=start)
        except (FactsError, ArithmeticError) as error:
            raise CannotCorrect("not_reproducible", str(error)) from None

    def _knows_order(self, book: str, execution: str) -> bool:
        """Whether the order of an execution is in the book, which its trade would be too."""
        venue, order, _ = execution.split("/")
        return bool(self.client.exists(keys.order(book, f"{venue}:{order}")))

    def _fail(self, book: str, correction: str, error: CannotCorrect) -> Made:
        facts = failure_facts(correction, error.reason, error.detail, self.clock())
        crash_point("correction_refused")
        taken = self.submitter.submit(book, facts)
        if taken.result != "applied":
            return Made("ended")
        return Made("failed", taken.seq, error.detail)
