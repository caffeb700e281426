"""Hostile bytes: whatever comes in, a frame or a FrameError comes out."""

from __future__ import annotations

import json
import random
from pathlib import Path
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pm.wire.describe import describe_bytes, describe_line
from pm.wire.errors import FrameError
from pm.wire.frame import DecodePolicy, Frame, decode_frame
from pm.wire.stream import StreamReader

VECTORS = [
    bytes.fromhex(vector["hex"])
    for vector in json.loads(Path(__file__).with_name("vectors.json").read_text())["vectors"]
]
POLICIES = (
    DecodePolicy(),
    DecodePolicy(require_checksum=False, accept_types_crate_domain=True),
)


def outcome(data: bytes, policy: DecodePolicy) -> Frame | FrameError:
    try:
        return decode_frame(data, policy)
    except FrameError as error:
        return error


def resealed(data: bytes) -> bytes:
    """Give the bytes a payload size and checksum that hold, so that the damage gets further in."""
    if len(data) < 32:
        return data
    head = data[:24] + (len(data) - 32).to_bytes(4, "little")
    return head + crc32(data[32:], crc32(head)).to_bytes(4, "little") + data[32:]


def mutated(data: bytes, source: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(source.randint(1, 6)):
        if not changed:
            break
        at = source.randrange(len(changed))
        action = source.randrange(4)
        if action == 0:
            changed[at] = source.choice((0, 1, 2, 40, 42, 45, 50, 101, 108, 120, 255))
        elif action == 1:
            changed[at] ^= 1 << source.randrange(8)
        elif action == 2:
            del changed[at : at + source.randint(1, 9)]
        else:
            changed[at:at] = source.randbytes(source.randint(1, 9))
    return bytes(changed)


@pytest.mark.parametrize("seed", range(10))
def test_mutated_vectors_end_as_a_frame_or_a_named_error(seed: int) -> None:
    source = random.Random(seed)
    accepted = 0
    for _ in range(3000):
        data = mutated(source.choice(VECTORS), source)
        for candidate in (data, data[:32] and resealed(data)):
            result = outcome(candidate, source.choice(POLICIES))
            assert isinstance(result, Frame | FrameError), (seed, candidate.hex())
            accepted += isinstance(result, Frame)
    assert accepted > 0


@pytest.mark.parametrize("data", VECTORS, ids=range(len(VECTORS)))
def test_vector_cut_anywhere_ends_as_a_frame_or_a_named_error(data: bytes) -> None:
    for end in range(len(data)):
        for candidate in (data[:end], resealed(data[:end])):
            for policy in POLICIES:
                assert isinstance(outcome(candidate, policy), Frame | FrameError), candidate.hex()


def test_vector_cut_anywhere_is_never_accepted_unsealed() -> None:
    whole = VECTORS[0]
    assert isinstance(outcome(whole, POLICIES[0]), Frame)
    assert not [
        end for end in range(len(whole)) if isinstance(outcome(whole[:end], POLICIES[0]), Frame)
    ]


def test_any_flipped_bit_under_the_checksum_is_noticed() -> None:
    whole = VECTORS[0]
    for bit in range(8 * len(whole)):
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << bit % 8
        result = outcome(bytes(flipped), POLICIES[0])
        assert isinstance(result, FrameError) or result.ignored, bit


@given(st.binary(max_size=300), st.sampled_from(POLICIES))
def test_random_payloads_end_as_a_frame_or_a_named_error(
    payload: bytes, policy: DecodePolicy
) -> None:
    result = outcome(resealed(VECTORS[0][:32] + payload), policy)
    assert isinstance(result, Frame | FrameError)


@pytest.mark.parametrize("seed", range(4))
def test_mutated_streams_are_read_to_their_end(seed: int) -> None:
    source = random.Random(seed)
    for _ in range(300):
        data = b"".join(mutated(source.choice(VECTORS), source) for _ in range(5))
        reader = StreamReader(source.choice(POLICIES))
        records = reader.feed(data) + reader.flush()
        assert reader.pending_bytes == 0, (seed, data.hex())
        covered = reader.skipped_bytes + sum(len(record.raw) for record in records)
        assert covered >= len(data), (seed, data.hex())


@given(st.binary(max_size=200))
def test_any_bytes_are_described_as_json(data: bytes) -> None:
    for candidate in (data, VECTORS[0] + data, resealed(VECTORS[0][:32] + data)):
        assert json.loads(json.dumps(describe_bytes(candidate)))["result"] in {
            "ok",
            "error",
            "ignored",
            "stream",
        }


@given(st.text(max_size=60))
def test_any_line_is_described(line: str) -> None:
    assert describe_line(line)["result"] == "error"


def test_payload_of_nothing_but_empty_tlvs_is_skipped_and_counted() -> None:
    data = resealed(VECTORS[0][:32] + bytes(16_384))
    result = outcome(data, POLICIES[0])
    assert isinstance(result, Frame)
    assert result.unknown_types == 8192
