"""How a strategy did over a range: the figures of a small life, worked out by hand."""

from __future__ import annotations

from typing import Any

import pytest

from pm.attribution.answer import PerformanceAttribution
from pm.attribution.period import parse_moment
from pm.attribution.reports import UnknownStrategy
from pm.attribution.trips import Trip
from pm.client.rendering import to_json
from tests.attribution.desk import Desk, texts
from tests.attribution.told_books import ToldBook
from tests.pure.rules_events import INVERSE, PERPETUAL, SPOT

BTC = SPOT["instrument"]
KRAKEN = SPOT | {"instrument": "kraken.coin.BTCUSDT"}
FEE = [["USDT", "1", "trading"]]
NOW = "2025-03-02T20:00:00"


@pytest.fixture
def two_days(desk: Desk) -> Desk:
    """2 bought at 100 (close 110), then 1 sold at 120 (now 115); each fill costs 1 USDT."""
    book = ToldBook()
    decided = "1740823199999999000"
    book.fill("2025-03-01T10:00:00", "2", "100", fees=FEE, order="binance:A", decided_at=decided)
    book.fill("2025-03-02T10:00:00", "-1", "120", fees=FEE, order="binance:B")
    book.event("rejected", "2025-03-02T11:00:00", order="binance:C")
    desk.put(book)
    desk.mark(BTC, "USDT", "110", "2025-03-01T23:59:00")
    desk.mark(BTC, "USDT", "115", NOW)
    desk.mark("USDT", "USD", "1", "2025-03-01T23:59:00")
    desk.mark("USDT", "USD", "0.99", NOW)
    return desk


def pnl(found: PerformanceAttribution, *names: str) -> list[Any]:
    """The only token's amount of some figures."""
    return [texts(getattr(found, name).by_token["USDT"]) for name in names]


def test_a_whole_life(two_days: Desk) -> None:
    found = two_days.performance(NOW)

    assert pnl(found, "realized_pnl", "unrealized_pnl", "total_pnl") == ["20", "15", "35"]
    assert pnl(found, "net_pnl", "fee_value", "total_volume") == ["33", "2", "320"]
    assert texts(found.fees_paid) == {"USDT": "2"}
    assert (found.trade_count, pnl(found, "average_trade_pnl")) == (2, ["17.5"])
    assert (found.missing, found.stale) == ((), ())
    assert (found.time_period.start_text, found.time_period.end_text) == (
        "2025-03-01T00:00:00Z",
        "2025-03-03T00:00:00Z",
    )


def test_one_day_is_what_its_own_trades_and_prices_made(two_days: Desk) -> None:
    first = two_days.performance(NOW, "2025-03-01", "2025-03-01")
    second = two_days.performance(NOW, "2025-03-02", "2025-03-02")

    names = ("realized_pnl", "unrealized_pnl", "total_pnl", "net_pnl")
    assert pnl(first, *names) == ["0", "20", "20", "19"]
    assert pnl(second, *names) == ["20", "-5", "15", "14"]


def test_the_reporting_currency_takes_the_rate_of_the_ranges_end(two_days: Desk) -> None:
    first = two_days.performance(NOW, "2025-03-01", "2025-03-01")
    second = two_days.performance(NOW, "2025-03-02", "2025-03-02")

    assert texts(first.net_pnl.reported) == "19"
    assert texts(second.net_pnl.reported) == "13.86"
    assert texts(second.rates) == {"USDT": "0.99"}


def test_days_add_up_to_the_range(two_days: Desk) -> None:
    found = two_days.performance(NOW)

    assert [(day.day, texts(day.net_pnl.by_token["USDT"])) for day in found.daily] == [
        ("2025-03-01", "19"),
        ("2025-03-02", "14"),
    ]


def test_orders_latency_and_success(two_days: Desk) -> None:
    found = two_days.performance(NOW)

    assert (found.orders_filled, found.orders_rejected) == (2, 1)
    assert texts(found.success_rate) == "0.666666666666666667"
    assert (found.average_latency_ns, found.latency_orders) == (1000, 1)


