"""One frame: the order of the checks, the two TLV forms, and what a layoutless TLV does."""

from __future__ import annotations

import pytest

from pm.wire.encode import encode_frame, encode_record
from pm.wire.errors import FrameError
from pm.wire.execution_records import (
    BincodeExecutionResult,
    BincodeOrderRequest,
    ExecutionResult48,
    ExecutionResult96,
    Fill32,
    Fill65,
    OrderStatus24,
)
from pm.wire.frame import DecodePolicy, decode_frame
from pm.wire.instrument_id import InstrumentId
from pm.wire.layout import Record
from pm.wire.side_layouts import SnapshotPrefix, Trade
from pm.wire.tlv import pack_tlv

BITCOIN = InstrumentId.from_symbol(101, 51, "BTC")
FILL = Fill32(order_id=7, price=100, quantity=5, fees=1)
RESULT = ExecutionResult48(7, BITCOIN, 5, 100, 1, 3, 1, 1)
COMPATIBLE = DecodePolicy(accept_types_crate_domain=True)
LENIENT = DecodePolicy(require_checksum=False)


def framed(*tlvs: Record | bytes, source: int = 42, domain: int = 3, flags: int = 0) -> bytes:
    return encode_frame(tlvs, sequence=1, timestamp=2, source=source, domain=domain, flags=flags)


def refusal(data: bytes, policy: DecodePolicy | None = None) -> FrameError:
    with pytest.raises(FrameError) as caught:
        decode_frame(data, policy or DecodePolicy())
    return caught.value


def patched(data: bytes, offset: int, value: bytes) -> bytes:
    return data[:offset] + value + data[offset + len(value) :]


def test_checks_name_the_first_fault_of_a_frame_that_has_them_all() -> None:
    truncated = b"\x2a"
    broken = encode_frame(
        [truncated * 20_001], sequence=1, timestamp=2, source=0, version=9, flags=3
    )
    broken = patched(broken, 28, b"\x01\x02\x03\x04")
    wide = DecodePolicy(payload_limit=20_001)
    codes = [refusal(broken[:31]).code, refusal(patched(broken, 0, b"\0")).code]
    assert decode_frame(patched(broken, 4, b"\x01")).ignored == "wrong_domain"
    codes += [refusal(broken[:32]).code, refusal(broken[:32], wide).code]
    codes += [refusal(broken, wide).code, refusal(patched(broken, 28, bytes(4)), wide).code]
    assert codes == [
        "incomplete_header",
        "bad_magic",
        "payload_too_large",
        "incomplete_payload",
        "checksum_mismatch",
        "checksum_missing",
    ]


@pytest.mark.parametrize(
    ("version", "source", "flags", "code"),
    [
        (0, 0, 3, "unsupported_version"),
        (2, 0, 3, "unsupported_version"),
        (1, 0, 3, "unsupported_source"),
        (1, 101, 3, "unsupported_source"),
        (1, 1, 3, "compressed_flag"),
        (1, 100, 2, "encrypted_flag"),
        (1, 100, 0xFC, "truncated_tlv"),
    ],
)
def test_support_is_checked_after_the_checksum_in_order(
    version: int, source: int, flags: int, code: str
) -> None:
    data = encode_frame(
        [b"\x2a"], sequence=1, timestamp=2, version=version, source=source, flags=flags
    )
    assert refusal(data).code == code


def test_payload_limit_is_inclusive() -> None:
    data = framed(pack_tlv(46, bytes(11)), pack_tlv(46, b""))
    assert len(decode_frame(data, DecodePolicy(payload_limit=15)).tlvs) == 2
    error = refusal(data, DecodePolicy(payload_limit=14))
    assert (error.code, error.payload_size) == ("payload_too_large", 15)


def test_incomplete_payload_says_how_much_is_missing() -> None:
    error = refusal(framed(FILL)[:-3])
    assert (error.code, error.missing) == ("incomplete_payload", 3)


