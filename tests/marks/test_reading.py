"""Marks from JSON lines and from the frames of relays."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from pm.decimals import Amount
from pm.marks.frames import FrameMarks, marks_of_frames
from pm.marks.lines import marks_of_tables, tables_of_lines
from pm.marks.mark import SECOND_NS, Mark, MarkError, mark_from_table
from pm.wire.encode import encode_frame
from pm.wire.frame import decode_frame
from pm.wire.header import EXECUTION_DOMAIN, MARKET_DATA_DOMAIN
from pm.wire.instrument_id import InstrumentId
from pm.wire.side_layouts import Quote, Trade
from tests.marks.made import BTCUSDT, NOW, PERPETUAL, REFERENCE

TOKEN: dict[str, Any] = {"subject": "BTC", "quote": "USD", "price": "65000.5", "time": str(NOW)}
BINANCE = InstrumentId.from_text(BTCUSDT)
NOBODYS = InstrumentId.from_text("kraken.coin.NOPE")


def read(**changed: Any) -> Mark:
    return mark_from_table({**TOKEN, **changed}, REFERENCE, NOW)


def fault(**changed: Any) -> str:
    with pytest.raises(MarkError) as raised:
        read(**changed)
    assert "\n" not in str(raised.value)
    return str(raised.value)


# --- tables ---


def test_a_token_cannot_be_marked_at_nothing_but_an_instrument_can() -> None:
    assert "price: of a token must be more than 0" in fault(price="0")
    assert not read(subject=BTCUSDT, quote="USDT", price="0").price


def test_a_mark_is_read_with_its_defaults() -> None:
    assert read() == Mark("BTC", "USD", Amount.parse("65000.5"), NOW, "manual", "last", NOW)


def test_a_mark_is_read_as_it_is_told() -> None:
    told = {"kind": "mark", "source": "a desk", "class": "settlement", "price": "1e-8"}
    found = read(**told)
    assert (found.source, found.kind, str(found.price)) == ("a%20desk", "settlement", "0.00000001")


@pytest.mark.parametrize("quote", [None, "USDT"])
def test_an_instrument_is_priced_in_its_quote(quote: str | None) -> None:
    assert read(subject=PERPETUAL, quote=quote).pair == (PERPETUAL, "USDT")


@pytest.mark.parametrize(
    "moment", [str(NOW), NOW, "2023-11-14T22:13:20Z", "2023-11-14T23:13:20.000000+01:00"]
)
def test_a_time_is_nanoseconds_or_a_date_time(moment: str | int) -> None:
    assert read(time=moment).time == NOW


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"subject": None}, "mark: subject: is missing"),
        ({"price": None}, "mark: price: is missing"),
        ({"time": None}, "mark: time: is missing"),
        ({"price": "-1"}, "mark: price: must be 0 or more, not -1"),
        ({"price": "NaN"}, "mark: price: 'NaN' is not a decimal number"),
        ({"price": 1.5}, "mark: price: must be a whole number or a number as text, not 1.5"),
        ({"quote": None}, "mark: quote: is missing, and BTC is no known instrument"),
        ({"quote": "BTC"}, "mark: quote: is BTC itself"),
        (
            {"subject": BTCUSDT},
            "mark: quote: is USD, but binance.coin.BTCUSDT is quoted in USDT",
        ),
        (
            {"class": "best"},
            "mark: class: must be one of mark, settlement, mid, last, not 'best'",
        ),
        ({"kind": "fill"}, "mark: kind: must be one of mark, not 'fill'"),
        ({"prize": "1"}, "mark: prize: is not a known key, did you mean price?"),
        ({"time": str(NOW + 61 * SECOND_NS)}, "mark: time: is in the future"),
        ({"time": "1700000000"}, "mark: time: must be 1000000000000000 to"),
        ({"time": "-1"}, "mark: time: must be 1000000000000000 to"),
        ({"time": "yesterday"}, "mark: time: must be nanoseconds or a date-time like"),
        ({"time": "2023-11-14T22:13:20"}, "mark: time: needs an offset from UTC"),
        ({"time": "2023-11-14T22:13:20.0000001Z"}, "mark: time: is finer than microseconds"),
        ({"time": True}, "mark: time: must be a whole number"),
    ],
)
def test_a_wrong_mark_is_refused_by_its_key(changed: dict[str, Any], said: str) -> None:
    assert fault(**changed).startswith(said)


def test_a_clock_that_is_a_little_ahead_is_no_fault() -> None:
    assert read(time=NOW + 60 * SECOND_NS).time == NOW + 60 * SECOND_NS


# --- lines ---


def test_lines_are_read_digit_by_digit() -> None:
    text = json.dumps({**TOKEN, "time": NOW})
    line = text.replace('"65000.5"', "0.1000000000000000000001")
    [mark] = marks_of_tables(tables_of_lines(["", line, " \n"]), REFERENCE, NOW)
    assert str(mark.price) == "0.1000000000000000000001"


def test_marks_are_received_now_unless_said_otherwise() -> None:
    [mark] = marks_of_tables([(1, TOKEN)], REFERENCE)
    assert mark.received_at > NOW


def test_a_wrong_table_is_named_by_its_line() -> None:
    with pytest.raises(MarkError, match=r"^line 7: mark: price: is missing$"):
        marks_of_tables([(3, TOKEN), (7, {**TOKEN, "price": None})], REFERENCE, NOW)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "is not JSON: "),
        ("[]", "is not a JSON object"),
        ('{"price":NaN}', "NaN is not a number"),
        ('{"price":1,"price":2}', "'price' is given twice"),
        ("[" * 60_000, "is not JSON"),
        (" " * 65_000 + "{" * 600, "is longer than 65536 characters"),
    ],
)
def test_a_line_that_is_no_table_is_named(line: str, said: str) -> None:
    with pytest.raises(MarkError) as raised:
        tables_of_lines(["{}", line])
    assert str(raised.value).startswith(f"line 2: {said}")


# --- frames ---


def trade(
    price: int = 6_500_012_000_000, time_ns: int = NOW, of: InstrumentId = BINANCE, side: int = 0
) -> Trade:
    return Trade(of, price, 100_000_000, time_ns, side)


def frame(*records: Trade | Quote, timestamp: int = NOW, **options: Any) -> bytes:
    options = {"domain": MARKET_DATA_DOMAIN, **options}
    return encode_frame(records, sequence=0, timestamp=timestamp, source=1, **options)


def marks(*frames: bytes) -> FrameMarks:
    return marks_of_frames(frames, REFERENCE, NOW)


@pytest.mark.parametrize("domain", [MARKET_DATA_DOMAIN, EXECUTION_DOMAIN])
@pytest.mark.parametrize("with_checksum", [True, False])
def test_a_public_trade_is_a_mark(domain: int, with_checksum: bool) -> None:
    found = marks(frame(trade(), domain=domain, with_checksum=with_checksum))
    [mark] = found.marks
    assert mark == Mark(BTCUSDT, "USDT", Amount.parse("65000.12"), NOW, "binance", "last", NOW)
    assert not found.skipped


def test_all_trades_of_all_frames_are_marks_in_their_order() -> None:
    quote = Quote(BINANCE, 1, 1, 2, 1, NOW)
    stream = frame(trade(1), quote, trade(2)) + frame(trade(3))

    def pieces() -> Iterator[bytes]:
        yield from (stream[start : start + 7] for start in range(0, len(stream), 7))

    found = marks_of_frames(pieces(), REFERENCE, NOW)
    assert [str(mark.price) for mark in found.marks] == ["0.00000001", "0.00000002", "0.00000003"]
    assert not found.skipped


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (trade(of=NOBODYS), "unknown_instrument"),
        (trade(-1), "negative_price"),
        (trade(time_ns=NOW + 61 * SECOND_NS), "future_time"),
        (trade(time_ns=2**64 - 1), "future_time"),
    ],
)
def test_a_trade_that_gives_no_mark_is_counted_by_its_reason(sent: Trade, reason: str) -> None:
    found = marks(frame(sent, trade(), sent))
    assert len(found.marks) == 1
    assert found.skipped == {reason: 2}


@pytest.mark.parametrize(
    ("time_ns", "timestamp", "taken"),
    [
        (NOW - 5, NOW - 9, NOW - 5),
        (0, NOW - 9, NOW - 9),
        (1_700_000_000, NOW - 9, NOW - 9),
        (0, 0, NOW),
    ],
)
def test_a_trade_without_nanoseconds_has_the_time_of_its_frame(
    time_ns: int, timestamp: int, taken: int
) -> None:
    [mark] = marks(frame(trade(time_ns=time_ns), timestamp=timestamp)).marks
    assert mark.time == taken


def test_damage_is_counted_and_costs_only_its_own_frame() -> None:
    damaged = bytearray(frame(trade(1)))
    damaged[40] ^= 1
    found = marks(b"noise", bytes(damaged), frame(trade(2)), frame(trade(3))[:-1])
    assert [str(mark.price) for mark in found.marks] == ["0.00000002"]
    assert found.skipped["checksum_mismatch"] == 1
    assert found.skipped["incomplete_payload"] == 1
    assert found.skipped["skipped_bytes"] >= len(b"noise")


def test_the_market_data_relay_is_of_no_concern_to_the_books() -> None:
    assert decode_frame(frame(trade())).ignored == "wrong_domain"


def test_no_bytes_give_no_marks() -> None:
    assert marks() == FrameMarks()