def test_a_range_may_begin_and_end_within_a_day(two_days: Desk) -> None:
    found = two_days.performance(NOW, "2025-03-02T09:00:00", "2025-03-02T10:00:00.000001")
    none = two_days.performance(NOW, "2025-03-02T09:00:00", "2025-03-02T10:00:00")

    assert (found.trade_count, none.trade_count) == (1, 0)
    assert pnl(found, "realized_pnl") == ["20"]
    assert found.time_period.end_prices == "at 2025-03-02T10:00:00.000001Z"


def test_prices_within_a_day_are_the_marks_that_counted_then(two_days: Desk) -> None:
    two_days.mark(BTC, "USDT", "130", "2025-03-02T20:05:00")

    found = two_days.performance("2025-03-02T21:00:00", "2025-03-02", "2025-03-02T20:01:00")

    assert pnl(found, "total_pnl") == ["15"]


def test_a_position_without_a_price_makes_pnl_unknown_and_is_named(two_days: Desk) -> None:
    two_days.client.delete("pm:{ref}:marks")

    found = two_days.performance(NOW)

    assert pnl(found, "realized_pnl", "unrealized_pnl", "net_pnl") == ["20", None, None]
    assert found.missing[0] == f"no price of {BTC} in USDT, at the current marks"


def test_a_missing_rate_leaves_the_tokens_known(desk: Desk) -> None:
    book = ToldBook()
    book.fill("2025-03-02T10:00:00", "1", "100")
    book.fill("2025-03-02T10:00:01", "-1", "101")
    desk.put(book)

    found = desk.performance(NOW)

    assert (pnl(found, "net_pnl"), found.net_pnl.reported) == (["1"], None)
    assert found.missing == ("no rate of USDT in USD, at the current marks",)


def test_an_old_close_is_used_and_told(two_days: Desk) -> None:
    found = two_days.performance("2025-03-06T12:00:00", "2025-03-01", "2025-03-04")

    assert pnl(found, "net_pnl") == ["33"]
    assert found.stale[0] == (
        f"price of {BTC}, at the close of 2025-03-04, is of 2025-03-02T20:00:00Z"
    )


def test_a_close_of_more_than_a_week_ago_is_none(two_days: Desk) -> None:
    found = two_days.performance("2025-03-30T12:00:00", "2025-03-01", "2025-03-20")

    assert pnl(found, "net_pnl") == [None]


def test_a_fee_without_a_value_makes_net_unknown_but_no_price_pnl(desk: Desk) -> None:
    book = ToldBook()
    book.fill("2025-03-02T10:00:00", "1", "100", fees=[["BNB", "0.1", "trading"]])
    book.fill("2025-03-02T10:00:01", "-1", "101")
    desk.put(book)

    found = desk.performance(NOW)

    assert pnl(found, "total_pnl", "net_pnl") == ["1", None]
    assert texts(found.fees_unvalued) == {"BNB": "0.1"}
    assert "no value in USDT of fees paid in BNB" in found.missing


@pytest.fixture
def bnb_days(desk: Desk) -> Desk:
    """0.01 BNB paid on the 18th and valued on the 20th; 0.01 paid on the 19th without a value."""
    book = ToldBook()
    fee = [["BNB", "0.01", "trading"]]
    book.fill("2025-03-18T10:00:00", "1", "100", fees=fee)
    book.fill("2025-03-19T10:00:00", "-1", "101", fees=fee)
    value_fee(book, "2025-03-20T01:00:00", "2025-03-18T10:00:00")
    book.fill("2025-03-21T10:00:00", "1", "100")
    desk.put(book)
    for day in range(17, 23):
        desk.mark(BTC, "USDT", "100", f"2025-03-{day}T23:59:00")
        desk.mark("USDT", "USD", "1", f"2025-03-{day}T23:59:00")
    return desk


