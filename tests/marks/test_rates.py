"""Rates and prices: which marks count, by which path, and what is said when there are none."""

from __future__ import annotations

import pytest

from pm.decimals import Amount
from pm.marks.mark import Mark
from pm.marks.rates import NO_PRICE, NO_RATE
from tests.marks.made import AAPL, BTCUSDT, PERPETUAL, REFERENCE, STALE_S, mark, prices, split

BTC_USD = mark("BTC", "USD", "65000")


def amount(value: Amount | None) -> str | None:
    return None if value is None else str(value)


# --- rates ---


@pytest.mark.parametrize(
    ("marks", "token", "target", "value"),
    [
        ([], "USD", "USD", "1"),
        ([], "NEVER-HEARD-OF", "NEVER-HEARD-OF", "1"),
        ([BTC_USD], "BTC", "USD", "65000"),
        ([BTC_USD], "USD", "BTC", "0.000015384615384615384615"),
        ([mark("A", "B", "8")], "B", "A", "0.125"),
        ([mark("A", "B", "0")], "A", "B", None),
        ([mark("A", "B", "0")], "B", "A", None),
        ([mark("A", "B", "0.1"), mark("B", "C", "0.3")], "A", "C", None),
        ([BTC_USD], "ETH", "USD", None),
        ([], "USDT", "USD", None),
    ],
)
def test_a_rate_is_the_direct_mark_else_one_by_the_inverse(
    marks: list[Mark], token: str, target: str, value: str | None
) -> None:
    assert amount(prices(*marks).rate(token, target).value) == value


def test_a_rate_nobody_knows_is_none_and_not_stale() -> None:
    assert prices(BTC_USD, hubs=["BTC", "USD"]).rate("ETH", "EUR") == NO_RATE
    assert NO_RATE.value is None


def test_tokens_of_one_asset_are_worth_the_same() -> None:
    made = prices(mark("ETH", "USDC", "3000"))
    same = made.rate("USDC.e", "USDC")
    assert (amount(same.value), same.path) == ("1", ())
    assert amount(made.rate("WETH", "USDC.e").value) == "3000"
    assert made.rate("WETH", "USDC.e").path == (("ETH", "USDC"),)


def test_the_direct_pair_is_preferred_to_the_inverse_and_to_hubs() -> None:
    made = prices(
        mark("USD", "BTC", "0.00002"),
        mark("BTC", "USDT", "64000"),
        mark("USDT", "USD", "1"),
        BTC_USD,
        hubs=["USDT"],
    )
    rate = made.rate("BTC", "USD")
    assert (amount(rate.value), rate.path) == ("65000", (("BTC", "USD"),))


def test_hubs_are_tried_in_the_configured_order() -> None:
    marks = [
        mark("SOL", "USDT", "150"),
        mark("USDT", "EUR", "0.9"),
        mark("SOL", "BTC", "0.002"),
        mark("BTC", "EUR", "60000"),
    ]
    first = prices(*marks, hubs=["USDT", "BTC"]).rate("SOL", "EUR")
    second = prices(*marks, hubs=["BTC", "USDT"]).rate("SOL", "EUR")
    assert (amount(first.value), first.path) == ("135", (("SOL", "USDT"), ("USDT", "EUR")))
    assert (amount(second.value), second.path) == ("120", (("SOL", "BTC"), ("BTC", "EUR")))
    assert prices(*marks, hubs=[]).rate("SOL", "EUR") == NO_RATE


def test_two_hops_are_rounded_once() -> None:
    made = prices(mark("USD", "A", "3"), mark("USD", "B", "9"), hubs=["USD"])
    assert amount(made.rate("A", "B").value) == "3"
    assert amount(made.rate("B", "A").value) == "0.333333333333333333333333"


def test_a_fresh_path_anywhere_beats_a_stale_one() -> None:
    made = prices(
        mark("SOL", "EUR", "1", STALE_S),
        mark("SOL", "USDT", "2", STALE_S),
        mark("USDT", "EUR", "1"),
        mark("SOL", "BTC", "0.5"),
        mark("BTC", "EUR", "6"),
        hubs=["USDT", "BTC"],
    )
    rate = made.rate("SOL", "EUR")
    assert (amount(rate.value), rate.is_stale) == ("3", False)
    assert rate.path == (("SOL", "BTC"), ("BTC", "EUR"))


