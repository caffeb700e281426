"""Brings what the outbox holds into the lanes, in order, whatever happens to Redis.

A lost connection or reply changes nothing: when the server answers again every lane is asked where
it stands. While nothing is sent the lanes are asked once a second, so that a server which came back
with less than it had confirmed (an older append-only file, a replica without the tail) is caught up
even if the relay is silent. A lane in conflict is left as it is, and the gateway ends.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from dataclasses import dataclass, field
from typing import Final

import redis
from redis import exceptions

from pm.archive import ArchiveError
from pm.archive.fitting import refuse_lost
from pm.books.opening import open_book
from pm.connect import ServerError, check_server, connect
from pm.connect.errors import explain
from pm.functions.library import LibraryMissing
from pm.settings import Settings
from workers.lane_filling import LaneConflict, LaneFilling
from workers.outbox import Outbox, OutboxLane, OutboxReader
from workers.outbox_file import OutboxError, OutboxUnavailable

CHECK_EVERY_S: Final = 1.0
FINISH_WITHIN_S: Final = 5.0
_FIRST_PAUSE_S: Final = 0.05
_LONGEST_PAUSE_S: Final = 5.0
_PASSING: Final = (
    exceptions.RedisError,
    OSError,
    ServerError,
    LibraryMissing,
    OutboxUnavailable,
    ArchiveError,
)

log = logging.getLogger(__name__)


@dataclass(slots=True)
class LaneSender:
    """Runs in a thread of its own; `written` wakes it, `finish` lets it end.

    `failed` says that a lane was given up.
    """

    settings: Settings
    target: str
    outbox: Outbox
    written: threading.Event
    failed: bool = False
    _fillings: dict[int, LaneFilling] = field(default_factory=dict)
    _pause_s: float = _FIRST_PAUSE_S
    _trouble: str = ""
    _checked: bool = False
    _alarmed: bool = False
    _finish_by: float | None = None

    def run(self, give_up: threading.Event) -> None:
        """Send until `finish` was called and nothing is left; sets `give_up` on a conflict."""
        client = connect(self.target, role="gateway", decode=False)
        reader = self.outbox.reader()
        try:
            while not self._is_done():
                self.written.clear()
                try:
                    more = self._round(client, reader, give_up)
                except _PASSING as error:
                    self._hold(error)
                    continue
                self._alarm()
                if not more:
                    self._wait()
        finally:
            reader.close()
            client.close()

    def finish(self) -> None:
        """Send what is in hand, for a bounded time, then end."""
        self._finish_by = time.monotonic() + FINISH_WITHIN_S
        self.written.set()

    @property
    def pending(self) -> int:
        """How many entries the lanes do not have yet, as far as known."""
        return sum(self._filling(lane).pending for lane in list(self.outbox.lanes))

    def _is_done(self) -> bool:
        if self._finish_by is None:
            return False
        if time.monotonic() > self._finish_by or self._trouble:
            return True
        fillings = [self._filling(lane) for lane in self.outbox.lanes]
        return not any(filling.pending for filling in fillings if not filling.refused)

    def _filling(self, lane: OutboxLane) -> LaneFilling:
        found = self._fillings.get(lane.id)
        if found is None:
            ahead_max = self.settings.gateway.max_in_flight_entries
            found = LaneFilling(lane, self.outbox.identity, ahead_max, sent=lane.last_before)
            self._fillings[lane.id] = found
        return found

    def _round(self, client: redis.Redis, reader: OutboxReader, give_up: threading.Event) -> bool:
        """Do for each lane what is to be done, once; whether more can be done at once."""
        if not self._checked:
            self._check_server(client)
        more = False
        for filling in [self._filling(lane) for lane in list(self.outbox.lanes)]:
            if filling.refused:
                continue
            try:
                more |= self._serve(client, reader, filling)
            except OutboxUnavailable:
                raise
            except (LaneConflict, OutboxError) as error:
                filling.refused = self.failed = True
                log.error("lane stopped %s: %s", filling.lane, error)
                give_up.set()
        self._recovered()
        return more

    def _serve(self, client: redis.Redis, reader: OutboxReader, filling: LaneFilling) -> bool:
        now = time.monotonic()
        if filling.top is None:
            self._open_book(client, filling.lane.book)
            filling.learn(client, reader)
        elif not filling.pending or now < filling.busy_until:
            if now - filling.heard_at >= CHECK_EVERY_S:
                filling.look(client)
            return filling.top is None
        return filling.pending > 0 and filling.send(client, reader)

    def _check_server(self, client: redis.Redis) -> None:
        allow = self.settings.redis.allow_no_persistence
        check_server(client, self.target, allow_no_persistence=allow)
        self._checked = True

    def _open_book(self, client: redis.Redis, book: str) -> None:
        refuse_lost(client, self.settings.archive_path, book)
        size = self.settings.portfolio_manager.seen_generation_size
        if open_book(client, book, seen_generation_size=size):
            log.info("book opened book=%s", book)

    def _hold(self, error: Exception) -> None:
        """Note that nothing can be sent, and wait; afterwards every lane is asked anew."""
        for filling in self._fillings.values():
            filling.top = None
        self._checked = False
        is_ours = isinstance(error, (ServerError, LibraryMissing, OutboxError, ArchiveError))
        text = str(error) if is_ours else explain(error, self.target)
        if text != self._trouble:
            self._trouble = text
            log.warning("sending paused, trying again: %s", text)
        self._alarm()
        if self._finish_by is None:
            time.sleep(self._pause_s * random.uniform(0.5, 1.0))
        self._pause_s = min(2 * self._pause_s, _LONGEST_PAUSE_S)

    def _recovered(self) -> None:
        if self._trouble:
            log.info("sending again pending=%d", self.pending)
            self._trouble = ""
        self._pause_s = _FIRST_PAUSE_S

    def _wait(self) -> None:
        now = time.monotonic()
        waiting = [f for f in self._fillings.values() if f.pending and not f.refused]
        pauses = [filling.busy_until - now for filling in waiting]
        self.written.wait(max(0.001, min([CHECK_EVERY_S, *pauses])))

    def _alarm(self) -> None:
        limit = self.settings.gateway.outbox_alarm_entries
        pending = self.pending
        if pending > limit and not self._alarmed:
            self._alarmed = True
            log.error("outbox over its watermark pending=%d limit=%d", pending, limit)
        elif self._alarmed and pending <= limit // 2:
            self._alarmed = False
            log.info("outbox under its watermark pending=%d limit=%d", pending, limit)
