"""The instrument id and its text: reversible for every 12 bytes, and one spelling only."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pm.wire.instrument_id import InstrumentId
from pm.wire.venues import ASSET_TYPE_NAMES, SYMBOL_ASSET_TYPES, VENUE_NAMES

U64 = st.integers(0, (1 << 64) - 1)
SYMBOL_BYTES = st.text("AZaz09._-x\0r", max_size=8).map(
    lambda text: int.from_bytes(text.encode().ljust(8, b"\0"), "big")
)
IDENTIFIERS = st.builds(
    InstrumentId,
    U64 | SYMBOL_BYTES,
    st.integers(0, 0xFFFF) | st.sampled_from(sorted(VENUE_NAMES)),
    st.integers(0, 255) | st.sampled_from(sorted(SYMBOL_ASSET_TYPES)),
    st.integers(0, 255) | st.just(0),
)


@given(IDENTIFIERS)
@example(InstrumentId.from_symbol(1, 1, "A.r1"))
@example(InstrumentId.from_symbol(1, 1, "A.r1", 2))
@example(InstrumentId.from_symbol(1, 1, "BRK.B"))
@example(InstrumentId.from_symbol(1, 1, "0xABCDEF"))
@example(InstrumentId.from_symbol(1, 1, "A\n"))
@example(InstrumentId(0, 0, 0, 0))
@example(InstrumentId(0, 1, 1, 0))
def test_text_is_plain_and_gives_the_identifier_back(identifier: InstrumentId) -> None:
    text = identifier.to_text()
    assert re.fullmatch(r"[A-Za-z0-9._-]+", text)
    assert InstrumentId.from_text(text) == identifier


@given(st.binary(min_size=12, max_size=12))
def test_every_12_bytes_survive_text_and_cache_key(wire: bytes) -> None:
    identifier = InstrumentId.from_bytes(wire)
    assert InstrumentId.from_text(identifier.to_text()).to_bytes() == wire
    assert InstrumentId.from_cache_key(identifier.cache_key()).to_bytes() == wire


@given(st.from_regex(r"[a-z0-9]{1,9}\.[a-z0-9]{1,7}\.[A-Za-z0-9._-]{1,20}", fullmatch=True))
@example("binance.coin.0xA0B86991C6218B36")
@example("ethereum.token.BTC")
@example("venue70000.coin.BTC")
@example("binance.type256.0x0000000000000001")
@example("binance.coin.BTC.r256")
@example("binance.coin.BTC.r01")
@example("binance.coin.BTC.r0")
@example("venue100.coin.BTC")
@example("binance.coin.BTCUSDTXX")
def test_any_text_is_refused_or_is_the_one_spelling(text: str) -> None:
    try:
        spelling = InstrumentId.from_text(text).to_text()
    except ValueError:
        return
    assert spelling == text


@pytest.mark.parametrize(
    ("identifier", "text"),
    [
        (InstrumentId.from_symbol(100, 51, "BTCUSDT"), "binance.coin.BTCUSDT"),
        (InstrumentId(0xA0B86991C6218B36, 200, 50), "ethereum.token.0xa0b86991c6218b36"),
        (InstrumentId(0x367F72E0B033DA17, 301, 100, 1), "uniswapv3.pool.0x367f72e0b033da17.r1"),
        (InstrumentId.from_symbol(1, 1, "BRK.B"), "nyse.stock.BRK.B"),
        (InstrumentId.from_symbol(1, 1, "A.r1"), "nyse.stock.0x412e723100000000"),
        (InstrumentId(7, 9999, 77), "venue9999.type77.0x0000000000000007"),
        (InstrumentId.from_symbol(101, 51, "A:B"), "kraken.coin.0x413a420000000000"),
    ],
)
def test_text_reads_as_the_instrument(identifier: InstrumentId, text: str) -> None:
    assert identifier.to_text() == text
    assert InstrumentId.from_text(text) == identifier


@pytest.mark.parametrize(
    "text",
    [
        "",
        "binance",
        "binance.coin",
        "binance.coin.",
        "Binance.coin.BTC",
        "venue100.coin.BTC",
        "binance.type51.BTC",
        "binance.coin.BTC.r0",
        "binance.coin.BTC.r01",
        "binance.coin.BTC.r256",
        "binance.coin.0x4254430000000000",
        "ethereum.token.BTC",
        "binance.coin.BTC\n",
        "binance.coin.TOOLONGSYMBOL",
        "venue65536.coin.BTC",
        "venue٣.coin.BTC",
    ],
)
def test_other_spellings_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="instrument"):
        InstrumentId.from_text(text)


def test_short_symbols_share_the_64_bit_key_but_not_the_cache_key() -> None:
    bitcoin = InstrumentId.from_symbol(101, 51, "BTC")
    ether = InstrumentId.from_symbol(101, 51, "ETH")
    assert bitcoin.to_u64() == ether.to_u64() == 0x65330000000000
    assert bitcoin.cache_key() != ether.cache_key()


@given(st.integers(0, (1 << 40) - 1), st.integers(0, 0xFFFF), st.integers(0, 255))
def test_64_bit_key_is_reversible_up_to_40_bits_of_asset(
    asset_id: int, venue: int, asset_type: int
) -> None:
    identifier = InstrumentId(asset_id, venue, asset_type)
    assert InstrumentId.from_u64(identifier.to_u64()) == identifier


def test_chains_are_those_of_the_venues() -> None:
    chains: dict[int, set[int]] = {}
    for venue in range(1 << 16):
        chain_id = InstrumentId(0, venue, 50).chain_id()
        if chain_id is not None:
            chains.setdefault(chain_id, set()).add(venue)
    assert chains == {
        1: {200, *range(300, 311)},
        10: {207},
        56: {203, 500, 501},
        137: {202, *range(400, 405)},
        250: {205},
        42161: {206, 600, 601, 602},
        43114: {204},
    }


def test_names_are_unique_and_never_look_like_a_number() -> None:
    for names in (VENUE_NAMES, ASSET_TYPE_NAMES):
        assert len(set(names.values())) == len(names)
        assert not [name for name in names.values() if re.fullmatch(r"(venue|type)\d+", name)]


@pytest.mark.parametrize("symbol", ["", "NINELONGS", "A\0B", "Ä"])
def test_symbol_that_does_not_fit_is_refused_rather_than_cut(symbol: str) -> None:
    with pytest.raises(ValueError, match=r"symbol|ascii"):
        InstrumentId.from_symbol(100, 51, symbol)


def test_part_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match="out of range"):
        InstrumentId(1, 1 << 16, 0).to_bytes()
    with pytest.raises(ValueError, match="13 bytes"):
        InstrumentId.from_bytes(bytes(13))
