"""How many events one call may apply: readers wait while it runs, so its own time is bounded.

What a call takes on the wire is mostly not its own: the network, and the fsync the server does
before it answers, are paid once however many events there are. Shrinking the calls because of them
would only make them more. So the cost of one event is told apart as the slope of time over events,
and every few calls a smaller one is made, so that there is a slope to see.
"""

from __future__ import annotations

from dataclasses import dataclass

CALL_TARGET_S = 0.002
LEAST = 16
"""Calls this small are never too long; what is measured of them is noise."""

_KEPT = 0.98  # weight of the past at each call: about the last fifty count
_SMALLER_CALL_EVERY = 8


@dataclass(slots=True)
class CallSize:
    """The size of the next call, at most `most` events, from what the last ones took."""

    most: int
    limit: int = LEAST
    _calls: int = 0
    _weight: float = 0.0
    _events: float = 0.0
    _taken: float = 0.0
    _variance: float = 0.0
    _covariance: float = 0.0

    def next(self) -> int:
        """Events the next call may apply."""
        self._calls += 1
        smaller = self._calls % _SMALLER_CALL_EVERY == 0
        return max(1, min(self.most, self.limit // 2 if smaller else self.limit))

    def observe(self, events: int, taken_s: float) -> None:
        """Learn from a call that applied so many events."""
        self._weight = self._weight * _KEPT + 1.0
        share = 1.0 / self._weight
        from_mean = events - self._events
        self._events += share * from_mean
        self._taken += share * (taken_s - self._taken)
        self._variance = (1 - share) * (self._variance + share * from_mean**2)
        self._covariance += share * (from_mean * (taken_s - self._taken) - self._covariance)
        if events >= min(self.limit, self.most):
            self.limit = max(LEAST, min(self._affordable(), 2 * self.limit, self.most))

    def _affordable(self) -> int:
        if self._variance < 1.0 or self._covariance <= 0.0:
            return self.most
        return int(CALL_TARGET_S * self._variance / self._covariance)
