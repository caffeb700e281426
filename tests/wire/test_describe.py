"""The printed form of a line: what the reference vectors leave open."""

from __future__ import annotations

import pytest

from pm.wire.describe import describe_line
from pm.wire.encode import encode_frame
from pm.wire.execution_records import ExecutionResult48, Fill32
from pm.wire.instrument_id import InstrumentId
from pm.wire.tlv import pack_tlv

BITCOIN = InstrumentId.from_symbol(101, 51, "BTC")


def frame_of(*tlvs: tuple[object, ...] | bytes, domain: int = 3) -> bytes:
    return encode_frame(tlvs, sequence=1, timestamp=2, domain=domain)


def result(order_id: int, quantity: int) -> ExecutionResult48:
    return ExecutionResult48(order_id, BITCOIN, quantity, 100, 1, 3, 1, 0)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("efbz", "character 4 is 'z', which is no hex digit"),
        ("efb", "the number of hex digits is odd"),
        ("e f", "a byte is split by a space"),
        ("ef\N{ARABIC-INDIC DIGIT THREE}0", "character 3 is '٣', which is no hex digit"),
    ],
)
def test_line_that_is_no_hex_says_where(line: str, message: str) -> None:
    assert describe_line(line) == {"result": "error", "error": "invalid_hex", "message": message}


def test_spaces_and_case_of_hex_do_not_matter() -> None:
    data = frame_of(Fill32(1, 2, 3, 4))
    assert describe_line(f" {data.hex(' ').upper()}\n") == describe_line(data.hex())


def test_stream_lists_frames_refusals_and_foreign_bytes() -> None:
    good = frame_of(Fill32(1, 2, 3, 4))
    bad = frame_of(pack_tlv(42, b"?"))
    other = frame_of(domain=1)
    described = describe_line((good + b"junk" + bad + other).hex())
    assert (described["frames"], described["ignored"], described["skipped_bytes"]) == (1, 1, 4)
    assert [(e["error"], e["position"]) for e in described["errors"]] == [
        ("unknown_layout", len(good) + 4)
    ]
    assert [frame["result"] for frame in described["decoded"]] == ["ok", "ignored"]


def test_single_damaged_frame_is_an_error_and_no_stream() -> None:
    data = bytearray(frame_of(Fill32(1, 2, 3, 4)))
    data[40] ^= 1
    assert describe_line(data.hex())["error"] == "checksum_mismatch"


def test_unknown_types_are_counted() -> None:
    described = describe_line(frame_of(pack_tlv(130, b"x"), pack_tlv(131, b"")).hex())
    assert described["unknown_types"] == 2
    assert [tlv["kind"] for tlv in described["tlvs"]] == ["unknown", "unknown"]


@pytest.mark.parametrize(
    ("tlvs", "quantity"),
    [
        ((Fill32(1, 9, 3, 0), result(1, 5)), 5),
        ((Fill32(1, 9, 3, 0), Fill32(1, 9, 4, 0), result(1, 5)), 7),
        ((Fill32(1, 9, -3, 0), result(1, -5)), -5),
        ((Fill32(1, 9, 3, 0), result(2, 5)), None),
        ((Fill32(1, 9, 3, 0),), None),
        ((result(1, 5),), None),
    ],
)
def test_reports_of_one_order_count_once(
    tlvs: tuple[tuple[object, ...], ...], quantity: int | None
) -> None:
    assert describe_line(frame_of(*tlvs).hex()).get("economic_quantity") == quantity
