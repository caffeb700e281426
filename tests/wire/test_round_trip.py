"""Every layout: what is encoded decodes to itself, in both forms and under each of its types."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pm.wire.encode import encode_frame, encode_record
from pm.wire.errors import FrameError
from pm.wire.execution_records import (
    BincodeExecutionResult,
    BincodeOrderCancel,
    BincodeOrderRequest,
    ExecutionResult48,
    ExecutionResult63,
    ExecutionResult96,
    Fill32,
    Fill65,
    OrderStatus24,
    OrderStatus25,
)
from pm.wire.frame import decode_frame
from pm.wire.instrument_id import InstrumentId
from pm.wire.layout import Record
from pm.wire.layout_table import LAYOUTS, layout_of, layout_of_record
from pm.wire.side_layouts import BincodePositionUpdate, Quote, RecoveryRequest, Trade
from pm.wire.trace_layouts import DocumentedTrace28, DocumentedTrace36, Trace32, Trace36, Trace40


def unsigned(bits: int) -> st.SearchStrategy[int]:
    return st.integers(0, (1 << bits) - 1)


def signed(bits: int) -> st.SearchStrategy[int]:
    return st.integers(-(1 << bits - 1), (1 << bits - 1) - 1)


U8, U16, U32, U64, U128 = (unsigned(bits) for bits in (8, 16, 32, 64, 128))
I64 = signed(64)
INSTRUMENT = st.builds(InstrumentId, U64, U16, U8, U8)
WIDE_ID = st.binary(min_size=16, max_size=16)


def sided(record: Any, quantity_field: str) -> Any:
    """Make the sign of a buy agree with its side."""
    quantity = getattr(record, quantity_field)
    if record.side == 1 and quantity < 0:
        return record._replace(**{quantity_field: ~quantity})
    return record


RECORDS: dict[type[Record], st.SearchStrategy[Any]] = {
    Fill32: st.builds(Fill32, U64, I64, I64, I64),
    Fill65: st.builds(Fill65, U64, U64, U64, st.sampled_from([1, 2]), I64, I64, I64, U64, U64).map(
        lambda fill: sided(fill, "fill_quantity")
    ),
    OrderStatus24: st.builds(OrderStatus24, U64, I64, I64),
    OrderStatus25: st.builds(OrderStatus25, U64, U8, I64, I64),
    ExecutionResult48: st.builds(
        ExecutionResult48, U64, INSTRUMENT, I64, I64, I64, U16, U8, st.integers(0, 2)
    ).map(lambda result: sided(result, "quantity_filled")),
    ExecutionResult63: st.builds(ExecutionResult63, U64, U8, U64, I64, U64, U64, U64),
    ExecutionResult96: st.builds(
        ExecutionResult96,
        U64,
        INSTRUMENT,
        signed(128),
        U128,
        U128,
        U64,
        U64,
        U32,
        U16,
        U8,
        st.integers(0, 2),
        U8,
        U8,
        U8,
    ).map(lambda result: sided(result, "quantity_filled")),
    BincodeExecutionResult: st.builds(
        BincodeExecutionResult, U64, U64, st.integers(0, 4), U64, I64, I64, U64
    ),
    BincodeOrderRequest: st.builds(
        BincodeOrderRequest,
        U64,
        U64,
        st.integers(0, 1),
        st.integers(0, 3),
        U64,
        st.none() | I64,
        U64,
    ),
    BincodeOrderCancel: st.builds(BincodeOrderCancel, U64, U64),
    Trace32: st.builds(Trace32, U64, U64, U8, U8, U8, st.binary(min_size=8, max_size=8)),
    Trace36: st.builds(Trace36, WIDE_ID, U8, U8, U8, U64, U64),
    Trace40: st.builds(Trace40, U64, U64, WIDE_ID, U8, U8, U8),
    DocumentedTrace36: st.builds(DocumentedTrace36, U128, U64, U64, U8, U8),
    DocumentedTrace28: st.builds(DocumentedTrace28, U128, U64, U8),
    Trade: st.builds(Trade, INSTRUMENT, I64, I64, U64, U8),
    Quote: st.builds(Quote, INSTRUMENT, I64, I64, I64, I64, U64),
    BincodePositionUpdate: st.builds(BincodePositionUpdate, U64, U64, I64, I64, I64, U64),
    RecoveryRequest: st.builds(RecoveryRequest, U64, U64, U32, U32),
}
ANY_RECORD = st.one_of(*RECORDS.values())


def test_every_layout_has_a_generator() -> None:
    assert {layout.record for layout in LAYOUTS} == set(RECORDS)


def test_lengths_are_those_of_the_specification() -> None:
    lengths = {(layout.types, layout.name, layout.length) for layout in LAYOUTS}
    assert lengths == {
        ((1,), "TradeTLV", 40),
        ((2,), "QuoteTLV", 56),
        ((40,), "ORDBIN", 41),
        ((40,), "ORDBIN", 49),
        ((41,), "OS24", 24),
        ((41,), "OS25", 25),
        ((42,), "FILL32", 32),
        ((42,), "ERBIN52", 52),
        ((42, 41), "FILL65", 65),
        ((43,), "CANBIN16", 16),
        ((45,), "ER48", 48),
        ((45,), "ER63", 63),
        ((50,), "ER96", 96),
        ((61,), "POSBIN48", 48),
        ((108,), "TC32", 32),
        ((108,), "TC36", 36),
        ((108,), "TC40", 40),
        ((110,), "REC24", 24),
        ((120,), "TCDOC36", 36),
        ((120,), "TCDOC28", 28),
    }


@pytest.mark.parametrize("record_type", RECORDS, ids=lambda record: record.__name__)
@given(data=st.data(), extended=st.booleans())
def test_record_decodes_to_itself(
    record_type: type[Record], data: st.DataObject, extended: bool
) -> None:
    record = data.draw(RECORDS[record_type])
    layout = layout_of_record(record)
    for tlv_type in layout.types:
        tlv = encode_record(record, tlv_type=tlv_type, extended=extended)
        (decoded,) = decode_frame(encode_frame([tlv], sequence=1, timestamp=2)).tlvs
        assert (decoded.type, decoded.kind, decoded.extended) == (tlv_type, layout.kind, extended)
        assert decoded.layout == layout.name
        assert decoded.record == record
        assert type(decoded.record) is record_type


@given(st.lists(ANY_RECORD, max_size=20), U64, U64, st.integers(1, 100), U8)
def test_frame_decodes_to_its_header_and_records(
    records: list[Record], sequence: int, timestamp: int, source: int, flags: int
) -> None:
    flags &= 0xFC
    data = encode_frame(records, sequence=sequence, timestamp=timestamp, source=source, flags=flags)
    frame = decode_frame(data)
    assert [tlv.record for tlv in frame.tlvs] == records
    header = frame.header
    assert (header.sequence, header.timestamp) == (sequence, timestamp)
    assert (header.source, header.flags) == (source, flags)
    assert header.payload_size == len(data) - 32


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: f"{layout.name}-{layout.length}")
@given(data=st.data())
def test_any_bytes_of_a_layout_are_refused_or_survive_reencoding(
    layout: Any, data: st.DataObject
) -> None:
    value = data.draw(st.binary(min_size=layout.length, max_size=layout.length))
    try:
        record = layout.unpack(value, 0)
    except FrameError as error:
        if error.code not in {"invalid_enum", "side_sign_mismatch"}:
            raise
        return
    assert layout.unpack(layout.pack(record), 0) == record
    assert layout_of(layout.types[0], layout.length) is layout
