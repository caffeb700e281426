"""What `pm decode` prints: one JSON-able object per line of hex, whatever the line holds.

A line that is one frame shows that frame, or why it is refused. A line with several
frames, or with other bytes around them, shows a stream. Integers stay integers, ids of bytes are
hex. Beside the decoded fields stand readings of them that one would else look up: names of enum
numbers, business flags, and what the reports of one order together amount to.
"""

from __future__ import annotations

from typing import Any
from zlib import crc32

from pm.wire.errors import FrameError
from pm.wire.execution_records import (
    BINCODE_ORDER_TYPE_NAMES,
    BINCODE_SIDE_NAMES,
    BINCODE_STATUS_NAMES,
    RESULT_CANCELLED,
    BincodeExecutionResult,
    BincodeOrderRequest,
    ExecutionResult48,
    ExecutionResult63,
    ExecutionResult96,
    Fill32,
    Fill65,
)
from pm.wire.frame import STRICT, DecodePolicy, Frame, Tlv, decode_frame
from pm.wire.header import Header
from pm.wire.instrument_id import InstrumentId
from pm.wire.layout import Record
from pm.wire.stream import Rejected, StreamReader
from pm.wire.trace_layouts import business_flag_names

JsonObject = dict[str, Any]


def describe_line(line: str, policy: DecodePolicy = STRICT) -> JsonObject:
    """Describe one line of hex; spaces between bytes are allowed, and nothing raises."""
    try:
        data = bytes.fromhex(line)
    except ValueError:
        return {"result": "error", "error": "invalid_hex", "message": _hex_fault(line)}
    return describe_bytes(data, policy)


def describe_bytes(data: bytes, policy: DecodePolicy = STRICT) -> JsonObject:
    """Describe the bytes as one frame if they are just that, else as a stream."""
    reader = StreamReader(policy)
    records = reader.feed(data) + reader.flush()
    holds_frame = any(isinstance(record, Frame) for record in records)
    if holds_frame and not (len(records) == 1 and records[0].raw == data):
        return _describe_stream(records, reader)
    try:
        return describe_frame(decode_frame(data, policy))
    except FrameError as error:
        return describe_error(error)


def describe_frame(frame: Frame) -> JsonObject:
    """Describe a decoded or ignored frame."""
    if frame.ignored is not None:
        return {
            "result": "ignored",
            "reason": frame.ignored,
            "header": _describe_header(frame.header),
        }
    described: JsonObject = {
        "result": "ok",
        "verified": frame.verified,
        "header": _describe_header(frame.header),
        "tlvs": [_describe_tlv(tlv) for tlv in frame.tlvs],
    }
    return described | _readings(frame)


def describe_error(error: FrameError) -> JsonObject:
    """Describe a refusal; an incomplete frame also says that a stream would wait."""
    described: JsonObject = {"result": "error", "error": error.code, "message": error.message}
    if error.missing is not None:
        described["stream"] = "need_more"
    return described | error.details()


def _describe_stream(records: list[Frame | Rejected], reader: StreamReader) -> JsonObject:
    frames = [record for record in records if isinstance(record, Frame)]
    accepted = [frame for frame in frames if frame.ignored is None]
    rejected = [record for record in records if isinstance(record, Rejected)]
    return {
        "result": "stream",
        "frames": len(accepted),
        "sequences": [frame.header.sequence for frame in accepted],
        "ignored": len(frames) - len(accepted),
        "skipped_bytes": reader.skipped_bytes,
        "errors": [
            {"position": record.position, **describe_error(record.error)} for record in rejected
        ],
        "decoded": [describe_frame(frame) for frame in frames],
    }


def _describe_header(header: Header) -> JsonObject:
    return {
        "domain": header.domain,
        "version": header.version,
        "source": header.source,
        "flags": header.flags,
        "sequence": header.sequence,
        "timestamp": header.timestamp,
        "payload_size": header.payload_size,
    }


def _describe_tlv(tlv: Tlv) -> JsonObject:
    described: JsonObject = {"type": tlv.type, "len": tlv.length}
    if tlv.extended:
        described["extended"] = True
    if tlv.record is None:
        return described | {"kind": tlv.kind, "raw_crc32": crc32(tlv.value)}
    described |= {"layout": tlv.layout, "kind": tlv.kind, "fields": _describe_record(tlv.record)}
    if tlv.kind == "TraceContext":
        described["business_flags"] = business_flag_names(tlv.record)
    return described


def _describe_record(record: Record) -> JsonObject:
    names: tuple[str, ...] = record._fields  # type: ignore[attr-defined]
    fields = {name: _describe_value(value) for name, value in zip(names, record, strict=True)}
    if isinstance(record, BincodeExecutionResult):
        fields["status_name"] = BINCODE_STATUS_NAMES[record.status]
    if isinstance(record, BincodeOrderRequest):
        fields["side_name"] = BINCODE_SIDE_NAMES[record.side]
        fields["order_type_name"] = BINCODE_ORDER_TYPE_NAMES[record.order_type]
    return fields


def _describe_value(value: Any) -> Any:
    if isinstance(value, InstrumentId):
        return value._asdict()
    if isinstance(value, bytes):
        return value.hex()
    return value


def _readings(frame: Frame) -> JsonObject:
    records = [tlv.record for tlv in frame.tlvs if tlv.record is not None]
    readings: JsonObject = {}
    if any(_has_unknown_result(record) for record in records):
        readings["action"] = "warn_and_ignore"
    trace = frame.trace
    if trace is not None:
        readings["track_temporary_position"] = bool(trace.arbitrage)
    quantity = _economic_quantity(records)
    if quantity is not None:
        readings["economic_quantity"] = quantity
    if frame.unknown_types:
        readings["unknown_types"] = frame.unknown_types
    return readings


def _has_unknown_result(record: Record) -> bool:
    if isinstance(record, (ExecutionResult48, ExecutionResult63, ExecutionResult96)):
        return record.result_type > RESULT_CANCELLED
    return False


def _economic_quantity(records: list[Record]) -> int | None:
    """Return what fills and cumulative results of one order together move, else None.

    Both tell of the same event, so the larger of the two counts, not their sum.
    """
    orders: set[int] = set()
    filled: list[int] = []
    cumulative: list[int] = []
    for record in records:
        if isinstance(record, Fill32):
            filled.append(record.quantity)
        elif isinstance(record, Fill65):
            filled.append(record.fill_quantity)
        elif isinstance(record, (ExecutionResult48, ExecutionResult63)):
            cumulative.append(record.quantity_filled)
        elif isinstance(record, BincodeExecutionResult):
            cumulative.append(record.filled_quantity)
        else:
            continue
        orders.add(record.order_id)
    if not filled or not cumulative or len(orders) != 1:
        return None
    return max(sum(filled), *cumulative, key=abs)


def _hex_fault(line: str) -> str:
    text = line.strip()
    for position, character in enumerate(text):
        if character not in "0123456789abcdefABCDEF" and not character.isspace():
            return f"character {position + 1} is {character!r}, which is no hex digit"
    if len("".join(text.split())) % 2:
        return "the number of hex digits is odd"
    return "a byte is split by a space"
