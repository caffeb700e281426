"""The stream reader: reassembly, recovery after damage, and bounds on what damage costs."""

from __future__ import annotations

import random
import sys
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pm.wire.encode import encode_frame
from pm.wire.execution_records import Fill32
from pm.wire.frame import DecodePolicy, Frame
from pm.wire.header import MAGIC_BYTES
from pm.wire.stream import Rejected, StreamReader
from pm.wire.tlv import pack_tlv

LIMIT = DecodePolicy().payload_limit


def numbered(sequence: int, **options: Any) -> bytes:
    fill = Fill32(sequence, 100, 5, 1)
    return encode_frame([fill], sequence=sequence, timestamp=2, **options)


def patched(data: bytes, offset: int, value: bytes) -> bytes:
    return data[:offset] + value + data[offset + len(value) :]


def read(*chunks: bytes, policy: DecodePolicy | None = None) -> tuple[list[Any], StreamReader]:
    reader = StreamReader(policy or DecodePolicy())
    records = [record for chunk in chunks for record in reader.feed(chunk)]
    return records + reader.flush(), reader


def summary(records: list[Frame | Rejected]) -> list[int | str]:
    """Name accepted frames by sequence, refusals by code, ignored frames by reason."""
    return [
        record.error.code
        if isinstance(record, Rejected)
        else record.ignored or record.header.sequence
        for record in records
    ]


GARBAGE = st.binary(max_size=40)
DAMAGED = numbered(900)
PIECES = st.one_of(
    st.integers(1, 800).map(numbered),
    GARBAGE,
    st.sampled_from(
        [
            MAGIC_BYTES,
            MAGIC_BYTES * 9,
            MAGIC_BYTES[:3],
            patched(DAMAGED, 40, b"\x01"),
            patched(DAMAGED, 24, b"\xff\x01"),
            patched(DAMAGED, 26, b"\xff"),
            DAMAGED[:50],
            numbered(901, with_checksum=False),
            numbered(902, domain=1),
            numbered(903, domain=1, with_checksum=False),
            encode_frame([pack_tlv(42, b"?")], sequence=904, timestamp=2),
        ]
    ),
)


@given(st.lists(PIECES, max_size=12), st.randoms(use_true_random=False))
def test_records_do_not_depend_on_how_the_bytes_are_split(
    pieces: list[bytes], random_source: random.Random
) -> None:
    data = b"".join(pieces)
    cuts = sorted(random_source.randrange(len(data) + 1) for _ in range(10))
    chunks = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    whole, whole_reader = read(data)
    split, split_reader = read(*chunks)
    assert summary(split) == summary(whole)
    assert [record.raw for record in split] == [record.raw for record in whole]
    assert split_reader.skipped_bytes == whole_reader.skipped_bytes
    assert split_reader.overlapping_damage == whole_reader.overlapping_damage


@given(st.lists(GARBAGE, min_size=1, max_size=8))
def test_every_frame_between_garbage_is_found_and_all_garbage_counted(
    garbage: list[bytes],
) -> None:
    garbage = [piece.replace(b"\xef", b"") for piece in garbage]
    data = b"".join(piece + numbered(index) for index, piece in enumerate(garbage))
    records, reader = read(data)
    assert summary(records) == list(range(len(garbage)))
    assert reader.skipped_bytes == sum(map(len, garbage))


@given(st.lists(PIECES, max_size=12))
def test_bytes_are_in_a_record_or_counted_as_skipped(pieces: list[bytes]) -> None:
    data = b"".join(pieces)
    records, reader = read(data)
    assert reader.pending_bytes == 0
    assert len(data) <= reader.skipped_bytes + sum(len(record.raw) for record in records)
    assert sum(len(record.raw) for record in records) <= 2 * len(data)
    for record in records:
        if isinstance(record, Rejected):
            assert data[record.position :].startswith(record.raw)


def test_frame_fed_byte_by_byte_comes_out_with_its_last_byte() -> None:
    reader = StreamReader()
    data = numbered(5)
    assert [reader.feed(data[i : i + 1]) for i in range(len(data) - 1)] == [[]] * (len(data) - 1)
    assert summary(reader.feed(data[-1:])) == [5]


def test_frames_behind_a_bad_checksum_are_found() -> None:
    records, reader = read(patched(numbered(1), 40, b"\xff") + numbered(2))
    assert summary(records) == ["checksum_mismatch", 2]
    assert reader.skipped_bytes == 0


def test_frames_swallowed_by_an_inflated_payload_size_are_found() -> None:
    inflated = patched(numbered(1), 24, b"\x80\x00")
    data = inflated + b"".join(numbered(sequence) for sequence in range(2, 9))
    assert summary(read(data)[0]) == ["checksum_mismatch", 2, 3, 4, 5, 6, 7, 8]


def test_frames_swallowed_by_an_inflated_last_frame_are_found_at_the_end() -> None:
    inflated = patched(numbered(1), 24, b"\x00\x30")
    reader = StreamReader()
    assert reader.feed(inflated + numbered(2) + numbered(3)) == []
    assert summary(reader.flush()) == ["incomplete_payload", 2, 3]


