"""What a gateway tells of itself: frames and connections as counters, its outbox as a gauge."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import redis

from pm import keys
from pm.counting.catalogue import (
    FRAMES,
    FRAMES_DAMAGED,
    GATEWAY_SEEN,
    OUTBOX_ENTRIES,
    OUTBOX_PENDING,
    RELAY_CONNECTIONS,
    Series,
)
from pm.counting.recorder import Recorder
from pm.counting.stored import counter_field


@dataclass(slots=True)
class GatewayWatch:
    """Called before each report; `totals` gives what was counted since the start, by metric."""

    source: str
    totals: Callable[[], dict[str, int]]
    pending: Callable[[], int]
    _told: dict[str, int] = field(default_factory=dict)

    def __call__(self, recorder: Recorder, client: redis.Redis) -> None:
        """Count what is new, and store how much waits."""
        for name, total in self.totals().items():
            recorder.count(Series(name, (self.source,)), total - self._told.get(name, 0))
            self._told[name] = total
        gauges: dict[Any, Any] = {
            counter_field(Series(OUTBOX_PENDING, (self.source,))): self.pending(),
            counter_field(Series(GATEWAY_SEEN, (self.source,))): int(time.time()),
        }
        client.hset(keys.gauges(), mapping=gauges)


def totals_by_metric(frames: int, damaged: int, entries: int, connections: int) -> dict[str, int]:
    """What a gateway has counted since it started, under the names of the metrics."""
    return {
        FRAMES: frames,
        FRAMES_DAMAGED: damaged,
        OUTBOX_ENTRIES: entries,
        RELAY_CONNECTIONS: connections,
    }