@pytest.mark.parametrize(
    ("start", "end", "net", "unvalued"),
    [
        (18, 18, None, {"BNB": "0.01"}),
        (19, 19, None, {"BNB": "0.01"}),
        (18, 19, None, {"BNB": "0.02"}),
        (19, 20, None, {"BNB": "0.01"}),
        (18, 22, None, {"BNB": "0.01"}),
        (20, 20, "-5", {}),
        (20, 22, "-5", {}),
        (21, 22, "0", {}),
    ],
)
def test_the_value_of_an_earlier_fee_is_none_of_a_later_one(
    bnb_days: Desk, start: int, end: int, net: str | None, unvalued: dict[str, str]
) -> None:
    days = (f"2025-03-{start}", f"2025-03-{end}")

    found = bnb_days.performance("2025-03-22T23:59:59", *days, granularity="daily")

    assert pnl(found, "net_pnl") == [net]
    assert texts(found.fees_unvalued) == unvalued


def test_days_venues_and_pairs_know_which_fees_have_no_value(bnb_days: Desk) -> None:
    days = ("2025-03-19", "2025-03-20")

    found = bnb_days.performance("2025-03-22T23:59:59", *days, granularity="daily")

    assert [texts(day.net_pnl.by_token["USDT"]) for day in found.daily] == [None, "-5"]
    assert [texts(row.total_pnl.by_token["USDT"]) for row in found.details] == [None, "-5"]
    [venue] = found.venue_attribution.values()
    [pair] = found.token_pair_attribution.values()
    assert (venue.total_pnl.by_token, pair.total_pnl.by_token) == ({"USDT": None},) * 2


def test_a_fee_valued_within_the_range_is_known_though_another_instruments_never_is(
    bnb_days: Desk,
) -> None:
    book = ToldBook("other")
    fee = [["BNB", "0.01", "trading"]]
    book.fill("2025-03-17T10:00:00", "1", "100", fees=fee, strategy="9", terms=KRAKEN)
    book.fill("2025-03-18T23:59:00", "1", "100", fees=fee, strategy="9")
    value_fee(book, "2025-03-19T00:01:00", "2025-03-18T23:59:00", strategy="9")
    bnb_days.put(book)

    days = ("2025-03-18", "2025-03-19")
    found = bnb_days.performance("2025-03-22T23:59:59", *days, strategy="9", detailed=False)

    assert texts(found.fees_unvalued) == {}
    assert pnl(found, "fee_value") == ["5"]


def test_a_day_that_pays_a_fee_and_values_an_older_one_is_unknown(desk: Desk) -> None:
    book = ToldBook()
    book.fill("2025-03-01T23:59:00", "1", "100", fees=[["BNB", "0.01", "trading"]])
    value_fee(book, "2025-03-02T00:01:00", "2025-03-01T23:59:00")
    book.fill("2025-03-02T10:00:00", "-1", "101", fees=[["BNB", "0.004", "trading"]])
    desk.put(book)

    found = desk.performance(NOW, "2025-03-02", "2025-03-02")

    assert pnl(found, "net_pnl") == [None]
    assert texts(found.fees_unvalued) == {"BNB": "0.004"}


def test_a_rebate_without_a_value_makes_net_unknown(desk: Desk) -> None:
    book = ToldBook()
    book.fill("2025-03-02T10:00:00", "1", "100", fees=[["BNB", "-0.1", "trading"]])
    book.fill("2025-03-02T10:00:01", "-1", "101")
    desk.put(book)

    found = desk.performance(NOW)

    assert pnl(found, "total_pnl", "net_pnl") == ["1", None]
    assert texts(found.fees_unvalued) == {"BNB": "-0.1"}


def value_fee(book: ToldBook, at: str, paid_at: str, **facts: Any) -> None:
    """Give a fee of 0.01 BNB a value of 5 USDT."""
    paid = str(parse_moment(paid_at, "paid_at"))
    worth = {"token": "BNB", "amount": "0.01", "value": "5", "fee_executed_at": paid}
    book.event("fee_value", at, **(worth | facts))