def test_oversized_claim_is_reported_by_its_header_and_stepped_past() -> None:
    claim = patched(numbered(1), 24, b"\xff\xff\xff\xff")
    records, _ = read(claim + numbered(2))
    assert summary(records) == ["payload_too_large", 2]
    assert records[0].raw == claim[:32]


def test_frame_refused_for_its_content_is_stepped_over_whole() -> None:
    inner = numbered(7)
    wrapper = encode_frame([pack_tlv(42, inner)], sequence=1, timestamp=2)
    records, _ = read(wrapper + numbered(2))
    assert summary(records) == ["unknown_layout", 2]
    assert records[0].raw == wrapper


def test_frame_hidden_in_one_without_checksum_is_found() -> None:
    wrapper = encode_frame(
        [pack_tlv(46, numbered(7))], sequence=1, timestamp=2, with_checksum=False
    )
    assert summary(read(wrapper)[0]) == ["checksum_missing", 7]


def test_lenient_reader_takes_a_frame_without_checksum_whole() -> None:
    records, _ = read(
        numbered(1, with_checksum=False) + numbered(2),
        policy=DecodePolicy(require_checksum=False),
    )
    assert [(record.header.sequence, record.verified) for record in records] == [
        (1, False),
        (2, True),
    ]


def test_other_domain_is_ignored_when_its_checksum_holds_and_skipped_otherwise() -> None:
    records, reader = read(numbered(1, domain=1) + numbered(2))
    assert summary(records) == ["wrong_domain", 2]
    assert reader.skipped_bytes == 0
    unproven = numbered(1, domain=1, with_checksum=False)
    records, reader = read(unproven + numbered(2))
    assert summary(records) == [2]
    assert reader.skipped_bytes == len(unproven)


def test_other_domain_with_a_bad_checksum_hides_nothing() -> None:
    wrapper = encode_frame([pack_tlv(46, numbered(7))], sequence=1, timestamp=2, domain=1)
    assert summary(read(patched(wrapper, 8, b"\x09") + numbered(2))[0]) == [7, 2]


def test_foreign_claim_without_checksum_holds_nothing_back() -> None:
    claim = encode_frame(
        [pack_tlv(46, bytes(9000))], sequence=1, timestamp=2, domain=1, with_checksum=False
    )
    assert summary(StreamReader().feed(claim[:32] + numbered(2))) == [2]


def test_incomplete_end_is_reported_once_by_flush() -> None:
    reader = StreamReader()
    assert summary(reader.feed(numbered(1) + numbered(2)[:20])) == [1]
    (rejected,) = reader.flush()
    assert isinstance(rejected, Rejected)
    assert (rejected.error.code, rejected.position) == ("incomplete_header", len(numbered(1)))
    assert reader.flush() == []


def test_reader_goes_on_after_a_flush() -> None:
    reader = StreamReader()
    reader.feed(numbered(1)[:40])
    reader.flush()
    assert summary(reader.feed(numbered(2))) == [2]


def test_header_only_frame_is_a_frame() -> None:
    assert summary(read(encode_frame([], sequence=3, timestamp=2))[0]) == [3]


HOSTILE = {
    "magic after magic": MAGIC_BYTES,
    "claims of 990 bytes every 7": MAGIC_BYTES + b"\x03\x00\x00",
    "claims of 16 KB every 10": MAGIC_BYTES + b"\x03\x3f\x00\x00xx",
    "foreign claims of 16 KB every 10": MAGIC_BYTES + b"\x01\x3f\x00\x00xx",
    "oversized claims every 32": MAGIC_BYTES + b"\x03" + b"\xff" * 27,
    "magic torn by one byte": MAGIC_BYTES[:3],
}


def calls_to_read(data: bytes, chunk: int) -> int:
    """Count Python and C calls, a measure of work that no other process disturbs."""
    count = 0

    def tally(frame: FrameType, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    reader = StreamReader()
    sys.setprofile(tally)
    try:
        for start in range(0, len(data), chunk):
            reader.feed(data[start : start + chunk])
        reader.flush()
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("chunk", [61, 4096])
@pytest.mark.parametrize("unit", HOSTILE.values(), ids=HOSTILE.keys())
def test_work_grows_no_faster_than_hostile_input(unit: bytes, chunk: int) -> None:
    def stream(size: int) -> bytes:
        return (unit * (size // len(unit) + 1))[:size]

    small = calls_to_read(stream(3 * LIMIT), chunk)
    large = calls_to_read(stream(6 * LIMIT), chunk)
    assert large <= 2.2 * small + 200


@pytest.mark.parametrize("unit", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_input_is_neither_held_back_nor_reported_beyond_bounds(unit: bytes) -> None:
    reader = StreamReader()
    data = (unit * (8 * LIMIT // len(unit) + 1))[: 8 * LIMIT]
    reported = 0
    for start in range(0, len(data), 1000):
        reported += sum(len(record.raw) for record in reader.feed(data[start : start + 1000]))
        assert reader.pending_bytes <= 32 + LIMIT + 1000
    reported += sum(len(record.raw) for record in reader.flush())
    assert reported <= 2 * len(data)
    assert reader.pending_bytes == 0
    assert summary(reader.feed(numbered(1))) == [1]
