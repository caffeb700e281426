"""Where a feed's plan stands between two calls: what it is waiting for, and until when.

Both feeds share it, so that a call with a short timeout neither loses the wait it interrupts nor
starts it anew.
"""

from __future__ import annotations

import time
from typing import Any

from redis import exceptions

from pm.client.errors import FeedError
from pm.client.following import Effect, Outage, Pause, Progress, Receive, follow
from pm.client.updates import Update
from pm.connect import ServerError
from pm.connect.errors import explain

CHECK_EVERY_S = 5.0
CONFIRM_WITHIN_S = 5.0

_REFUSALS = (exceptions.AuthenticationError, exceptions.AuthorizationError)
_OUTAGES = (
    exceptions.ConnectionError,
    exceptions.TimeoutError,
    exceptions.ClusterDownError,
    exceptions.TryAgainError,
    OSError,
)


class Course:
    """One run of a feed's plan; `server` is what errors call the server."""

    def __init__(
        self,
        server: str,
        book: str,
        *,
        from_seq: int | None,
        sharded: bool,
        survive_outages: bool,
        check_every_s: float,
    ) -> None:
        if from_seq is not None and from_seq < 1:
            raise ValueError(f"from_seq: {from_seq} is no seq, the first is 1")
        self._server = server
        self.progress = Progress(book, None if from_seq is None else from_seq - 1)
        self._following = follow(
            self.progress,
            sharded=sharded,
            survive_outages=survive_outages,
            check_every_s=check_every_s,
        )
        self._effect: Effect | None = None
        self._until = 0.0

    def effect(self) -> Effect:
        """What is to be done now."""
        return self.advance(None) if self._effect is None else self._effect

    def advance(self, outcome: Any) -> Effect:
        """What is to be done next, the present effect having come to `outcome`."""
        try:
            return self._begin(self._following.send(outcome))
        except StopIteration:
            raise FeedError(f"book {self.progress.book}: the feed is closed") from None
        except Outage as outage:
            raise self._server_error(outage.cause) from outage.cause

    def fail(self, error: Exception) -> Effect:
        """What is to be done next, the present effect having failed; ServerError to give up."""
        if isinstance(error, _REFUSALS) or not isinstance(error, _OUTAGES):
            self.close()
            raise self._server_error(error) from error
        try:
            return self._begin(self._following.throw(Outage(error)))
        except Outage as outage:
            raise self._server_error(outage.cause) from outage.cause

    def take(self, update: Update) -> Update:
        """Hand an update over: the plan goes on at the next call."""
        self._effect = None
        return update

    def close(self) -> None:
        """End the plan."""
        self._following.close()
        self._effect = None

    def wait_s(self, deadline: float | None) -> float:
        """How long the present effect may wait, for itself and for a caller's deadline."""
        until = self._until if deadline is None else min(self._until, deadline)
        return max(0.0, until - time.monotonic())

    def is_over(self) -> bool:
        """Whether the present effect has waited its own time."""
        return time.monotonic() >= self._until

    def _begin(self, effect: Effect) -> Effect:
        self._effect = effect
        if isinstance(effect, Receive | Pause):
            self._until = time.monotonic() + effect.timeout_s
        return effect

    def _server_error(self, error: Exception) -> ServerError:
        return ServerError(explain(error, self._server))


def text_of(message: Any) -> str | None:
    """The text of what a subscription brought, None for nothing.

    Anything but a message means the subscription was made anew or ended: ConnectionError.
    """
    if message is None:
        return None
    if message["type"] in ("message", "smessage"):
        text: str = message["data"]
        return text
    raise exceptions.ConnectionError(f"the subscription was interrupted ({message['type']})")


def check_confirmed(message: Any) -> None:
    """ConnectionError unless the server has confirmed the subscription."""
    if message is None or message["type"] not in ("subscribe", "ssubscribe"):
        raise exceptions.ConnectionError("the subscription was not confirmed")