def test_a_fresh_inverse_beats_a_stale_direct_pair_within_a_path() -> None:
    made = prices(
        mark("SOL", "USDT", "2", STALE_S),
        mark("USDT", "SOL", "0.25"),
        mark("USDT", "EUR", "1"),
        hubs=["USDT"],
    )
    rate = made.rate("SOL", "EUR")
    assert (amount(rate.value), rate.is_stale) == ("4", False)


def test_of_stale_paths_the_one_with_the_latest_oldest_mark_is_used_and_flagged() -> None:
    made = prices(
        mark("SOL", "EUR", "1", 9000),
        mark("SOL", "USDT", "2"),
        mark("USDT", "EUR", "1", 400),
        mark("SOL", "BTC", "3", 500),
        mark("BTC", "EUR", "1", 500),
        hubs=["BTC", "USDT"],
    )
    rate = made.rate("SOL", "EUR")
    assert (amount(rate.value), rate.is_stale) == ("2", True)


def test_a_mark_is_fresh_to_the_last_second_of_its_time() -> None:
    assert not prices(mark("A", "B", "1", STALE_S - 1)).rate("A", "B").is_stale
    assert prices(mark("A", "B", "1", STALE_S)).rate("A", "B").is_stale


def test_a_pair_without_a_mark_takes_that_of_a_spot_instrument() -> None:
    made = prices(
        mark(BTCUSDT, "USDT", "64000"),
        mark(PERPETUAL, "USDT", "1", kind="mark"),
        mark("USDT", "USD", "0.5"),
        hubs=["USDT"],
    )
    rate = made.rate("BTC", "USD")
    assert amount(rate.value) == "32000"
    assert rate.path == ((BTCUSDT, "USDT"), ("USDT", "USD"))


@pytest.mark.parametrize(
    ("token_age_s", "spot_age_s", "value"),
    [(0, 0, "1"), (STALE_S, 0, "2"), (STALE_S, STALE_S, "1"), (0, STALE_S, "1")],
)
def test_a_spot_instrument_stands_in_only_for_a_missing_or_stale_mark(
    token_age_s: int, spot_age_s: int, value: str
) -> None:
    made = prices(
        mark("BTC", "USDT", "1", token_age_s), mark(BTCUSDT, "USDT", "2", spot_age_s, "mark")
    )
    assert amount(made.rate("BTC", "USDT").value) == value


# --- pegs ---


def test_a_peg_is_one_usd_and_flagged() -> None:
    made = prices(assume_peg=["USDT", "USDC"], hubs=["USD"])
    assert made.rate("USDT", "USD")[:3] == (Amount(1), False, True)
    assert made.rate("USD", "USDT")[:3] == (Amount(1), False, True)
    assert made.rate("USDC.e", "USDT")[:3] == (Amount(1), False, True)


def test_a_peg_completes_a_path_of_marks() -> None:
    made = prices(mark("BTC", "USDT", "64000"), assume_peg=["USDT"], hubs=["USDT"])
    rate = made.rate("BTC", "USD")
    assert (amount(rate.value), rate.is_peg) == ("64000", True)
    assert rate.path == (("BTC", "USDT"), ("USDT", "USD"))


@pytest.mark.parametrize(
    ("marks", "value"),
    [
        ([mark("USDT", "USD", "0.95")], "0.95"),
        ([mark("USDT", "USD", "0.95", STALE_S)], "0.95"),
        ([mark("USD", "USDT", "2")], "0.5"),
        ([BTC_USD, mark("BTC", "USDT", "130000")], "0.5"),
    ],
)
def test_no_peg_is_assumed_where_marks_say_otherwise(marks: list[Mark], value: str) -> None:
    rate = prices(*marks, assume_peg=["USDT"], hubs=["BTC"]).rate("USDT", "USD")
    assert (amount(rate.value), rate.is_peg) == (value, False)