def test_a_venue_has_the_pnl_of_what_it_closed(desk: Desk) -> None:
    book = ToldBook()
    book.fill("2025-03-02T10:00:00", "2", "100", fees=FEE)
    book.fill("2025-03-02T10:00:01", "-1", "110", fees=FEE, venue="otc")
    desk.put(book)

    found = desk.performance(NOW)

    venues = found.venue_attribution
    assert {name: texts(venue.total_pnl.by_token) for name, venue in venues.items()} == {
        "binance": {"USDT": "-1"},
        "otc": {"USDT": "9"},
    }
    assert [venue.trade_count for venue in venues.values()] == [1, 1]


def test_a_pair_takes_all_its_instruments(desk: Desk) -> None:
    book = ToldBook()
    book.fill("2025-03-02T10:00:00", "1", "100")
    book.fill("2025-03-02T10:00:01", "-1", "103", terms=KRAKEN)
    desk.put(book)
    desk.mark(BTC, "USDT", "101", NOW)
    desk.mark(KRAKEN["instrument"], "USDT", "102", NOW)

    [pair] = desk.performance(NOW).token_pair_attribution.values()

    assert (pair.base_token, pair.quote_token, pair.trade_count) == ("BTC", "USDT", 2)
    assert texts(pair.unrealized_pnl.by_token) == {"USDT": "2"}
    assert texts(pair.total_volume.by_token) == {"USDT": "203"}


def test_inverse_instruments_are_accounted_in_their_coin(desk: Desk) -> None:
    book = ToldBook()
    book.fill("2025-03-01T10:00:00", "1000", "50000", terms=INVERSE)
    desk.put(book)
    desk.mark(INVERSE["instrument"], "USD", "40000", NOW)
    desk.mark("BTC", "USD", "40000", NOW)

    found = desk.performance(NOW)

    assert texts(found.unrealized_pnl.by_token) == {"BTC": "-0.05"}
    assert texts(found.unrealized_pnl.reported) == "-2000"


def test_carry_counts_in_net_and_not_in_total(desk: Desk) -> None:
    book = ToldBook()
    book.fill("2025-03-02T10:00:00", "1", "100", terms=PERPETUAL)
    book.event("funding", "2025-03-02T11:00:00", PERPETUAL, token="USDT", amount="-0.5")
    desk.put(book)
    desk.mark(PERPETUAL["instrument"], "USDT", "100", NOW)

    assert pnl(desk.performance(NOW), "total_pnl", "carry", "net_pnl") == ["0", "-0.5", "-0.5"]


def test_a_strategy_in_two_books_is_one(desk: Desk) -> None:
    for number, name in enumerate(("main", "other"), 1):
        book = ToldBook(name)
        book.fill("2025-03-02T10:00:00", str(number), "100")
        book.fill("2025-03-02T10:00:01", f"-{number}", "101")
        desk.put(book)

    found = desk.performance(NOW)

    assert (found.books, found.trade_count, pnl(found, "net_pnl")) == (("main", "other"), 4, ["3"])
    assert "several books" in found.max_drawdown_reason


def test_an_event_dated_before_the_first_booking_belongs_to_a_whole_life(desk: Desk) -> None:
    book = ToldBook()
    book.fill("2025-03-02T10:00:00", "1", "100")
    book.fill("2024-12-24T10:00:01", "-1", "101")
    desk.put(book)

    found = desk.performance(NOW)

    assert (found.trade_count, pnl(found, "net_pnl")) == (2, ["1"])
    assert found.time_period.start_text == "2024-12-24T00:00:00Z"


def test_an_event_dated_ahead_belongs_to_a_range_that_is_open_to_now(desk: Desk) -> None:
    book = ToldBook()
    book.fill("2025-03-02T10:00:00", "1", "100")
    book.fill("2025-03-05T10:00:01", "-1", "101")
    desk.put(book)

    found = desk.performance(NOW)
    closed = desk.performance(NOW, None, "2025-03-02")

    assert (found.trade_count, pnl(found, "net_pnl")) == (2, ["1"])
    assert [day.trade_count for day in found.daily] == [1, 0, 0, 1]
    assert (closed.trade_count, pnl(closed, "realized_pnl")) == (1, ["0"])


