"""The five byte layouts of a trace context, and the one form they are normalised to.

Type 108 comes from code, type 120 from documents. Only the documents' flags hold the arbitrage bit;
bit 0 of the code's stage flags means "collected", so type 108 leaves the question open. Trace
ids of 16 bytes become 32 hex digits. An id of 8 bytes is padded with zeros on the left, and
`id_size` keeps it apart from a 16-byte id that happens to begin with zeros.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Final, NamedTuple

from pm.wire.layout import Layout, Record, flat, join_u128, split_u128

TRACE_CONTEXT: Final = 108
DOCUMENTED_TRACE_CONTEXT: Final = 120

ARBITRAGE_FLAG: Final = 0x01
BUSINESS_FLAG_NAMES: Final = {
    ARBITRAGE_FLAG: "ARBITRAGE_OPPORTUNITY",
    0x02: "EXECUTION_CRITICAL",
    0x04: "ERROR_CONDITION",
    0x08: "PERFORMANCE_SENSITIVE",
}


class Trace32(NamedTuple):
    """The current struct of the code; `trace_id` is 8 bytes, times are nanoseconds."""

    start_timestamp_ns: int
    current_timestamp_ns: int
    source_service: int
    span_depth: int
    stage_flags: int
    trace_id: bytes


class Trace36(NamedTuple):
    """The first, packed struct of the code; `trace_id` is 16 bytes."""

    trace_id: bytes
    source_service: int
    span_depth: int
    stage_flags: int
    start_timestamp_ns: int
    current_timestamp_ns: int


class Trace40(NamedTuple):
    """The second struct of the code; `trace_id` is 16 bytes."""

    start_timestamp_ns: int
    current_timestamp_ns: int
    trace_id: bytes
    source_service: int
    span_depth: int
    stage_flags: int


class DocumentedTrace36(NamedTuple):
    """The documents' struct with parent span; `trace_id` is a u128, `flags` are business flags."""

    trace_id: int
    span_id: int
    parent_span_id: int
    flags: int
    domain: int


class DocumentedTrace28(NamedTuple):
    """The documents' shorter struct."""

    trace_id: int
    span_id: int
    flags: int


class TraceContext(NamedTuple):
    """A trace in one form; None where its layout has no such field.

    `arbitrage` is None when the layout cannot tell. `id_size` is 8 or 16, the id's wire bytes.
    """

    trace_id: str
    id_size: int
    arbitrage: bool | None
    span_id: int | None
    parent_span_id: int | None
    source_service: int | None
    span_depth: int | None

    def wire_id(self) -> bytes:
        """Return the id's bytes, most significant first, as many as the wire had."""
        return bytes.fromhex(self.trace_id)[16 - self.id_size :]


def trace_context(record: Record) -> TraceContext | None:
    """Normalise a trace record; None for a record that is no trace."""
    if isinstance(record, (Trace32, Trace36, Trace40)):
        size = len(record.trace_id)
        text = record.trace_id.hex().zfill(32)
        service, depth = record.source_service, record.span_depth
        return TraceContext(text, size, None, None, None, service, depth)
    if isinstance(record, (DocumentedTrace36, DocumentedTrace28)):
        parent = record.parent_span_id if isinstance(record, DocumentedTrace36) else None
        arbitrage = bool(record.flags & ARBITRAGE_FLAG)
        text = f"{record.trace_id:032x}"
        return TraceContext(text, 16, arbitrage, record.span_id, parent, None, None)
    return None


def choose_trace(records: Iterable[Record]) -> TraceContext | None:
    """Return the trace of a frame, wherever in it the trace stands.

    Of several, the first that knows about arbitrage wins, else the first.
    """
    first = None
    for record in records:
        context = trace_context(record)
        if context is None:
            continue
        if context.arbitrage is not None:
            return context
        first = first or context
    return first


def business_flag_names(record: Record) -> list[str] | None:
    """Return the names of the business flags set; None where the layout has none to set."""
    if isinstance(record, (DocumentedTrace36, DocumentedTrace28)):
        return [name for bit, name in BUSINESS_FLAG_NAMES.items() if record.flags & bit]
    return None


_TCDOC36: Final = struct.Struct("<QQQQBB2x")
_TCDOC28: Final = struct.Struct("<QQQB3x")


def _unpack_tcdoc36(buffer: bytes, offset: int) -> DocumentedTrace36:
    low, high, span_id, parent, flags, domain = _TCDOC36.unpack_from(buffer, offset)
    return DocumentedTrace36(join_u128(low, high), span_id, parent, flags, domain)


def _pack_tcdoc36(record: DocumentedTrace36) -> bytes:
    return _TCDOC36.pack(*split_u128(record.trace_id), *record[1:])


def _unpack_tcdoc28(buffer: bytes, offset: int) -> DocumentedTrace28:
    low, high, span_id, flags = _TCDOC28.unpack_from(buffer, offset)
    return DocumentedTrace28(join_u128(low, high), span_id, flags)


def _pack_tcdoc28(record: DocumentedTrace28) -> bytes:
    return _TCDOC28.pack(*split_u128(record.trace_id), *record[1:])


TRACE_LAYOUTS: Final[tuple[Layout, ...]] = (
    flat("TC32", "TraceContext", (TRACE_CONTEXT,), "QQBBBx4x8s", Trace32),
    flat("TC36", "TraceContext", (TRACE_CONTEXT,), "16sBBBxQQ", Trace36),
    flat("TC40", "TraceContext", (TRACE_CONTEXT,), "QQ16sBBB5x", Trace40),
    Layout(
        "TCDOC36",
        "TraceContext",
        (DOCUMENTED_TRACE_CONTEXT,),
        _TCDOC36.size,
        DocumentedTrace36,
        _unpack_tcdoc36,
        _pack_tcdoc36,
    ),
    Layout(
        "TCDOC28",
        "TraceContext",
        (DOCUMENTED_TRACE_CONTEXT,),
        _TCDOC28.size,
        DocumentedTrace28,
        _unpack_tcdoc28,
        _pack_tcdoc28,
    ),
)