@pytest.mark.parametrize("token", ["BTC", "NEVER-HEARD-OF"])
def test_only_a_stablecoin_can_be_pegged(token: str) -> None:
    assert prices(assume_peg=[token]).rate(token, "USD") == NO_RATE


def test_a_stablecoin_that_is_not_pegged_is_not_worth_one() -> None:
    assert prices(assume_peg=["USDC"]).rate("USDT", "USD") == NO_RATE


# --- prices ---


def test_an_instrument_has_the_price_of_its_own_mark() -> None:
    made = prices(mark(PERPETUAL, "USDT", "64000", 5, "mid"), BTC_USD)
    found = made.price((PERPETUAL, "USDT"))
    assert (amount(found.value), found.kind, found.source) == ("64000", "mid", "desk")
    assert found.is_stale is False
    assert made.price(REFERENCE.instruments[PERPETUAL]) == found


@pytest.mark.parametrize(
    ("marks", "value"),
    [
        ([("1", 9, "last"), ("2", 200, "mid"), ("3", 290, "mark")], "3"),
        ([("1", 9, "last"), ("2", 200, "mid"), ("3", STALE_S, "mark")], "2"),
        ([("3", 20, "mark"), ("4", 10, "settlement")], "4"),
        ([("3", 10, "mark"), ("4", 20, "settlement")], "3"),
        ([("1", 400, "last"), ("3", 500, "mark")], "1"),
        ([("1", 400, "last"), ("3", 400, "mark")], "3"),
    ],
)
def test_the_best_fresh_class_counts_then_the_latest(
    marks: list[tuple[str, int, str]], value: str
) -> None:
    made = prices(*(mark(PERPETUAL, "USDT", *told) for told in marks))  # type: ignore[arg-type]
    assert amount(made.price((PERPETUAL, "USDT")).value) == value


def test_a_stale_price_is_used_and_flagged() -> None:
    found = prices(mark(PERPETUAL, "USDT", "64000", STALE_S)).price((PERPETUAL, "USDT"))
    assert (amount(found.value), found.is_stale) == ("64000", True)


def test_a_spot_instrument_without_a_mark_has_the_price_of_its_tokens() -> None:
    made = prices(mark("BTC", "USDT", "64000"))
    found = made.price((BTCUSDT, "USDT"))
    assert (amount(found.value), found.source) == ("64000", "token:desk")
    own = prices(mark("BTC", "USDT", "64000"), mark(BTCUSDT, "USDT", "1", STALE_S))
    assert own.price((BTCUSDT, "USDT")).source == "desk"


@pytest.mark.parametrize("instrument", [PERPETUAL, AAPL, "never.heard.of"])
def test_any_other_instrument_without_a_mark_has_no_price(instrument: str) -> None:
    made = prices(mark("BTC", "USDT", "64000"), mark("AAPL", "USD", "200"))
    assert made.price((instrument, "USDT")) == NO_PRICE
    assert made.price((instrument, "USD")) == NO_PRICE


def test_a_mark_from_before_a_split_is_no_mark() -> None:
    before, after = mark(AAPL, "USD", "800", 60), mark(AAPL, "USD", "200", 40, "mid")
    assert prices(before, splits=[split(AAPL, 50, 4)]).price((AAPL, "USD")) == NO_PRICE
    both = prices(before, after, splits=[split(AAPL, 50, 4)])
    assert amount(both.price((AAPL, "USD")).value) == "200"
    at_once = prices(before, splits=[split(AAPL, 60, 4)])
    assert amount(at_once.price((AAPL, "USD")).value) == "800"


def test_a_split_that_is_to_come_changes_nothing_yet() -> None:
    made = prices(mark(AAPL, "USD", "800", 60), splits=[split(AAPL, -10, 4)])
    assert amount(made.price((AAPL, "USD")).value) == "800"


def test_a_pairs_mark_from_before_a_split_gives_the_instrument_no_price() -> None:
    made = prices(mark("BTC", "USDT", "64000", 60), splits=[split(BTCUSDT, 50, 4)])
    assert made.price((BTCUSDT, "USDT")) == NO_PRICE
