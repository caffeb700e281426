"""Keeps the marks up with the day: the prices of its executions as they come into the books."""

from __future__ import annotations

import time
from collections.abc import Sequence

import redis

from pm.demo.prices import PricePoint, marks_of
from pm.marks import store


class PriceFeed:
    """Records what is newest of the day's prices; the client may decode or not."""

    def __init__(self, client: redis.Redis, points: Sequence[PricePoint]) -> None:
        self._client = client
        self._points = points
        self._next = 0

    def follow(self, executions: int) -> None:
        """Record the prices once so many executions were told, unless that is done."""
        reached = sum(point.executions <= executions for point in self._points)
        if reached > self._next:
            point = self._points[reached - 1]
            store.record(self._client, marks_of(point, point.at, time.time_ns()))
            self._next = reached

    def close(self, point: PricePoint) -> None:
        """Record the last prices of the day, as of now."""
        now = time.time_ns()
        store.record(self._client, marks_of(point, now, now))