def test_an_unknown_strategy_is_said_to_be_one(desk: Desk) -> None:
    desk.put(ToldBook())
    with pytest.raises(UnknownStrategy, match="no book knows strategy 7"):
        desk.performance(NOW)


def test_detailed_attribution_can_be_left_out(two_days: Desk) -> None:
    found = two_days.performance(NOW, detailed=False)

    assert (found.venue_attribution, found.token_pair_attribution) == ({}, {})
    assert (found.details, found.daily) == ((), ())
    assert pnl(found, "net_pnl") == ["33"]


def test_trade_level_has_a_row_for_each_execution(two_days: Desk) -> None:
    rows = two_days.performance(NOW).details

    assert [(row.order, str(row.quantity), str(row.realized_pnl)) for row in rows] == [
        ("binance:A", "2", "0"),
        ("binance:B", "-1", "20"),
        ("binance:C", "0", "0"),
    ]
    assert [row.trade_count for row in rows] == [1, 1, 0]


def test_daily_has_a_row_for_each_day_venue_and_pair(two_days: Desk) -> None:
    rows = two_days.performance(NOW, granularity="daily").details

    assert [(row.day, row.venue_id, texts(row.total_pnl.by_token)) for row in rows] == [
        ("2025-03-01", "binance", {"USDT": "-1"}),
        ("2025-03-02", "binance", {"USDT": "19"}),
    ]


def test_position_level_has_a_row_for_each_trip(desk: Desk) -> None:
    book = ToldBook()
    book.fill("2025-03-01T10:00:00", "2", "100", fees=FEE)
    book.fill("2025-03-02T10:00:00", "-5", "110", fees=[["USDT", "5", "trading"]])
    desk.put(book)

    closed, still_open = desk.performance(NOW, granularity="position_level").details

    assert isinstance(closed, Trip)
    assert (closed.outcome, texts(closed.net_pnl)) == ("won", "17")
    assert closed.closed_at == still_open.opened_at
    assert (still_open.outcome, texts(still_open.quantity), texts(still_open.net_pnl)) == (
        "",
        "-3",
        "-3",
    )


def test_a_trip_that_began_before_the_range_is_told_whole(desk: Desk) -> None:
    book = ToldBook()
    book.fill("2025-03-01T10:00:00", "1", "100")
    book.fill("2025-03-02T10:00:00", "-1", "110")
    desk.put(book)

    [trip] = desk.performance(NOW, "2025-03-02", granularity="position_level").details

    assert (trip.opened_at, texts(trip.net_pnl)) == (1740823200000000000, "10")


def test_win_rates_count_trips_and_completed_traces(desk: Desk) -> None:
    trace = {"id": "0" * 31 + "1", "arbitrage": "1"}
    book = ToldBook()
    book.fill("2025-03-02T10:00:00", "1", "100", trace=trace)
    book.fill("2025-03-02T10:00:01", "-1", "103", terms=KRAKEN, trace=trace)
    for price in ("101", "100", "102"):
        book.fill("2025-03-02T12:00:00", "1", "101", terms=PERPETUAL)
        book.fill("2025-03-02T12:00:01", "-1", price, terms=PERPETUAL)
    desk.put(book)

    found = desk.performance(NOW)

    assert (found.trips_won, found.trips_lost) == (1, 2)
    assert texts(found.win_rate) == "0.333333333333333333"
    assert (found.traces_won, found.traces_lost, texts(found.trace_win_rate)) == (1, 0, "1")


def test_an_answer_is_json(two_days: Desk) -> None:
    told = to_json(two_days.performance(NOW))

    assert told["strategy_id"] == 7
    assert told["net_pnl"] == {"by_token": {"USDT": "33"}, "reported": "32.67"}
    assert told["venue_attribution"]["binance"]["venue_id"] == "binance"
    assert told["token_pair_attribution"]["BTC/USDT"]["base_token"] == "BTC"
    assert told["details"][0]["settlement"] == "USDT"
