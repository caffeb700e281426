"""Why a day was as it was: each cause on a line of its own, worked out by hand."""

from __future__ import annotations

from typing import Any

import pytest

from pm.attribution.explanation import Explanation
from pm.attribution.period import parse_moment
from pm.decimals import Amount
from pm.marks import store
from tests.attribution.desk import Desk, texts
from tests.attribution.told_books import ToldBook
from tests.pure.rules_events import EQUITY, INVERSE, PERPETUAL, SPOT

BTC = SPOT["instrument"]
ACME = EQUITY["instrument"]
NOW = "2025-03-02T20:00:00"
LINES = ("carried_positions", "new_trades", "fees", "carry", "transfer_cost", "corrections")


@pytest.fixture
def day_two(desk: Desk) -> Desk:
    """2 bought at 100 (close 110), then 1 sold at 120 (now 115); each fill costs 1 USDT."""
    book = ToldBook()
    fee = [["USDT", "1", "trading"]]
    book.fill("2025-03-01T10:00:00", "2", "100", fees=fee)
    book.fill("2025-03-02T10:00:00", "-1", "120", fees=fee)
    desk.put(book)
    desk.mark(BTC, "USDT", "110", "2025-03-01T23:59:00")
    desk.mark(BTC, "USDT", "115", NOW)
    desk.mark("USDT", "USD", "1", "2025-03-01T23:59:00")
    desk.mark("USDT", "USD", "0.99", NOW)
    return desk


def lines(found: Explanation, token: str = "USDT") -> list[Any]:
    """The lines of one token, and their total."""
    return [texts(getattr(found, name).by_token.get(token)) for name in (*LINES, "total")]


def test_carried_positions_new_trades_and_fees(day_two: Desk) -> None:
    found = day_two.explain(NOW, "2025-03-02")

    assert lines(found) == ["10", "5", "-1", "0", "0", "0", "14"]
    assert (found.start_prices, found.end_prices) == (
        "at the close of 2025-03-01",
        "at the current marks",
    )


def test_currency_is_what_the_rate_did_to_the_pnl_there_was(day_two: Desk) -> None:
    found = day_two.explain(NOW, "2025-03-02")

    reported = [texts(getattr(found, name).reported) for name in LINES]
    assert reported == ["9.9", "4.95", "-0.99", "0", "0", "0"]
    assert texts(found.currency.reported) == "-0.19"
    assert (texts(found.rounding.reported), texts(found.total.reported)) == ("0", "13.67")


def test_the_first_day_has_nothing_carried(day_two: Desk) -> None:
    found = day_two.explain(NOW, "2025-03-01")

    assert lines(found) == ["0", "20", "-1", "0", "0", "0", "19"]
    assert texts(found.currency.reported) == "0"


def test_rounding_has_its_own_line(desk: Desk) -> None:
    book = ToldBook()
    price, fee = "100.00000000000000001", [["USDT", "0.00000000000000001", "trading"]]
    book.fill("2025-03-02T10:00:00", "1", price, fees=fee)
    desk.put(book)
    desk.mark(BTC, "USDT", "100", NOW)
    desk.mark("USDT", "USD", "0.05", "2025-03-01T23:59:00")
    desk.mark("USDT", "USD", "0.05", NOW)

    found = desk.explain(NOW, "2025-03-02")

    assert [texts(found.new_trades.reported), texts(found.fees.reported)] == ["0", "0"]
    assert texts(found.total.reported) == "-0.000000000000000001"
    assert texts(found.rounding.reported) == "-0.000000000000000001"


def test_a_missing_close_makes_lines_unknown_and_is_named(day_two: Desk) -> None:
    day_two.client.delete(f"pm:{{ref}}:mark-days:{BTC}/USDT")

    found = day_two.explain(NOW, "2025-03-02")

    assert lines(found) == [None, "5", "-1", "0", "0", "0", None]
    assert found.total.reported is None
    assert f"no price of {BTC} in USDT, at the close of 2025-03-01" in found.missing


