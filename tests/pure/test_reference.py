"""Reference data as values: ids, chains, records, snapshots and their differences."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pm.reference.chains import chain_name, chain_of_location, location
from pm.reference.record_reader import read_instrument, read_token, read_venue
from pm.reference.record_text import (
    instrument_from_text,
    record_text,
    token_from_text,
    venue_from_text,
)
from pm.reference.records import Instrument
from pm.reference.snapshot import DuplicateRecord, Reference, difference
from pm.reference.text_ids import MAX_ID_LENGTH, check_id, escape_id, unescape_id
from pm.wire.instrument_id import InstrumentId

SPOT = {"id": "kraken.coin.BTC", "kind": "spot", "base": "BTC", "quote": "USD"}
INVERSE = {
    "id": "deribit.future.BTC-PERP",
    "kind": "perpetual",
    "base": "BTC",
    "quote": "USD",
    "inverse": True,
    "contract_size": "10",
}


def instrument(**values: object) -> Instrument:
    return read_instrument({**SPOT, **values}, {})


# --- ids ---


@pytest.mark.parametrize(
    ("outside", "inside"),
    [
        ("binance.coin.BTCUSDT", "binance.coin.BTCUSDT"),
        ("a:b", "a%3Ab"),
        ("BTC/USDT", "BTC%2FUSDT"),
        ("50%", "50%25"),
        ("a b", "a%20b"),
        ("é", "%C3%A9"),
        ('"\\\n', "%22%5C%0A"),
    ],
)
def test_characters_that_ids_cannot_have_are_percent_escaped(outside: str, inside: str) -> None:
    assert escape_id(outside) == inside


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=32))
def test_an_escaped_id_is_plain_and_gives_the_outside_id_back(outside: str) -> None:
    try:
        inside = escape_id(outside)
    except ValueError:
        assert len(outside.encode()) * 3 > MAX_ID_LENGTH
        return
    assert check_id(inside) == inside
    assert unescape_id(inside) == outside


def test_an_id_may_be_128_characters_long_after_escaping() -> None:
    assert len(escape_id("x" * 128)) == 128
    assert len(escape_id("x" * 125 + ":")) == 128


@pytest.mark.parametrize(
    ("outside", "fault"),
    [
        ("", "must not be empty"),
        ("x" * 129, "is longer than 128 characters"),
        ("x" * 126 + ":", "is longer than 128 characters"),
        ("\ud800", "is not valid Unicode text"),
    ],
)
def test_an_unusable_id_is_refused(outside: str, fault: str) -> None:
    with pytest.raises(ValueError, match=f"^{fault}$"):
        escape_id(outside)


@pytest.mark.parametrize("text", ["", "a:b", "a%3ab", "a%", "x" * 129, "é", "a\n"])
def test_only_the_inside_spelling_passes_as_such(text: str) -> None:
    with pytest.raises(ValueError, match="must be 1 to 128 of"):
        check_id(text)


# --- chains and locations ---


@pytest.mark.parametrize(
    ("chain_id", "name"),
    [
        (1, "ethereum"), (137, "polygon"), (56, "bsc"), (42161, "arbitrum"), (10, "optimism"),
        (43114, "avalanche"), (250, "fantom"), (8453, "base"), (777, "chain-777"),
    ],
)  # fmt: skip
def test_chains_have_names_or_numbers(chain_id: int, name: str) -> None:
    assert chain_name(chain_id) == name
    assert chain_of_location(name) == chain_id
    assert chain_of_location(f"fund.{name}") == chain_id


@pytest.mark.parametrize(
    ("account", "chain_id", "expected"),
    [
        (None, 0, "binance"),
        ("fund-1", 0, "fund-1"),
        (None, 137, "polygon"),
        ("fund-1", 137, "fund-1.polygon"),
    ],
)
def test_a_location_is_the_account_else_the_chain_else_the_venue(
    account: str | None, chain_id: int, expected: str
) -> None:
    assert location("binance", account, chain_id) == expected


def test_a_location_off_chain_has_no_chain() -> None:
    assert chain_of_location("binance") == 0


# --- records ---


def test_settlement_is_the_quote_by_default() -> None:
    assert instrument().settlement == "USD"


def test_settlement_of_an_inverse_instrument_is_its_base() -> None:
    assert read_instrument(INVERSE, {}).settlement == "BTC"


def test_a_contract_size_is_the_multiplier() -> None:
    assert read_instrument(INVERSE, {}).multiplier == "10"


def test_a_venue_gives_its_chain_to_instruments_that_name_none() -> None:
    venues = {"kraken": read_venue({"id": "kraken", "chain_id": 137})}
    assert read_instrument(SPOT, venues).chain_id == 137
    assert read_instrument({**SPOT, "chain_id": 1}, venues).chain_id == 1


@pytest.mark.parametrize(
    ("fee_token", "buys_in", "sells_in"),
    [
        ("settlement", "USD", "USD"),
        ("base", "BTC", "BTC"),
        ("received", "BTC", "USD"),
        ("BNB", "BNB", "BNB"),
    ],
)
def test_a_fee_without_token_is_in_the_fee_token(
    fee_token: str, buys_in: str, sells_in: str
) -> None:
    traded = instrument(fee_token=fee_token)
    assert traded.fee_token_of(is_buy=True) == buys_in
    assert traded.fee_token_of(is_buy=False) == sells_in


def test_an_id_that_is_the_text_of_twelve_bytes_needs_no_wire_id() -> None:
    wire = InstrumentId.from_text("kraken.coin.BTC").to_bytes()
    assert instrument().wire_bytes() == wire
    assert instrument(wire_id=wire.hex()) == instrument()


def test_another_id_has_the_wire_id_it_is_given() -> None:
    assert instrument(id="my-btc").wire_bytes() is None
    assert instrument(id="my-btc", wire_id="ab" * 12).wire_bytes() == b"\xab" * 12


amounts = st.integers(0, 10**30).map(lambda n: f"{n // 10**6}.{n % 10**6:06d}")
ids = st.from_regex(r"[A-Za-z0-9._-]{1,12}", fullmatch=True)
times = st.integers(1, (1 << 63) - 1)
COMMON = {
    "settlement": ids,
    "fee_token": ids,
    "chain_id": st.integers(0, 2**32 - 1),
    "decimals": st.integers(0, 36),
    "wire_decimals": st.integers(0, 36),
    "dust": amounts,
    "risk_weight": amounts,
    "correlation_group": st.integers(0, 65_535),
    "wire_id": st.binary(min_size=12, max_size=12).map(bytes.hex),
}
FUTURE: dict[str, st.SearchStrategy[object]] = {
    "underlying": ids,
    "margin_requirement": amounts,
    "tick_size": amounts,
}
BY_KIND: list[tuple[dict[str, object], dict[str, st.SearchStrategy[object]]]] = [
    ({"kind": "spot"}, {"is_stablecoin": st.booleans()}),
    (
        {"kind": "equity"},
        {"dividend_yield": amounts, "ex_dividend_date": times, "sector": st.integers(0, 65_535)},
    ),
    (
        {
            "kind": "option", "underlying": "BTC", "strike_price": "1", "expiry_time": 1,
            "option_type": "put",
        },
        {"implied_volatility": amounts, "strike_price": amounts, "expiry_time": times},
    ),
    ({"kind": "future", "settlement_date": 5}, {**FUTURE, "settlement_date": times}),
    ({"kind": "perpetual"}, FUTURE),
]  # fmt: skip


@st.composite
def instruments(draw: st.DrawFn) -> Instrument:
    required, optional = draw(st.sampled_from(BY_KIND))
    more = draw(st.fixed_dictionaries({}, optional={**COMMON, **optional}))
    values = {"id": "my-id", "base": "A", "quote": "B", **required, **more}
    return read_instrument(values, {})


@given(instruments())
def test_an_instrument_survives_its_text(traded: Instrument) -> None:
    text = record_text(traded)
    assert instrument_from_text(text) == traded
    assert record_text(instrument_from_text(text)) == text


def test_a_token_survives_its_text() -> None:
    token = read_token({"id": "USDC.e", "asset": "USDC", "decimals": 6, "is_stablecoin": True})
    assert record_text(token) == (
        '{"id":"USDC.e","asset":"USDC","decimals":"6","is_stablecoin":"1","chain_id":"0"}'
    )
    assert token_from_text(record_text(token)) == token


def test_a_venue_survives_its_text() -> None:
    venue = read_venue({"id": "nasdaq", "reuses_order_ids": True})
    assert record_text(venue) == '{"id":"nasdaq","chain_id":"0","reuses_order_ids":"1"}'
    assert venue_from_text(record_text(venue)) == venue


def test_text_that_is_no_record_is_refused() -> None:
    with pytest.raises(ValueError, match="a record must be a JSON object"):
        instrument_from_text("[]")


# --- snapshots ---


def test_an_instrument_is_found_by_id_and_by_wire_id() -> None:
    btc = instrument()
    reference = Reference.build(1, [btc])
    assert reference.instrument("kraken.coin.BTC") is btc
    assert reference.instrument_of_wire_id(InstrumentId.from_text(btc.id).to_bytes()) is btc
    assert reference.instrument("kraken.coin.ETH") is None


def test_a_key_that_two_instruments_share_is_known_as_ambiguous() -> None:
    btc, eth = instrument(), instrument(id="kraken.coin.ETH", base="ETH")
    reference = Reference.build(1, [btc, eth])
    key = InstrumentId.from_text(btc.id).to_u64()
    assert key == InstrumentId.from_text(eth.id).to_u64()
    assert reference.instruments_of_key(key) == (btc, eth)
    assert reference.instruments_of_key(key + 1) == ()


def test_two_instruments_cannot_have_one_id() -> None:
    with pytest.raises(DuplicateRecord, match=r"^instrument kraken.coin.BTC: id: is given twice$"):
        Reference.build(1, [instrument(), instrument()])


def test_two_instruments_cannot_have_one_wire_id() -> None:
    wire = InstrumentId.from_text("kraken.coin.BTC").to_bytes().hex()
    with pytest.raises(DuplicateRecord, match=f"{wire} is already that of kraken.coin.BTC$"):
        Reference.build(1, [instrument(), instrument(id="mine", wire_id=wire)])


def test_a_token_is_its_own_asset_unless_its_record_says_otherwise() -> None:
    reference = Reference.build(1, tokens=[read_token({"id": "USDC.e", "asset": "USDC"})])
    assert reference.asset("USDC.e") == "USDC"
    assert reference.asset("BTC") == "BTC"


def test_a_snapshot_cannot_be_changed() -> None:
    reference = Reference.build(1, [instrument()])
    with pytest.raises(TypeError):
        reference.instruments["x"] = instrument()  # type: ignore[index]


def test_a_difference_names_what_was_added_removed_or_altered() -> None:
    same, before = instrument(id="same"), instrument(id="altered")
    token, venue = read_token({"id": "USDC"}), read_venue({"id": "kraken"})
    old = Reference.build(1, [same, before, instrument(id="removed")], [token], [venue])
    altered = replace(before, dust="0.1")
    new = Reference.build(
        2, [same, altered, instrument(id="added")], [replace(token, decimals=6)], [venue]
    )
    changes = difference(old, new)
    assert changes.instruments == ("added", "altered", "removed")
    assert (changes.tokens, changes.venues) == (("USDC",), ())
    assert changes.ids() == [
        "instrument/added", "instrument/altered", "instrument/removed", "token/USDC",
    ]  # fmt: skip


def test_nothing_differs_between_equal_snapshots() -> None:
    assert difference(Reference.build(1, [instrument()]), Reference.build(2, [instrument()])) == (
        (), (), (),
    )  # fmt: skip