def test_bytes_after_the_frame_are_neither_decoded_nor_checksummed() -> None:
    data = framed(FILL)
    frame = decode_frame(data + b"\xff" * 9)
    assert frame.raw == data
    assert frame.verified


def test_lenient_policy_still_refuses_a_wrong_checksum() -> None:
    assert refusal(patched(framed(FILL), 28, b"\x01\0\0\0"), LENIENT).code == "checksum_mismatch"


def test_extended_form_decodes_like_the_standard_form() -> None:
    standard = decode_frame(framed(encode_record(RESULT))).tlvs[0]
    extended = decode_frame(framed(encode_record(RESULT, extended=True))).tlvs[0]
    assert extended == standard._replace(extended=True)


def test_extended_form_is_held_to_the_same_lengths() -> None:
    error = refusal(framed(pack_tlv(45, bytes(47), extended=True)))
    assert (error.code, error.tlv_type, error.tlv_len) == ("unknown_layout", 45, 47)


@pytest.mark.parametrize(
    "tail",
    [b"\xff\x01\x2e\x00\x00", b"\xff\x00\xff\x00\x00"],
    ids=["second byte not zero", "marker as type"],
)
def test_bad_extended_header_is_refused_behind_a_good_tlv(tail: bytes) -> None:
    assert refusal(framed(FILL, tail)).code == "bad_extended_header"


@pytest.mark.parametrize("tlv_type", [40, 41, 42, 43, 45, 50, 108, 120])
def test_unknown_length_of_an_execution_or_trace_type_refuses_the_frame(tlv_type: int) -> None:
    error = refusal(framed(FILL, pack_tlv(tlv_type, bytes(33))))
    assert (error.code, error.tlv_type, error.tlv_len) == ("unknown_layout", tlv_type, 33)


@pytest.mark.parametrize("tlv_type", [1, 2, 44, 46, 49, 60, 61, 72, 90, 100, 101, 110, 112, 204])
def test_registered_type_that_moves_nothing_is_opaque_at_other_lengths(tlv_type: int) -> None:
    frame = decode_frame(framed(pack_tlv(tlv_type, b"abc"), FILL))
    opaque, fill = frame.tlvs
    assert (opaque.kind, opaque.record, opaque.value) == ("opaque", None, b"abc")
    assert fill.record == FILL
    assert frame.unknown_types == 0


def test_unregistered_types_are_skipped_and_counted() -> None:
    frame = decode_frame(framed(*(pack_tlv(number, b"x") for number in (0, 51, 130, 254)), FILL))
    assert frame.unknown_types == 4
    assert frame.tlvs[-1].record == FILL


def test_fill_under_the_older_type_number_decodes_alike() -> None:
    fill = Fill65(1, 2, 3, 2, 4, 5, 6, 7, 8)
    (tlv,) = decode_frame(framed(encode_record(fill, tlv_type=41))).tlvs
    assert (tlv.type, tlv.layout, tlv.record) == (41, "FILL65", fill)


def test_enum_fault_names_the_type_it_was_found_under() -> None:
    fill = Fill65(1, 2, 3, 3, 4, 5, 6, 7, 8)
    error = refusal(framed(encode_record(fill, tlv_type=41)))
    assert (error.code, error.tlv_type, error.field) == ("invalid_enum", 41, "side")


@pytest.mark.parametrize(
    "record",
    [
        BincodeExecutionResult(1, 2, 5, 3, 4, 5, 6),
        BincodeOrderRequest(1, 2, 2, 0, 3, None, 4),
        BincodeOrderRequest(1, 2, 0, 4, 3, 9, 4),
        RESULT._replace(side=3),
        Fill65(1, 2, 3, 0, 4, 5, 6, 7, 8),
    ],
    ids=["status", "side", "order type", "result side", "fill side"],
)
def test_enum_out_of_range_is_refused(record: Record) -> None:
    assert refusal(framed(record)).code == "invalid_enum"


