"""Reference data from TOML: exact numbers, defaults, and one line for every fault."""

from pathlib import Path

import pytest

from pm.reference.records import EquityMetadata, FutureMetadata, OptionMetadata
from pm.reference.snapshot import Reference
from pm.reference.toml_source import ReferenceDataError, load_reference, parse_reference

DEFAULT_FILE = Path(__file__).parents[2] / "config" / "instruments.toml"

SPOT = '[[instrument]]\nid = "x.y"\nkind = "spot"\nbase = "A"\nquote = "B"\n'
PERPETUAL = SPOT.replace("spot", "perpetual")
OPTION = SPOT.replace("spot", "option") + (
    'underlying = "A"\nstrike_price = 5\noption_type = "call"\n'
)


@pytest.fixture(scope="module")
def shipped() -> Reference:
    return load_reference(DEFAULT_FILE)


@pytest.mark.parametrize(
    ("written", "dust"),
    [
        ("0.1", "0.1"),
        ('"0.1"', "0.1"),
        ("1e-18", "0.000000000000000001"),
        ("0.30000000000000004", "0.30000000000000004"),
        ("123456789012345678.5", "123456789012345678.5"),
        ("7", "7"),
        ("1.50", "1.5"),
    ],
)
def test_numbers_are_read_digit_by_digit(written: str, dust: str) -> None:
    reference = parse_reference(f"{SPOT}dust = {written}\n", "f.toml")
    assert reference.instruments["x.y"].dust == dust


@pytest.mark.parametrize(
    ("written", "nanoseconds"),
    [
        ("2023-11-14", 1_699_920_000_000_000_000),
        ("2023-11-14T22:13:20Z", 1_700_000_000_000_000_000),
        ("2023-11-14T23:13:20.000001+01:00", 1_700_000_000_000_001_000),
        ("1700000000000000007", 1_700_000_000_000_000_007),
    ],
)
def test_times_are_dates_date_times_or_nanoseconds(written: str, nanoseconds: int) -> None:
    metadata = (
        parse_reference(f"{OPTION}expiry_time = {written}\n", "f.toml").instruments["x.y"].metadata
    )
    assert isinstance(metadata, OptionMetadata)
    assert metadata.expiry_time == nanoseconds


