"""The 32-byte message header and its checksum.

The checksum is CRC-32 (IEEE) over the header without its last four bytes, then the payload: the
checksum field itself is skipped, not zeroed, and bytes after the payload do not count. Older
senders used other field orders with the same magic and a checksum that still verifies; only the
payload size exposes them, so it is judged before the checksum.
"""

from __future__ import annotations

import struct
from typing import Final, NamedTuple
from zlib import crc32

HEADER_SIZE: Final = 32
MAGIC: Final = 0xDEADBEEF
MAGIC_BYTES: Final = MAGIC.to_bytes(4, "little")
PROTOCOL_VERSION: Final = 1

MARKET_DATA_DOMAIN: Final = 1
EXECUTION_DOMAIN: Final = 3
# The same number means Signal to every relay, so it is accepted only by a switch.
TYPES_CRATE_EXECUTION_DOMAIN: Final = 2

MAX_SOURCE: Final = 100
COMPRESSED_FLAG: Final = 0x01
ENCRYPTED_FLAG: Final = 0x02
TRACE_FLAG: Final = 0x10

_HEADER: Final = struct.Struct("<IBBBBQQII")
_UNCHECKED_HEADER: Final = struct.Struct("<IBBBBQQI")
_CHECKED_HEADER_SIZE: Final = _UNCHECKED_HEADER.size


class Header(NamedTuple):
    """The header's fields in wire order; `timestamp` is nanoseconds since the Unix epoch.

    `sequence` 0 means unsequenced. `checksum` 0 means the sender left it out.
    """

    magic: int
    domain: int
    version: int
    source: int
    flags: int
    sequence: int
    timestamp: int
    payload_size: int
    checksum: int


def unpack_header(buffer: bytes | bytearray, offset: int = 0) -> Header:
    """Read the header at `offset`; the caller has made sure that 32 bytes are there."""
    return Header._make(_HEADER.unpack_from(buffer, offset))


def pack_unchecked_header(
    *,
    domain: int,
    version: int,
    source: int,
    flags: int,
    sequence: int,
    timestamp: int,
    payload_size: int,
) -> bytes:
    """Return the 28 header bytes that precede the checksum."""
    return _UNCHECKED_HEADER.pack(
        MAGIC, domain, version, source, flags, sequence, timestamp, payload_size
    )


def frame_checksum(frame: bytes) -> int:
    """Return the checksum a whole frame ought to carry; `frame` ends with its payload."""
    return crc32(frame[HEADER_SIZE:], crc32(frame[:_CHECKED_HEADER_SIZE]))