def test_a_position_closed_without_a_price_since_has_a_known_total(desk: Desk) -> None:
    book = ToldBook()
    book.fill("2025-03-01T10:00:00", "10", "300", terms=EQUITY)
    book.fill("2025-03-02T07:00:00", "-10", "310", terms=EQUITY)
    desk.put(book)
    desk.mark(ACME, "USD", "305", "2025-03-01T21:00:00")
    split_at = parse_moment("2025-03-02T08:00:00", "at")
    store.record_split(desk.client, ACME, "S1", split_at, Amount(3), Amount(1))

    found = desk.explain(NOW, "2025-03-02")

    assert lines(found, "USD") == [None, None, "0", "0", "0", "0", "50"]
    assert found.missing[0] == f"no price of {ACME} in USD, at the current marks"


def test_carry_and_transfer_cost_are_lines(desk: Desk) -> None:
    book = ToldBook()
    book.fill("2025-03-02T10:00:00", "3", "100")
    book.fill("2025-03-02T10:00:00", "1", "50", terms=PERPETUAL)
    book.event("funding", "2025-03-02T11:00:00", PERPETUAL, token="USDT", amount="-0.5")
    book.event(
        "transfer",
        "2025-03-02T12:00:00",
        transfer="T1",
        step="whole",
        id="transfer/T1/whole",
        from_location="binance",
        from_chain_id="0",
        token="BTC",
        amount="1",
        to_location="kraken",
        to_chain_id="0",
        arrived="0.99",
        to=SPOT | {"instrument": "kraken.coin.BTCUSDT", "location": "kraken", "chain_id": "0"},
        location=None,
        chain_id=None,
    )
    desk.put(book)
    for instrument in (BTC, "kraken.coin.BTCUSDT"):
        desk.mark(instrument, "USDT", "100", NOW)
    desk.mark(PERPETUAL["instrument"], "USDT", "50", NOW)

    assert lines(desk.explain(NOW, "2025-03-02")) == ["0", "0", "0", "-0.5", "-1", "0", "-1.5"]


def test_a_split_changes_neither_worth_nor_pnl(desk: Desk) -> None:
    book = ToldBook()
    book.fill("2025-03-01T10:00:00", "10", "300", terms=EQUITY)
    book.event("split", "2025-03-02T08:00:00", EQUITY, numerator="3", denominator="1", decimals="0")
    desk.put(book)
    desk.mark(ACME, "USD", "300", "2025-03-01T21:00:00")
    split_at = parse_moment("2025-03-02T08:00:00", "at")
    store.record_split(desk.client, ACME, "S1", split_at, Amount(3), Amount(1))
    desk.mark(ACME, "USD", "101", NOW)

    found = desk.explain(NOW, "2025-03-02")

    assert lines(found, "USD") == ["30", "0", "0", "0", "0", "0", "30"]
    [move] = found.instruments
    assert (texts(move.start_price), texts(move.start_quantity)) == ("300", "10")
    assert lines(desk.explain(NOW, "2025-03-01"), "USD")[-1] == "0"


def test_a_price_from_before_a_split_is_none_after_it(desk: Desk) -> None:
    book = ToldBook()
    book.fill("2025-03-01T10:00:00", "10", "300", terms=EQUITY)
    book.event("split", "2025-03-02T08:00:00", EQUITY, numerator="3", denominator="1", decimals="0")
    desk.put(book)
    desk.mark(ACME, "USD", "300", "2025-03-01T21:00:00")
    split_at = parse_moment("2025-03-02T08:00:00", "at")
    store.record_split(desk.client, ACME, "S1", split_at, Amount(3), Amount(1))

    found = desk.explain(NOW, "2025-03-02")

    assert lines(found, "USD")[-1] is None
    assert found.missing == (f"no price of {ACME} in USD, at the current marks",)