def test_ids_are_escaped_as_they_are_in_events() -> None:
    text = SPOT.replace("x.y", "BTC/USDT")
    assert list(parse_reference(text, "f.toml").instruments) == ["BTC%2FUSDT"]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[[instruments]]", "f.toml: instruments: is not a known key, did you mean instrument?"),
        ("[instrument]", "f.toml: instrument: must be written as [[instrument]] tables"),
        (
            SPOT + "multiplyer = 2",
            "f.toml: instrument x.y: multiplyer: is not a known key, did you mean multiplier?",
        ),
        (SPOT + "zzz = 2", "f.toml: instrument x.y: zzz: is not a known key"),
        (
            SPOT + "multiplier = 2",
            "f.toml: instrument x.y: multiplier: must be 1 for kind spot, not 2",
        ),
        (
            SPOT.replace("spot", "equity") + "multiplier = 100",
            "f.toml: instrument x.y: multiplier: must be 1 for kind equity, not 100",
        ),
        (
            SPOT + "inverse = true",
            "f.toml: instrument x.y: inverse: is only for future and perpetual, not spot",
        ),
        (
            PERPETUAL + 'inverse = true\nsettlement = "B"',
            "f.toml: instrument x.y: settlement: must be the base of an inverse instrument, A",
        ),
        (
            PERPETUAL + "contract_size = 10\nmultiplier = 5",
            "f.toml: instrument x.y: contract_size: is 10 but multiplier is 5",
        ),
        (
            PERPETUAL + "multiplier = 0",
            "f.toml: instrument x.y: multiplier: must be more than 0, not 0",
        ),
        (
            SPOT + "strike_price = 5",
            "f.toml: instrument x.y: strike_price: belongs to kind option, not spot",
        ),
        (
            OPTION + "expiry_time = 2027-01-01T08:00:00",
            "f.toml: instrument x.y: expiry_time: needs an offset from UTC,"
            " such as 2027-01-01T08:00:00Z",
        ),
        (
            OPTION + "expiry_time = -5",
            "f.toml: instrument x.y: expiry_time: must be 1 to 9223372036854775807, not -5",
        ),
        (
            SPOT.replace('"B"', '"A"'),
            "f.toml: instrument x.y: quote: must differ from base for kind spot",
        ),
        (SPOT + 'dust = "abc"', "f.toml: instrument x.y: dust: 'abc' is not a decimal number"),
        (SPOT + "dust = nan", "f.toml: instrument x.y: dust: 'nan' is not a decimal number"),
        (SPOT + "dust = -1", "f.toml: instrument x.y: dust: must be 0 or more, not -1"),
        (
            SPOT + "dust = true",
            "f.toml: instrument x.y: dust: must be a whole number or a number as text, not True",
        ),
        (SPOT + "decimals = 37", "f.toml: instrument x.y: decimals: must be 0 to 36, not 37"),
        (
            SPOT + "decimals = 1.5",
            "f.toml: instrument x.y: decimals: must be a whole number, not '1.5'",
        ),
        (
            SPOT + 'inverse = "yes"',
            "f.toml: instrument x.y: inverse: must be true or false, not 'yes'",
        ),
        (
            SPOT + 'wire_id = "12"',
            "f.toml: instrument x.y: wire_id: must be 24 hex digits, not '12'",
        ),
        (
            SPOT.replace("x.y", "kraken.coin.BTC") + f'wire_id = "{"ab" * 12}"',
            "f.toml: instrument kraken.coin.BTC: wire_id: is abababababababababababab"
            " but the id spells 000000000043544265003300",
        ),
        (SPOT.replace("spot", "bond"), "f.toml: instrument x.y: kind: must be one of spot, equity,"
         " option, future, perpetual, not 'bond'"),
        ('[[instrument]]\nkind = "spot"', "f.toml: instrument number 1: id: is missing"),
        ('[[token]]\nid = ""', "f.toml: token number 1: id: must not be empty"),
        (SPOT + SPOT, "f.toml: instrument x.y: id: is given twice"),
        ("[[venue]]\nid = 5", "f.toml: venue number 1: id: must be text, not 5"),
    ],
)  # fmt: skip
def test_a_fault_is_one_line_that_names_file_record_and_key(text: str, fault: str) -> None:
    with pytest.raises(ReferenceDataError) as raised:
        parse_reference(text, "f.toml")
    assert str(raised.value) == fault


def test_every_faulty_record_is_reported() -> None:
    with pytest.raises(ReferenceDataError) as raised:
        parse_reference(SPOT + "a = 1\n" + SPOT.replace("x.y", "z") + "b = 1\n", "f.toml")
    assert str(raised.value).splitlines() == [
        "f.toml: instrument x.y: a: is not a known key",
        "f.toml: instrument z: b: is not a known key",
    ]


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ReferenceDataError, match=r"nowhere\.toml: No such file or directory$"):
        load_reference(tmp_path / "nowhere.toml")


def test_a_file_that_is_not_toml_is_named() -> None:
    with pytest.raises(ReferenceDataError, match=r"^f\.toml: Invalid initial character"):
        parse_reference("[[", "f.toml")


# --- the file that is shipped ---


def test_the_shipped_instruments_all_have_wire_ids(shipped: Reference) -> None:
    assert [one.id for one in shipped.instruments.values() if one.wire_bytes() is None] == []


def test_the_shipped_pool_on_polygon_is_not_on_ethereum(shipped: Reference) -> None:
    assert shipped.instruments["uniswapv3.pool.0xc9d5122edcbd169d"].chain_id == 137
    assert shipped.instruments["uniswapv3.pool.0x367f72e0b033da17"].chain_id == 1


def test_the_shipped_perpetual_of_deribit_is_inverse(shipped: Reference) -> None:
    perpetual = shipped.instruments["deribit.future.BTC-PERP"]
    assert (perpetual.settlement, perpetual.multiplier) == ("BTC", "10")
    assert perpetual.metadata == FutureMetadata("BTC", "10", None, "0.000004", "0.5")


def test_the_shipped_equity_has_its_metadata(shipped: Reference) -> None:
    assert shipped.instruments["nasdaq.stock.AAPL"].metadata == EquityMetadata(
        "0.0045", 1_802_044_800_000_000_000, 45
    )
