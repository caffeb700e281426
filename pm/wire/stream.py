"""Frames out of a byte stream that has no message boundaries and may be damaged anywhere.

A frame ends where its payload size says, but that size is believed only if the checksum holds:
after garbage, an oversized claim or a bad checksum the search for the magic goes on one byte
further, so that a frame behind or even inside the damage is still found. A frame with a good
checksum and a bad content is stepped over whole.

Cost is bounded for hostile input: at most one payload limit is held back between calls, each
start costs at most one checksum over one payload limit, and unproven bytes are reported once: a
start inside damage already reported is only counted. So records hold at most twice the bytes fed.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from pm.wire.errors import FrameError
from pm.wire.frame import STRICT, DecodePolicy, Frame, decode_frame
from pm.wire.header import HEADER_SIZE, MAGIC_BYTES, Header, frame_checksum, unpack_header

_PARTIAL_MAGIC: Final = len(MAGIC_BYTES) - 1


class Rejected(NamedTuple):
    """Bytes that are no usable frame, and why; `position` counts from the start of the stream."""

    error: FrameError
    raw: bytes
    position: int


class StreamReader:
    """Cuts one connection's bytes into records; a new connection needs a new reader.

    `skipped_bytes` counts the bytes in no record, `overlapping_damage` the rejected starts inside
    bytes already reported. What is returned does not depend on how the bytes are split into calls.
    """

    def __init__(self, policy: DecodePolicy = STRICT) -> None:
        self.skipped_bytes = 0
        self.overlapping_damage = 0
        self._policy = policy
        self._buffer = bytearray()
        self._position = 0
        self._reported_to = 0
        self._records: list[Frame | Rejected] = []

    @property
    def pending_bytes(self) -> int:
        """Return how many bytes wait for the rest of a frame."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[Frame | Rejected]:
        """Take more bytes; return the records they complete, in order."""
        self._buffer += data
        return self._scan(final=False)

    def flush(self) -> list[Frame | Rejected]:
        """End the stream: return what the waiting bytes hold, an incomplete frame included."""
        return self._scan(final=True)

    def _scan(self, *, final: bool) -> list[Frame | Rejected]:
        start = 0
        while True:
            start = self._next_start(start, final=final)
            if len(self._buffer) - start < len(MAGIC_BYTES):
                break
            step = self._read_at(start, final=final)
            if step == 0:
                break
            start += step
        del self._buffer[:start]
        self._position += start
        records, self._records = self._records, []
        return records

    def _next_start(self, start: int, *, final: bool) -> int:
        """Return the offset of the next magic, or of its beginning, and count what is skipped."""
        found = self._buffer.find(MAGIC_BYTES, start)
        if found < 0:
            found = len(self._buffer) - (0 if final else self._partial_magic(start))
        unreported = max(self._position + start, self._reported_to)
        self.skipped_bytes += max(0, self._position + found - unreported)
        return found

    def _partial_magic(self, start: int) -> int:
        """Return how many bytes at the end of the buffer may be the beginning of a magic."""
        tail = self._buffer[max(start, len(self._buffer) - _PARTIAL_MAGIC) :]
        lengths = range(len(tail), 0, -1)
        return next((size for size in lengths if tail.endswith(MAGIC_BYTES[:size])), 0)

    def _read_at(self, start: int, *, final: bool) -> int:
        """Handle the magic at `start`; return how far to step, 0 to wait for more bytes."""
        if len(self._buffer) - start < HEADER_SIZE:
            return self._incomplete(start, final=final)
        header = unpack_header(self._buffer, start)
        size = HEADER_SIZE + header.payload_size
        ours = self._policy.takes_domain(header.domain)
        if header.payload_size > self._policy.payload_limit:
            return self._reject(start, HEADER_SIZE) if ours else self._skip(start)
        if not ours and not header.checksum:
            return self._skip(start)
        if len(self._buffer) - start < size:
            return self._incomplete(start, final=final)
        raw = bytes(self._buffer[start : start + size])
        return self._decode(start, raw, header, ours=ours)

    def _decode(self, start: int, raw: bytes, header: Header, *, ours: bool) -> int:
        if not ours and header.checksum != frame_checksum(raw):
            return self._skip(start)
        try:
            frame = decode_frame(raw, self._policy)
        except FrameError as error:
            unproven = not header.checksum or error.code == "checksum_mismatch"
            return self._report(start, raw, error, step=1 if unproven else len(raw))
        self._records.append(frame)
        return len(raw)

    def _incomplete(self, start: int, *, final: bool) -> int:
        if final:
            return self._reject(start, len(self._buffer) - start)
        return 0

    def _reject(self, start: int, length: int) -> int:
        raw = bytes(self._buffer[start : start + length])
        try:
            decode_frame(raw, self._policy)
        except FrameError as error:
            return self._report(start, raw, error, step=1)
        return self._skip(start)

    def _report(self, start: int, raw: bytes, error: FrameError, *, step: int) -> int:
        position = self._position + start
        if step == 1 and position < self._reported_to:
            self.overlapping_damage += 1
            return step
        self._reported_to = max(self._reported_to, position + len(raw))
        # A traceback would keep the buffers of every failed attempt alive.
        self._records.append(Rejected(error.with_traceback(None), raw, position))
        return step

    def _skip(self, start: int) -> int:
        if self._position + start >= self._reported_to:
            self.skipped_bytes += 1
        return 1
