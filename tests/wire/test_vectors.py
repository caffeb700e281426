"""The reference vectors: every frame, instrument and framing in vectors.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pm.wire.describe import describe_bytes, describe_line
from pm.wire.errors import FrameError
from pm.wire.frame import DecodePolicy, decode_frame
from pm.wire.instrument_id import InstrumentId
from pm.wire.stream import StreamReader

REFERENCE = json.loads(Path(__file__).with_name("vectors.json").read_text())
VECTORS: list[dict[str, Any]] = REFERENCE["vectors"]
INSTRUMENTS: list[dict[str, Any]] = REFERENCE["instruments"]
FRAMINGS: dict[str, bytes] = {
    framing["name"]: bytes.fromhex(framing["hex"]) for framing in REFERENCE["framings"]
}
LENIENT = DecodePolicy(require_checksum=False)
COMPATIBLE = DecodePolicy(accept_types_crate_domain=True)


def differences(expected: Any, actual: Any, path: str = "") -> list[str]:
    """List where `actual` lacks or contradicts what is expected; more than expected is fine."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        return [
            line
            for key, value in expected.items()
            for line in differences(value, actual.get(key, "absent"), f"{path}/{key}")
        ]
    if isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        return [
            line
            for index, pair in enumerate(zip(expected, actual, strict=True))
            for line in differences(*pair, f"{path}/{index}")
        ]
    same = expected == actual and type(expected) is type(actual)
    return [] if same else [f"{path}: expected {expected!r}, got {actual!r}"]


def strict_expectation(vector: dict[str, Any]) -> dict[str, Any]:
    expect: dict[str, Any] = vector["expect"]
    return expect["strict"] if expect["result"] == "policy" else expect


def named(name: str) -> bytes:
    return bytes.fromhex(next(vector["hex"] for vector in VECTORS if vector["name"] == name))


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_vector_is_described_as_expected(vector: dict[str, Any]) -> None:
    described = json.loads(json.dumps(describe_line(vector["hex"])))
    assert differences(strict_expectation(vector), described) == []


def test_refused_vectors_have_no_fields_beside_the_refusal() -> None:
    for vector in VECTORS:
        described = describe_line(vector["hex"])
        if described["result"] == "error":
            assert "tlvs" not in described, vector["name"]


def test_lenient_policy_accepts_a_missing_checksum_as_unverified() -> None:
    frame = decode_frame(named("checksum_zero"), LENIENT)
    assert (frame.verified, len(frame.tlvs)) == (False, 1)


def test_compatibility_switch_accepts_domain_2() -> None:
    frame = decode_frame(named("domain_2_source_20_types_crate"), COMPATIBLE)
    assert (frame.ignored, frame.header.source, len(frame.tlvs)) == (None, 20, 1)


def test_truncated_header_makes_a_stream_wait() -> None:
    reader = StreamReader()
    assert reader.feed(named("header_truncated")) == []
    assert reader.pending_bytes == 20


@pytest.mark.parametrize("instrument", INSTRUMENTS, ids=lambda instrument: instrument["name"])
def test_instrument_has_the_expected_bytes_keys_and_chain(instrument: dict[str, Any]) -> None:
    identifier = InstrumentId.from_bytes(bytes.fromhex(instrument["wire12"]))
    fields = {name: instrument[name] for name in identifier._fields}
    assert identifier._asdict() == fields
    assert identifier.to_bytes().hex() == instrument["wire12"]
    assert identifier.to_u64() == instrument["to_u64"]
    assert str(identifier.cache_key()) == instrument["cache_key"]
    assert InstrumentId.from_cache_key(int(instrument["cache_key"])) == identifier
    assert InstrumentId.from_text(identifier.to_text()) == identifier
    assert identifier.chain_id() == instrument.get("chain_id")
    if "decoded" in instrument:
        assert identifier.option_terms()._asdict() == instrument["decoded"]


def test_raw_stream_framing_is_one_frame() -> None:
    assert describe_bytes(FRAMINGS["raw_stream"])["result"] == "ok"


@pytest.mark.parametrize("name", ["u32_be_prefix", "u32_le_prefix"])
def test_length_prefix_is_skipped_as_foreign_bytes(name: str) -> None:
    described = describe_bytes(FRAMINGS[name])
    assert (described["frames"], described["skipped_bytes"]) == (1, 4)


def test_bundle_form_is_never_taken_for_a_frame() -> None:
    bundle = FRAMINGS["bundle_u16_u16"]
    with pytest.raises(FrameError) as caught:
        decode_frame(bundle)
    assert caught.value.code == "bad_magic"
    reader = StreamReader()
    assert reader.feed(bundle) + reader.flush() == []
    assert reader.skipped_bytes == len(bundle)
