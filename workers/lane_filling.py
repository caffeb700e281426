"""One lane being filled from the outbox: where it stands, what goes next, what its answers mean.

Each call says from which number it begins, and the lane answers whether that is next. So nothing
has to be remembered: a lane that is new here, or may have changed unseen, is asked where it stands,
and filling goes on from there. It begins with the entry the lane ends with, which the lane compares
with its own. A lane that another outbox writes, or that holds other entries or more of them than
this outbox ever sent, is a conflict: two histories cannot be mended here.
"""

from __future__ import annotations

import logging
import random
import time
from dataclasses import dataclass
from typing import Any, Final

import redis

from pm import keys
from pm.crash_points import crash_point
from pm.functions import library
from workers.outbox import Entry, OutboxLane, OutboxReader

BATCH_ENTRIES: Final = 200
BATCH_BYTES: Final = 256 << 10
_FIRST_BUSY_S: Final = 0.005
_LONGEST_BUSY_S: Final = 0.25
_SAY_BUSY_AFTER_S: Final = 1.0

log = logging.getLogger(__name__)


class LaneConflict(Exception):
    """The lane and the outbox tell different histories; the text is one line."""


@dataclass(slots=True)
class LaneFilling:
    """How far one lane is. `top` is its last number, None until it was asked; times are monotonic.

    `sent` is the highest number that can be in the lane, `room` what it takes of the next batch.
    """

    lane: OutboxLane
    identity: str
    ahead_max: int
    sent: int
    top: int | None = None
    heard_at: float = 0.0
    busy_until: float = 0.0
    refused: bool = False
    _room: int | None = None
    _busy_pause_s: float = _FIRST_BUSY_S
    _busy_since: float | None = None
    _said_busy: bool = False

    @property
    def pending(self) -> int:
        """How many entries the lane does not have yet, as far as known."""
        return self.lane.last - (self.lane.confirmed if self.top is None else self.top)

    def learn(self, client: redis.Redis, reader: OutboxReader) -> None:
        """Ask where the lane ends, and begin there."""
        top = self._ask(client)
        # The last entry goes again, so that the lane compares it with the outbox.
        self.top = top - 1 if top and reader.one(self.lane, top) is not None else top
        log.info("lane asked %s top=%d last=%d", self.lane, top, self.lane.last)

    def look(self, client: redis.Redis) -> None:
        """See whether the lane still ends where it did; if not, it has to be learnt anew."""
        top = self._ask(client)
        if self.top is not None and top < self.top:
            self._lost_tail(top)

    def send(self, client: redis.Redis, reader: OutboxReader) -> bool:
        """Append the next entries; whether more can be sent at once."""
        assert self.top is not None
        count = min(BATCH_ENTRIES, self.ahead_max, self._room or BATCH_ENTRIES)
        entries = reader.after(self.lane, self.top, count, BATCH_BYTES)
        self.sent = max(self.sent, entries[-1].number)
        crash_point("before_append")
        reply = library.call(client, "append", self._keys(), self._arguments(entries))
        crash_point("after_append")
        self.heard_at = time.monotonic()
        return self._answered(entries, reply)

    def _keys(self) -> list[str]:
        book, name = self.lane.book, self.lane.name
        return [
            keys.lane(book, name),
            keys.lane_source(book, name),
            keys.book(book),
            keys.lanes(book),
        ]

    def _arguments(self, entries: list[Entry]) -> list[str | bytes]:
        first = str(entries[0].number)
        arguments: list[str | bytes] = [self.identity, self.lane.name, first, str(self.ahead_max)]
        for entry in entries:
            arguments += (entry.frame, str(entry.received_at), entry.context)
        return arguments

    def _ask(self, client: redis.Redis) -> int:
        source = keys.lane_source(self.lane.book, self.lane.name)
        answer: list[Any] = client.hmget(source, ["outbox", "top"])
        owner, top_text = answer
        self.heard_at = time.monotonic()
        if owner is not None and owner.decode() != self.identity:
            raise LaneConflict(
                f"it is written by outbox {owner.decode()}, and this one is {self.identity}: "
                "use that outbox, or give this gateway a gateway.source of its own"
            )
        top = int(top_text or 0)
        self._check_top(top)
        return top

    def _answered(self, entries: list[Entry], reply: list[str]) -> bool:
        status, top = reply[0], int(reply[1])
        if status == "conflict":
            raise LaneConflict(self._conflict(reply[3]))
        self._check_top(top)
        if status in ("appended", "duplicate"):
            self.top = self.lane.confirmed = entries[-1].number
            self._no_longer_busy()
            return self.top < self.lane.last
        if status == "gap":
            self._lost_tail(top)
            return True
        if status == "busy":
            return self._busy(top, reply[2])
        raise AssertionError(f"append answered {status}")

    def _busy(self, top: int, cursor: str) -> bool:
        room = int(cursor.partition("-")[0]) + self.ahead_max - top
        if room > 0:
            self._room = room
            return True
        now = time.monotonic()
        self._room = None
        self._busy_since = self._busy_since or now
        self.busy_until = now + self._busy_pause_s * random.uniform(0.5, 1.0)
        self._busy_pause_s = min(2 * self._busy_pause_s, _LONGEST_BUSY_S)
        if now - self._busy_since > _SAY_BUSY_AFTER_S and not self._said_busy:
            self._said_busy = True
            log.warning(
                "lane busy %s top=%d cursor=%s pending=%d: no worker keeps up",
                *(self.lane, top, cursor, self.pending),
            )
        return False

    def _no_longer_busy(self) -> None:
        self._room = self._busy_since = None
        self._busy_pause_s = _FIRST_BUSY_S
        if self._said_busy:
            self._said_busy = False
            log.info("lane takes entries again %s", self.lane)

    def _lost_tail(self, top: int) -> None:
        log.warning("lane lost its tail %s had=%s has=%d: sending again", self.lane, self.top, top)
        self.lane.confirmed = min(self.lane.confirmed, top)
        self.top = None

    def _check_top(self, top: int) -> None:
        if top > self.sent:
            raise LaneConflict(
                f"it has {top} entries, and this outbox sent only {self.sent}: the outbox is an "
                "older copy, or a copy is in use elsewhere; set it aside and give the gateway a "
                "new gateway.source"
            )

    def _conflict(self, number: str) -> str:
        if number == "0":
            return f"another outbox than this one ({self.identity}) writes it"
        return (
            f"its entry {number} is not the one in this outbox: a copy of the outbox is in use "
            "elsewhere; set one aside and give its gateway a new gateway.source"
        )
