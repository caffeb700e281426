"""How a payload is cut into type-length-value records.

The standard form is `type:u8 length:u8 value`; the extended form `FF 00 type:u8 length:u16 value`
may carry any type and any length. There is no padding and no terminator, so a payload that does not
end exactly at the end of a value is damaged, and none of it can be trusted.
"""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

from pm.wire.errors import FrameError

EXTENDED_MARKER: Final = 255
MAX_STANDARD_LENGTH: Final = 255
MAX_EXTENDED_LENGTH: Final = 65_535
_STANDARD_HEADER_SIZE: Final = 2
_EXTENDED_HEADER_SIZE: Final = 5
_EXTENDED_HEADER: Final = struct.Struct("<BBBH")


class TlvSpan(NamedTuple):
    """Where one value lies: `offset` is that of its first byte in the buffer."""

    type: int
    offset: int
    length: int
    extended: bool


def split_tlvs(buffer: bytes, start: int, end: int) -> list[TlvSpan]:
    """Return the spans of all TLVs in buffer[start:end]; FrameError if any is damaged."""
    spans = []
    offset = start
    while offset < end:
        tlv_type = buffer[offset]
        if tlv_type == EXTENDED_MARKER:
            span = _extended_span(buffer, offset, end)
        else:
            if end - offset < _STANDARD_HEADER_SIZE:
                raise _truncated(offset - start, "1 of 2 header bytes", tlv_type)
            span = TlvSpan(tlv_type, offset + _STANDARD_HEADER_SIZE, buffer[offset + 1], False)
        offset = span.offset + span.length
        if offset > end:
            found = f"{end - span.offset} of {span.length} value bytes"
            raise _truncated(span.offset - start, found, span.type)
        spans.append(span)
    return spans


def pack_tlv(tlv_type: int, value: bytes, *, extended: bool = False) -> bytes:
    """Frame one value; the extended form is taken when asked for or when the value needs it."""
    if not 0 <= tlv_type < EXTENDED_MARKER:
        raise ValueError(f"TLV type {tlv_type} is not in 0..254")
    if len(value) > MAX_EXTENDED_LENGTH:
        raise ValueError(f"TLV value of {len(value)} bytes exceeds {MAX_EXTENDED_LENGTH}")
    if extended or len(value) > MAX_STANDARD_LENGTH:
        return _EXTENDED_HEADER.pack(EXTENDED_MARKER, 0, tlv_type, len(value)) + value
    return bytes((tlv_type, len(value))) + value


def _extended_span(buffer: bytes, offset: int, end: int) -> TlvSpan:
    if end - offset < _EXTENDED_HEADER_SIZE:
        found = f"{end - offset} of {_EXTENDED_HEADER_SIZE} extended header bytes at the end"
        raise FrameError("truncated_tlv", found)
    _, zero, tlv_type, length = _EXTENDED_HEADER.unpack_from(buffer, offset)
    if zero:
        message = f"second byte of an extended header is {zero}, not 0"
        raise FrameError("bad_extended_header", message, field="reserved", value=zero)
    if tlv_type == EXTENDED_MARKER:
        message = "an extended header names the extended marker 255 as its type"
        raise FrameError("bad_extended_header", message, field="type", value=tlv_type)
    return TlvSpan(tlv_type, offset + _EXTENDED_HEADER_SIZE, length, True)


def _truncated(position: int, found: str, tlv_type: int) -> FrameError:
    message = f"TLV type {tlv_type} at payload byte {position} has {found}"
    return FrameError("truncated_tlv", message, tlv_type=tlv_type)
