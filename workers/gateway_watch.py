"""What a gateway tells of itself: frames and connections as counters, its outbox as a gauge."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import redis

from pm import keys
from pm.counting.catalogue import (
    BYTES_SKIPPED,
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
from workers.outbox_writer import FrameCounts


@dataclass(slots=True)
class GatewayWatch:
    """Called before each report; `counts` and `connections` are since the start."""

    source: str
    counts: FrameCounts
    connections: Callable[[], int]
    pending: Callable[[], int]
    _told: dict[str, int] = field(default_factory=dict)

    def __call__(self, recorder: Recorder, client: redis.Redis) -> None:
        """Count what is new, and store how much waits."""
        for name, total in self._totals().items():
            recorder.count(Series(name, (self.source,)), total - self._told.get(name, 0))
            self._told[name] = total
        gauges: dict[Any, Any] = {
            counter_field(Series(OUTBOX_PENDING, (self.source,))): self.pending(),
            counter_field(Series(GATEWAY_SEEN, (self.source,))): int(time.time()),
        }
        client.hset(keys.gauges(), mapping=gauges)

    def _totals(self) -> dict[str, int]:
        return {
            FRAMES: self.counts.frames,
            FRAMES_DAMAGED: self.counts.damaged,
            BYTES_SKIPPED: self.counts.skipped_bytes,
            OUTBOX_ENTRIES: self.counts.entries,
            RELAY_CONNECTIONS: self.connections(),
        }
