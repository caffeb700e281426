"""Takes what the relay's socket gave, cuts it into frames and commits those that matter.

Whatever has come in meanwhile is one burst, and a burst is one commit: at low load a frame is
committed alone and at once, under load many share the cost of one sync. When the outbox takes
nothing (a full disk), the same burst is tried again while the backlog grows in memory. Old entries
are pruned here, between bursts and in slices, because the outbox has one writer.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from typing import Final, TypeVar

from pm.wire.frame import Frame
from pm.wire.stream import Rejected
from workers.frame_routing import FrameRouting
from workers.order_registry import OrderRegistry
from workers.outbox import HOUR_NS, NewEntry, Outbox
from workers.outbox_file import OutboxUnavailable
from workers.relay_frames import RelayFrames
from workers.relay_socket import Backlog

ORDERS_KEPT_DAYS: Final = 90
_BURST_BYTES: Final = 64 << 10
_POLL_S: Final = 0.2
_TRY_AGAIN_S: Final = 0.5
_TRY_AT_STOP_S: Final = 5.0
_TIDY_EVERY_S: Final = 60.0
_NEXT_SLICE_S: Final = 0.2
_REPORT_EVERY_S: Final = 1.0

log = logging.getLogger(__name__)
_Result = TypeVar("_Result")


@dataclass(slots=True)
class FrameCounts:
    """What came from the relay since the start; `entries` counts a frame once for each book."""

    frames: int = 0
    entries: int = 0
    damaged: int = 0
    other_domain: int = 0
    without_execution: int = 0
    skipped_bytes: int = 0

    def __str__(self) -> str:
        return " ".join(f"{name}={count}" for name, count in asdict(self).items())


class OutboxWriter:
    """Runs in a thread of its own until the backlog is closed and empty."""

    def __init__(
        self,
        source: str,
        backlog: Backlog,
        frames: RelayFrames,
        outbox: Outbox,
        registry: OrderRegistry,
        routing: FrameRouting,
        *,
        retention_days: int,
        written: threading.Event,
        stopping: threading.Event,
    ) -> None:
        self.counts = FrameCounts()
        self._source = source
        self._backlog = backlog
        self._frames = frames
        self._outbox = outbox
        self._registry = registry
        self._routing = routing
        self._retention_ns = retention_days * 24 * HOUR_NS
        self._written = written
        self._stopping = stopping
        self._tidy_at = 0.0
        self._report_at = 0.0
        self._reported = (0, 0)

    def run(self) -> None:
        """Commit bursts until nothing more comes; OutboxError when the outbox is lost."""
        while True:
            chunks = self._backlog.take(_BURST_BYTES, _POLL_S)
            entries: list[NewEntry] = []
            for chunk in chunks:
                records = (
                    self._frames.feed(chunk.data, chunk.received_at)
                    if chunk.data
                    else self._frames.end()
                )
                self._route(records, chunk.received_at, entries)
            now = time.time_ns()
            self._route(self._frames.check_stalled(now), now, entries)
            self._commit(entries)
            self._report_damage()
            if not chunks and self._backlog.closed:
                return
            self._tidy(now)

    def _route(
        self, records: list[Frame | Rejected], received_at: int, entries: list[NewEntry]
    ) -> None:
        for record in records:
            if isinstance(record, Rejected):
                self.counts.damaged += 1
                entries.append(self._routing.entry_of_piece(record.raw, received_at))
                continue
            self.counts.frames += 1
            if record.ignored is not None:
                self.counts.other_domain += 1
                continue
            found = self._patiently(partial(self._routing.entries_of, record, received_at))
            if not found:
                self.counts.without_execution += 1
            entries += found

    def _commit(self, entries: list[NewEntry]) -> None:
        orders = self._registry.changed()
        if not entries and not orders:
            return
        self._patiently(partial(self._outbox.write, self._source, entries, orders))
        self._registry.kept()
        self.counts.entries += len(entries)
        if entries:
            self._written.set()

    def _patiently(self, action: Callable[[], _Result]) -> _Result:
        """Do it until the outbox takes it; when stopping, only for a while."""
        give_up_at = None
        said = False
        while True:
            try:
                result = action()
            except OutboxUnavailable as error:
                if self._stopping.is_set():
                    give_up_at = give_up_at or time.monotonic() + _TRY_AT_STOP_S
                    if time.monotonic() > give_up_at:
                        raise
                if not said:
                    said = True
                    log.error("outbox takes nothing, trying again: %s", error)
                time.sleep(_TRY_AGAIN_S)
            else:
                if said:
                    log.info("outbox takes entries again path=%s", self._outbox.path)
                return result

    def _tidy(self, now: int) -> None:
        if time.monotonic() < self._tidy_at:
            return
        self._tidy_at = time.monotonic() + _TIDY_EVERY_S
        try:
            self._outbox.mark_confirmed(now)
            hours = now // HOUR_NS - 24 * ORDERS_KEPT_DAYS
            if self._outbox.prune(now - self._retention_ns, hours):
                self._tidy_at = time.monotonic() + _NEXT_SLICE_S
        except OutboxUnavailable as error:
            log.warning("outbox not tidied: %s", error)

    def _report_damage(self) -> None:
        self.counts.skipped_bytes = self._frames.skipped_bytes
        found = (self.counts.damaged, self.counts.skipped_bytes)
        if found != self._reported and time.monotonic() >= self._report_at:
            self._report_at = time.monotonic() + _REPORT_EVERY_S
            self._reported = found
            log.warning("relay damage since start pieces=%d skipped_bytes=%d", *found)
