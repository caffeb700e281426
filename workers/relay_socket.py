"""Reads the relay's socket and does nothing else, because the relay drops what is not read.

One thread receives and puts what it got, with the time it got it, on a backlog in memory; whatever
disk and Redis do, it does not wait for them. The backlog is bounded: far behind, it says so; at its
bound reading stops until there is room, which leaves the relay's own queue as the last buffer.
Connecting is tried for ever, with a growing pause.
"""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections import deque
from pathlib import Path
from typing import Final, NamedTuple

from pm.crash_points import crash_point

FIRST_PAUSE_S: Final = 0.1
LONGEST_PAUSE_S: Final = 30.0
BACKLOG_ALARM_BYTES: Final = 16 << 20
BACKLOG_MAX_BYTES: Final = 256 << 20
_READ_BYTES: Final = 64 << 10
_POLL_S: Final = 0.2
_STEADY_S: Final = 1.0
_LAST_READ_BYTES: Final = 4 << 20
_CHUNK_OVERHEAD_BYTES: Final = 200

log = logging.getLogger(__name__)


class Chunk(NamedTuple):
    """Bytes as they came, and when (ns); no bytes: the connection ended here."""

    data: bytes
    received_at: int


class Backlog:
    """What was read and not yet committed, in order; bounded by bytes."""

    def __init__(
        self, alarm_bytes: int = BACKLOG_ALARM_BYTES, bytes_max: int = BACKLOG_MAX_BYTES
    ) -> None:
        self._alarm_bytes = alarm_bytes
        self._bytes_max = bytes_max
        self._chunks: deque[Chunk] = deque()
        self._size = 0
        self._changed = threading.Condition()
        self._alarmed = False
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether nothing more will come; what is there can still be taken."""
        return self._closed

    def put(self, chunk: Chunk) -> None:
        """Add a chunk; waits only while the backlog is at its bound."""
        with self._changed:
            if self._size >= self._bytes_max:
                log.error(
                    "backlog full bytes=%d: reading stops, the relay may lose messages", self._size
                )
                self._changed.wait_for(lambda: self._size < self._bytes_max or self._closed)
                log.warning("backlog has room bytes=%d: reading again", self._size)
            self._chunks.append(chunk)
            self._size += len(chunk.data) + _CHUNK_OVERHEAD_BYTES
            if self._size > self._alarm_bytes and not self._alarmed:
                self._alarmed = True
                log.warning(
                    "backlog grows bytes=%d: the outbox is slower than the relay", self._size
                )
            self._changed.notify_all()

    def take(self, bytes_max: int, timeout_s: float) -> list[Chunk]:
        """Take the oldest chunks, about `bytes_max` of them; none if none came in time."""
        with self._changed:
            self._changed.wait_for(lambda: self._chunks or self._closed, timeout_s)
            taken: list[Chunk] = []
            size = 0
            while self._chunks and size < bytes_max:
                taken.append(self._chunks.popleft())
                size += len(taken[-1].data) + _CHUNK_OVERHEAD_BYTES
            self._size -= size
            if self._alarmed and self._size < self._alarm_bytes // 2:
                self._alarmed = False
                log.info("backlog caught up bytes=%d", self._size)
            self._changed.notify_all()
        return taken

    def close(self) -> None:
        """Say that nothing more will come."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()


class RelaySocket:
    """Keeps one connection to the relay and puts what comes on the backlog."""

    def __init__(self, path: Path, backlog: Backlog, stopping: threading.Event) -> None:
        self._path = path
        self._backlog = backlog
        self._stopping = stopping
        self._pause_s = FIRST_PAUSE_S
        self._last_state = ""
        self.connections = 0

    def run(self) -> None:
        """Read until stopping is set, then what the kernel still holds, then close the backlog."""
        try:
            while not self._stopping.is_set():
                connection = self._connect()
                if connection is None:
                    self._stopping.wait(self._pause_s)
                    self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
                    continue
                with connection:
                    self._read(connection)
                self._backlog.put(Chunk(b"", time.time_ns()))
        finally:
            self._backlog.close()

    def _connect(self) -> socket.socket | None:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(_POLL_S)
        try:
            connection.connect(str(self._path))
        except OSError as error:
            connection.close()
            self._say(logging.WARNING, f"not reachable, trying again: {error.strerror or error}")
            return None
        self.connections += 1
        self._say(logging.INFO, "connected")
        return connection

    def _read(self, connection: socket.socket) -> None:
        connected_at = time.monotonic()
        while not self._stopping.is_set():
            try:
                data = connection.recv(_READ_BYTES)
            except TimeoutError:
                continue
            except OSError as error:
                state = f"connection lost, connecting again: {error.strerror or error}"
                self._lost(connected_at, state)
                return
            if not data:
                self._lost(connected_at, "closed by the relay, connecting again")
                return
            self._pause_s = FIRST_PAUSE_S
            self._take(data)
        self._read_rest(connection)

    def _take(self, data: bytes) -> None:
        crash_point("read")
        self._backlog.put(Chunk(data, time.time_ns()))

    def _lost(self, connected_at: float, state: str) -> None:
        self._say(logging.WARNING, state)
        # A relay that accepts and closes at once must not be called without a pause.
        if time.monotonic() - connected_at > _STEADY_S:
            self._pause_s = FIRST_PAUSE_S
        self._stopping.wait(self._pause_s)
        self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)

    def _read_rest(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        size = 0
        while size < _LAST_READ_BYTES:
            try:
                data = connection.recv(_READ_BYTES)
            except OSError:
                return
            if not data:
                return
            size += len(data)
            self._take(data)

    def _say(self, level: int, state: str) -> None:
        if state != self._last_state:
            self._last_state = state
            log.log(level, "relay path=%s %s", self._path, state)