def test_order_whose_price_tag_contradicts_its_length_is_refused() -> None:
    with_price = encode_record(BincodeOrderRequest(1, 2, 0, 1, 3, 9, 4))
    assert refusal(framed(patched(with_price, 2 + 32, b"\0"))).code == "invalid_enum"


def test_buy_of_a_negative_quantity_is_refused_and_a_sell_of_either_sign_is_not() -> None:
    assert refusal(framed(RESULT._replace(quantity_filled=-5))).code == "side_sign_mismatch"
    for quantity in (-5, 5):
        sell = RESULT._replace(quantity_filled=quantity, side=2)
        assert decode_frame(framed(sell)).tlvs[0].record == sell


def test_result_of_any_type_number_is_decoded() -> None:
    for result_type in (0, 5, 255):
        record = RESULT._replace(result_type=result_type)
        assert decode_frame(framed(record)).tlvs[0].record == record


def test_wide_result_carries_128_bit_amounts() -> None:
    record = ExecutionResult96(
        order_id=1,
        instrument=InstrumentId(0xA0B86991C6218B36, 200, 50, 9),
        quantity_filled=-(1 << 127),
        average_price=(1 << 128) - 1,
        total_fees=1 << 64,
        venue_order_id=2,
        execution_time=3,
        chain_id=42161,
        strategy_id=4,
        result_type=3,
        side=0,
        quantity_decimals=18,
        price_decimals=6,
        fee_decimals=255,
    )
    assert decode_frame(framed(record)).tlvs[0].record == record


def test_snapshot_gives_its_prefix_and_leaves_the_data_alone() -> None:
    prefix = bytes(range(24)) + b"\xff\xff\xff\xff" + b"\x65\x20\x01\x00"
    (tlv,) = decode_frame(framed(pack_tlv(101, prefix + b"data"))).tlvs
    assert isinstance(tlv.record, SnapshotPrefix)
    assert (tlv.record.uncompressed_size, tlv.record.compression) == (0xFFFFFFFF, 1)
    assert tlv.value == b"data"


def test_domain_2_is_ignored_without_the_switch() -> None:
    assert decode_frame(framed(FILL, domain=2)).ignored == "wrong_domain"


@pytest.mark.parametrize(
    "foreign",
    [encode_record(Trade(BITCOIN, 1, 2, 3, 0)), pack_tlv(20, b""), pack_tlv(108, bytes(5))],
    ids=["trade", "signal", "trace"],
)
def test_domain_2_is_ignored_if_any_tlv_is_not_of_an_execution_type(foreign: bytes) -> None:
    frame = decode_frame(framed(FILL, foreign, domain=2), COMPATIBLE)
    assert (frame.ignored, frame.tlvs) == ("wrong_domain", ())


def test_domain_2_damage_is_named_under_the_switch() -> None:
    assert refusal(framed(pack_tlv(42, b""), domain=2), COMPATIBLE).code == "unknown_layout"


def test_other_domains_stay_ignored_under_the_switch() -> None:
    for domain in (0, 1, 4, 255):
        assert decode_frame(framed(FILL, domain=domain), COMPATIBLE).ignored == "wrong_domain"


def test_refusal_is_one_line_that_names_the_thing() -> None:
    assert str(refusal(framed(pack_tlv(42, bytes(31))))) == (
        "unknown_layout: TLV type 42 has no layout of 31 bytes"
    )


def test_encoder_names_a_value_that_does_not_fit() -> None:
    with pytest.raises(ValueError, match="does not fit OS24"):
        encode_record(OrderStatus24(1 << 64, 0, 0))
    with pytest.raises(ValueError, match="header field"):
        encode_frame([], sequence=-1, timestamp=0)
    with pytest.raises(ValueError, match="OS24 is not sent under TLV type 42"):
        encode_record(OrderStatus24(1, 0, 0), tlv_type=42)
    with pytest.raises(TypeError, match="tuple is not a wire record"):
        encode_record((1, 2))
