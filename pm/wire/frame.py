"""One frame from its bytes: every check in a fixed order, and all of it decoded or none.

The order is: 32 bytes, magic, domain, payload size, whole payload, checksum, version, source,
flags, then the TLVs. It decides which name a broken frame gets, and payload size comes before the
checksum because headers of older field orders carry a checksum that verifies.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from pm.wire.errors import FrameError
from pm.wire.header import (
    COMPRESSED_FLAG,
    ENCRYPTED_FLAG,
    EXECUTION_DOMAIN,
    HEADER_SIZE,
    MAGIC,
    MARKET_DATA_DOMAIN,
    MAX_SOURCE,
    PROTOCOL_VERSION,
    TYPES_CRATE_EXECUTION_DOMAIN,
    Header,
    frame_checksum,
    unpack_header,
)
from pm.wire.layout import Record
from pm.wire.layout_table import EXECUTION_TYPES, REGISTERED_TYPES, layout_of
from pm.wire.tlv import TlvSpan, split_tlvs
from pm.wire.trace_layouts import TraceContext, choose_trace

DEFAULT_PAYLOAD_LIMIT: Final = 16_384


@dataclass(frozen=True, slots=True)
class DecodePolicy:
    """What is accepted beyond the rule; `payload_limit` is in bytes.

    Without `require_checksum` a frame whose checksum field is 0 passes, marked as unverified.
    `accept_types_crate_domain` takes domain 2 for execution if every TLV is of an execution type.
    `accept_market_data` takes the frames of the market data relay, too.
    """

    require_checksum: bool = True
    accept_types_crate_domain: bool = False
    accept_market_data: bool = False
    payload_limit: int = DEFAULT_PAYLOAD_LIMIT

    def takes_domain(self, domain: int) -> bool:
        """Tell whether a frame of this domain may be ours."""
        if domain == EXECUTION_DOMAIN:
            return True
        if domain == MARKET_DATA_DOMAIN:
            return self.accept_market_data
        return self.accept_types_crate_domain and domain == TYPES_CRATE_EXECUTION_DOMAIN


STRICT: Final = DecodePolicy()


class Tlv(NamedTuple):
    """One TLV of a frame; `record` and `layout` are None where it was skipped.

    `kind` is "opaque" for a registered type without layout and "unknown" for an unregistered one;
    `value` holds the bytes of what has no record, and what follows the prefix of a snapshot.
    """

    type: int
    length: int
    extended: bool
    layout: str | None
    kind: str
    record: Record | None
    value: bytes


class Frame(NamedTuple):
    """A decoded frame; `raw` is exactly its bytes.

    `verified` is False where a lenient policy let a missing checksum pass, or where the frame was
    `ignored` before its checksum was looked at. An ignored frame has no TLVs.
    """

    header: Header
    tlvs: tuple[Tlv, ...]
    verified: bool
    ignored: Literal["wrong_domain"] | None
    raw: bytes

    @property
    def unknown_types(self) -> int:
        """Count the TLVs whose type number is not registered."""
        return sum(tlv.kind == "unknown" for tlv in self.tlvs)

    @property
    def trace(self) -> TraceContext | None:
        """Return the trace that covers the whole frame, wherever it stands in it."""
        return choose_trace(tlv.record for tlv in self.tlvs if tlv.record is not None)


def decode_frame(data: bytes, policy: DecodePolicy = STRICT) -> Frame:
    """Decode the frame at the start of `data`; bytes after it are left alone.

    FrameError names the first check that failed. A frame of another domain comes back ignored.
    """
    header = _read_header(data)
    if not policy.takes_domain(header.domain):
        return Frame(header, (), False, "wrong_domain", data[: HEADER_SIZE + header.payload_size])
    raw = _whole_frame(data, header, policy)
    verified = _verify(raw, header, policy)
    _check_support(header)
    spans = split_tlvs(raw, HEADER_SIZE, len(raw))
    may_be_signals = header.domain == TYPES_CRATE_EXECUTION_DOMAIN
    if may_be_signals and any(span.type not in EXECUTION_TYPES for span in spans):
        return Frame(header, (), verified, "wrong_domain", raw)
    return Frame(header, tuple([_decode_tlv(raw, span) for span in spans]), verified, None, raw)


def _read_header(data: bytes) -> Header:
    if len(data) < HEADER_SIZE:
        missing = HEADER_SIZE - len(data)
        message = f"{len(data)} of {HEADER_SIZE} header bytes"
        raise FrameError("incomplete_header", message, missing=missing)
    header = unpack_header(data)
    if header.magic != MAGIC:
        raise FrameError("bad_magic", f"frame begins with {data[:4].hex()}, not efbeadde")
    return header


def _whole_frame(data: bytes, header: Header, policy: DecodePolicy) -> bytes:
    size = header.payload_size
    if size > policy.payload_limit:
        message = f"payload of {size} bytes exceeds {policy.payload_limit}"
        raise FrameError("payload_too_large", message, payload_size=size)
    missing = HEADER_SIZE + size - len(data)
    if missing > 0:
        message = f"{size - missing} of {size} payload bytes"
        raise FrameError("incomplete_payload", message, payload_size=size, missing=missing)
    return data[: HEADER_SIZE + size] if missing else data


def _verify(raw: bytes, header: Header, policy: DecodePolicy) -> bool:
    computed = frame_checksum(raw)
    if header.checksum == computed:
        return True
    if header.checksum:
        message = f"frame carries {header.checksum:#010x}, its bytes give {computed:#010x}"
        raise FrameError("checksum_mismatch", message)
    if policy.require_checksum:
        raise FrameError("checksum_missing", "the checksum field is 0")
    return False


def _check_support(header: Header) -> None:
    if header.version != PROTOCOL_VERSION:
        message = f"version {header.version} is not {PROTOCOL_VERSION}"
        raise FrameError("unsupported_version", message, field="version", value=header.version)
    if not 1 <= header.source <= MAX_SOURCE:
        message = f"source {header.source} is not in 1..{MAX_SOURCE}"
        raise FrameError("unsupported_source", message, field="source", value=header.source)
    flags = header.flags
    if flags & COMPRESSED_FLAG:
        message = "the payload is compressed, by no defined algorithm"
        raise FrameError("compressed_flag", message, field="flags", value=flags)
    if flags & ENCRYPTED_FLAG:
        message = "the payload is encrypted, by no defined algorithm"
        raise FrameError("encrypted_flag", message, field="flags", value=flags)


def _decode_tlv(raw: bytes, span: TlvSpan) -> Tlv:
    tlv_type, offset, length, extended = span
    layout = layout_of(tlv_type, length)
    if layout is None:
        kind = "opaque" if tlv_type in REGISTERED_TYPES else "unknown"
        value = raw[offset : offset + length]
        return Tlv(tlv_type, length, extended, None, kind, None, value)
    try:
        record = layout.unpack(raw, offset)
    except FrameError as error:
        error.tlv_type = tlv_type
        raise
    rest = raw[offset + layout.length : offset + length] if length > layout.length else b""
    return Tlv(tlv_type, length, extended, layout.name, layout.kind, record, rest)
