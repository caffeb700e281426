"""Counts in memory, whole numbers only, until a reporter takes them. Threads may share one."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Iterable
from typing import Final

from pm.counting.catalogue import BOUNDS_NS, BUCKETS, Series
from pm.counting.stored import bucket_field, counter_field, sum_field

_NS_A_US: Final = 1_000


class _Histogram:
    __slots__ = ("counts", "sum_ns")

    def __init__(self) -> None:
        self.counts = [0] * len(BUCKETS)
        self.sum_ns = 0


class Recorder:
    """What one process has counted since it was last taken."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[Series, int] = {}
        self._histograms: dict[Series, _Histogram] = {}

    def count(self, series: Series, amount: int = 1) -> None:
        """Add to a counter."""
        with self._lock:
            self._counts[series] = self._counts.get(series, 0) + amount

    def observe(self, series: Series, duration_ns: int) -> None:
        """Add one duration to a histogram."""
        self.observe_all(series, (duration_ns,))

    def observe_all(self, series: Series, durations_ns: Iterable[int]) -> None:
        """Add durations to a histogram; one below 0, of clocks that differ, counts as 0."""
        with self._lock:
            found = self._histograms.get(series)
            if found is None:
                found = self._histograms[series] = _Histogram()
            counts = found.counts
            for duration_ns in durations_ns:
                counts[bisect_left(BOUNDS_NS, duration_ns)] += 1
                if duration_ns > 0:
                    found.sum_ns += duration_ns

    def take(self) -> dict[str, int]:
        """What was counted since the last time, by the fields it is stored under."""
        with self._lock:
            taken = {counter_field(series): count for series, count in self._counts.items()}
            self._counts.clear()
            for series, found in self._histograms.items():
                for bound, count in zip(BUCKETS, found.counts, strict=True):
                    taken[bucket_field(series, bound)] = count
                # The part of a microsecond that is left waits for the next time.
                taken[sum_field(series)], found.sum_ns = divmod(found.sum_ns, _NS_A_US)
                found.counts = [0] * len(BUCKETS)
        return {field: count for field, count in taken.items() if count}
