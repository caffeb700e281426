"""Frames of one relay connection, also where a damaged length would hold them back.

A damaged payload size makes the reader wait for bytes that are not coming: at low load, frames that
are complete would lie behind it for minutes. So when the head of what waits is old, the bytes after
it are searched: a frame with a good checksum there proves that the head is damaged, and reading
goes on from it. Without such a proof the head keeps waiting, because a frame may be long in coming.
"""

from __future__ import annotations

from typing import Final

from pm.wire.errors import FrameError
from pm.wire.frame import DecodePolicy, Frame, decode_frame
from pm.wire.stream import Rejected, StreamReader

STALLED_NS: Final = 10**9


class RelayFrames:
    """Cuts a connection's bytes into frames and rejected pieces; times are nanoseconds."""

    def __init__(self, policy: DecodePolicy) -> None:
        self._policy = policy
        self._reader = StreamReader(policy)
        self._waiting = b""
        self._waiting_since = 0
        self._ended_skipped_bytes = 0

    @property
    def skipped_bytes(self) -> int:
        """Bytes that belonged to no frame and no piece of one, since the start."""
        return self._ended_skipped_bytes + self._reader.skipped_bytes

    def feed(self, data: bytes, now: int) -> list[Frame | Rejected]:
        """Take more bytes; return what they complete, in order."""
        held = self._waiting + data
        records = self._reader.feed(data)
        pending = self._reader.pending_bytes
        if pending < len(held) or not self._waiting:
            self._waiting_since = now
        self._waiting = held[-pending:] if pending else b""
        return records

    def check_stalled(self, now: int) -> list[Frame | Rejected]:
        """Return what lies behind a damaged head that has waited too long, the head first."""
        if not self._waiting or now - self._waiting_since < STALLED_NS:
            return []
        behind = StreamReader(self._policy)
        records = behind.feed(self._waiting[1:])
        if not any(isinstance(record, Frame) for record in records):
            return []
        head = self._waiting[: self._waiting.index(records[0].raw, 1)]
        self._ended_skipped_bytes += self._reader.skipped_bytes
        self._reader = behind
        pending = behind.pending_bytes
        self._waiting = self._waiting[-pending:] if pending else b""
        self._waiting_since = now
        return [*self._as_rejected(head), *records]

    def end(self) -> list[Frame | Rejected]:
        """End the connection: return the piece that was not completed, if any, and start anew."""
        records = self._reader.flush()
        self._ended_skipped_bytes += self._reader.skipped_bytes
        self._reader = StreamReader(self._policy)
        self._waiting = b""
        return records

    def _as_rejected(self, head: bytes) -> list[Frame | Rejected]:
        try:
            decode_frame(head, self._policy)
        except FrameError as error:
            return [Rejected(error.with_traceback(None), head, 0)]
        return []
