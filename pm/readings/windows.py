"""Latencies of the last minutes, out of counters that only grow.

Now and then the counts are put aside; what has come since is the window. It is between one and two
spans long once there were two snapshots, and all there is before.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import redis

from pm import keys
from pm.counting.catalogue import APPLY_SECONDS, BUCKETS, QUERY_SECONDS, UPDATE_SECONDS
from pm.counting.stored import Counted, Histogram, read_counted

SPAN_S: Final = 300
_OLDER: Final = "window.older"
_NEWER: Final = "window.newer"
WATCHED: Final = (UPDATE_SECONDS, APPLY_SECONDS, QUERY_SECONDS)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The buckets of the watched histograms, over all labels, at a time in ns."""

    at: int
    counts: Mapping[str, list[int]]

    @classmethod
    def of(cls, counted: Counted, at: int) -> Snapshot:
        """The counts of now."""
        return cls(at, {name: counted.total(name).counts for name in WATCHED})

    def text(self) -> str:
        """As it is stored."""
        return json.dumps({"at": self.at, "counts": self.counts}, separators=(",", ":"))

    @classmethod
    def parse(cls, text: str | bytes) -> Snapshot | None:
        """What was stored; None for nothing, or for that of another version of this program."""
        try:
            told = json.loads(text)
            snapshot = cls(int(told["at"]), told["counts"])
        except (ValueError, KeyError, TypeError):
            return None
        fits = all(len(snapshot.counts.get(name, ())) == len(BUCKETS) for name in WATCHED)
        return snapshot if fits else None


@dataclass(frozen=True, slots=True)
class Window:
    """Observations of one histogram in the last `seconds`; None is since counting began."""

    histogram: Histogram
    seconds: int | None

    def share_above(self, bound: str) -> float:
        """Which part of the observations is above a bucket's bound; 0 without any."""
        count = self.histogram.count
        above = sum(self.histogram.counts[BUCKETS.index(bound) + 1 :])
        return above / count if count else 0.0

    def bound_of(self, share: float) -> str:
        """The bound (seconds) of the bucket in which this part of the observations is reached."""
        wanted = share * self.histogram.count
        done = 0
        for bound, count in zip(BUCKETS, self.histogram.counts, strict=True):
            done += count
            if done >= wanted and done:
                return bound
        return BUCKETS[0]


def window(name: str, counted: Counted, before: Snapshot | None, now_ns: int) -> Window:
    """What one watched histogram has seen since a snapshot."""
    now = counted.total(name)
    if before is None:
        return Window(now, None)
    since = [new - old for new, old in zip(now.counts, before.counts[name], strict=True)]
    if any(count < 0 for count in since):
        return Window(now, None)  # the server was restored to an earlier state
    return Window(Histogram(since), max(0, (now_ns - before.at) // 1_000_000_000))


def rotated(
    older: Snapshot | None, newer: Snapshot | None, current: Snapshot
) -> tuple[Snapshot | None, Snapshot]:
    """The two snapshots to keep from now on: the older one is what windows begin at."""
    if newer is None:
        return None, current
    if current.at - newer.at < SPAN_S * 1_000_000_000:
        return older, newer
    return newer, current


@dataclass(frozen=True, slots=True)
class Counts:
    """What was counted, and what of it belongs to the last minutes."""

    counted: Counted
    windows: Mapping[str, Window]


def read_counts(client: redis.Redis, now_ns: int) -> Counts:
    """All counters, and the windows since the older snapshot; raises what redis-py does."""
    pipeline = client.pipeline(transaction=False)
    pipeline.hgetall(keys.metrics())
    pipeline.hmget(keys.gauges(), [_OLDER, _NEWER])
    stored, snapshots = pipeline.execute()
    counted = read_counted(stored)
    older, newer = map(_parsed, snapshots)
    begin = older or newer
    return Counts(counted, {name: window(name, counted, begin, now_ns) for name in WATCHED})


def keep_snapshot(client: redis.Redis, counted: Counted, now_ns: int) -> None:
    """Put the counts aside if the last time is a span ago."""
    stored: Any = client.hmget(keys.gauges(), [_OLDER, _NEWER])
    before, last = map(_parsed, stored)
    older, newer = rotated(before, last, Snapshot.of(counted, now_ns))
    if newer is not last:
        kept = {_OLDER: older, _NEWER: newer}
        fields: dict[Any, Any] = {
            name: told.text() for name, told in kept.items() if told is not None
        }
        client.hset(keys.gauges(), mapping=fields)


def _parsed(text: str | bytes | None) -> Snapshot | None:
    return None if text is None else Snapshot.parse(text)