def test_a_fee_without_a_value_makes_fees_unknown(desk: Desk) -> None:
    book = ToldBook()
    book.fill("2025-03-02T10:00:00", "1", "100", fees=[["BNB", "0.1", "trading"]])
    desk.put(book)
    desk.mark(BTC, "USDT", "101", NOW)

    found = desk.explain(NOW, "2025-03-02")

    assert lines(found) == ["0", "1", None, "0", "0", "0", None]
    assert "no value in USDT of fees paid in BNB" in found.missing


def test_currency_is_unknown_while_a_fee_of_before_has_no_value(day_two: Desk) -> None:
    book = ToldBook("other")
    book.fill("2025-03-01T10:00:00", "1", "100", fees=[["BNB", "0.1", "trading"]])
    book.fill("2025-03-01T11:00:00", "-1", "101")
    day_two.put(book)

    found = day_two.explain(NOW, "2025-03-02")

    assert lines(found) == ["10", "5", "-1", "0", "0", "0", "14"]
    assert (found.currency.reported, found.total.reported) == (None, None)
    assert found.missing == ("no value, when 2025-03-02 began, of fees paid in BNB",)


def test_a_fee_of_before_without_a_value_leaves_what_is_in_the_reporting_currency(
    desk: Desk,
) -> None:
    book = ToldBook()
    fees = [["BNB", "0.1", "trading"]]
    book.fill("2025-03-01T10:00:00", "1", "100", terms=EQUITY, fees=fees)
    desk.put(book)
    desk.mark(ACME, "USD", "101", "2025-03-01T21:00:00")
    desk.mark(ACME, "USD", "103", NOW)

    found = desk.explain(NOW, "2025-03-02")

    assert (texts(found.currency.reported), texts(found.total.reported)) == ("0", "2")
    assert found.missing == ()


def test_tokens_are_kept_apart_and_added_in_the_reporting_currency(day_two: Desk) -> None:
    book = ToldBook("coins")
    book.fill("2025-03-01T10:00:00", "1000", "50000", terms=INVERSE, strategy="9")
    day_two.put(book)
    for price, at in (("50000", "2025-03-01T23:59:00"), ("40000", NOW)):
        day_two.mark(INVERSE["instrument"], "USD", price, at)
        day_two.mark("BTC", "USD", price, at)

    found = day_two.explain(NOW, "2025-03-02")

    assert texts(found.total.by_token) == {"BTC": "-0.05", "USDT": "14"}
    assert texts(found.total.reported) == "-1986.33"
    assert found.strategies == ("7", "9")


def test_one_strategy_alone(day_two: Desk) -> None:
    book = ToldBook("coins")
    book.fill("2025-03-02T10:00:00", "1", "100", strategy="9")
    day_two.put(book)

    assert day_two.explain(NOW, "2025-03-02", "9").strategies == ("9",)
    assert lines(day_two.explain(NOW, "2025-03-02", "9"))[-1] == "15"
    assert lines(day_two.explain(NOW, "2025-03-02"))[-1] == "29"


def test_the_biggest_movers_come_first(day_two: Desk) -> None:
    book = ToldBook("other")
    for number, price in enumerate(("10", "-200", "5")):
        terms = SPOT | {"instrument": f"binance.coin.X{number}"}
        book.fill("2025-03-02T10:00:00", "1", "1000", terms=terms)
        moved = Amount(1000) + Amount.parse(price)
        day_two.mark(terms["instrument"], "USDT", str(moved), NOW)
    day_two.put(book)

    moves = day_two.explain(NOW, "2025-03-02").instruments

    assert [texts(move.total) for move in moves] == ["-200", "14", "10", "5"]
    assert texts(moves[0].total_reported) == "-198"


def test_a_day_that_has_not_begun_is_refused(day_two: Desk) -> None:
    with pytest.raises(ValueError, match="2025-03-03 has not begun yet"):
        day_two.explain(NOW, "2025-03-03")


def test_a_book_without_strategies_has_an_empty_day(desk: Desk) -> None:
    desk.put(ToldBook())
    found = desk.explain(NOW, "2025-03-02")
    assert (found.total.by_token, found.instruments, found.strategies) == ({}, (), ())
