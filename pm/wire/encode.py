"""Frames from records: the inverse of decoding, for simulated relays, tests and replays.

A record is written in its own layout under the first of its types; another type, an unknown value
or a damaged frame is made of the pieces in `tlv` and `header`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from zlib import crc32

from pm.wire.header import (
    EXECUTION_DOMAIN,
    PROTOCOL_VERSION,
    pack_unchecked_header,
)
from pm.wire.layout import Record
from pm.wire.layout_table import layout_of_record
from pm.wire.tlv import pack_tlv

EXECUTION_ENGINE = 42


def encode_record(record: Record, *, tlv_type: int | None = None, extended: bool = False) -> bytes:
    """Return the TLV of a record, its header included.

    `tlv_type` picks another of the layout's types. ValueError names a field that does not fit.
    """
    layout = layout_of_record(record)
    if tlv_type is not None and tlv_type not in layout.types:
        raise ValueError(f"{layout.name} is not sent under TLV type {tlv_type}")
    try:
        value = layout.pack(record)
    except struct.error as error:
        raise ValueError(f"{record} does not fit {layout.name}: {error}") from None
    return pack_tlv(layout.types[0] if tlv_type is None else tlv_type, value, extended=extended)


def encode_frame(
    tlvs: Iterable[Record | bytes],
    *,
    sequence: int,
    timestamp: int,
    source: int = EXECUTION_ENGINE,
    domain: int = EXECUTION_DOMAIN,
    version: int = PROTOCOL_VERSION,
    flags: int = 0,
    with_checksum: bool = True,
) -> bytes:
    """Return one frame; bytes among `tlvs` are taken as whole TLVs, as they are.

    `timestamp` is nanoseconds since the epoch. No policy is applied: a frame that a decoder
    would refuse can be written, a number that does not fit its field is a ValueError.
    """
    payload = b"".join(tlv if isinstance(tlv, bytes) else encode_record(tlv) for tlv in tlvs)
    try:
        head = pack_unchecked_header(
            domain=domain,
            version=version,
            source=source,
            flags=flags,
            sequence=sequence,
            timestamp=timestamp,
            payload_size=len(payload),
        )
    except struct.error as error:
        raise ValueError(f"a header field is out of range: {error}") from None
    checksum = crc32(payload, crc32(head)) if with_checksum else 0
    return head + checksum.to_bytes(4, "little") + payload
