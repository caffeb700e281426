"""What the demo's own arithmetic says books are worth, and how the summary shows figures."""

from __future__ import annotations

from fractions import Fraction

import pytest

from pm.decimals import Amount
from pm.demo.desk import BASIS_DESK, TREND
from pm.demo.ledger import Ledger, Trade
from pm.demo.prices import marks_of
from pm.demo.scenario import build_scenario
from pm.demo.summary import money
from pm.demo.worth import worth_of

DAY = build_scenario(3, 150)
REFERENCE = DAY.expected.reference
SPOT, PERPETUAL = "kraken.coin.BTC", "binance.future.BTCUSDT"
PRICES = DAY.close.prices._replace(
    prices={
        **DAY.close.prices.prices,
        (SPOT, "USD"): Fraction(110),
        ("BTC", "USD"): Fraction(110),
        (PERPETUAL, "USDT"): Fraction(90),
        ("USDT", "USD"): Fraction(1, 2),
    }
)


def trade(ledger: Ledger, strategy: int, instrument: str, quantity: int, price: int) -> None:
    told = Trade(Fraction(quantity), Fraction(quantity * price), Fraction(1), Fraction(price))
    ledger.trade(strategy, instrument, told, buys=quantity > 0)


def small_day() -> Ledger:
    ledger = Ledger(REFERENCE)
    ledger.fund("main", "kraken", "USD", Fraction(1000))
    ledger.allocate(TREND, "USD", Fraction(500))
    ledger.fund("derivatives", "binance", "USDT", Fraction(200))
    ledger.allocate(BASIS_DESK, "USDT", Fraction(150))
    trade(ledger, TREND, SPOT, 2, 100)
    trade(ledger, BASIS_DESK, PERPETUAL, -3, 100)
    return ledger


def test_equity_counts_a_spot_position_once() -> None:
    worth = worth_of(small_day(), PRICES)
    # 1000 - 200 - 1 of dollars and 2 BTC of 110; 200 - 1 of tether and 30 gained, at a half.
    assert worth.equity_of_books == {"main": 1019, "derivatives": Fraction("114.5"), "onchain": 0}
    assert worth.equity == Fraction("1133.5")


def test_a_strategy_has_its_capital_and_what_it_made() -> None:
    worth = worth_of(small_day(), PRICES)
    assert worth.equity_of_strategies == {TREND: 519, BASIS_DESK: Fraction("89.5")}
    assert worth.unrealized_of_strategies == {TREND: 20, BASIS_DESK: 15}
    assert worth.unrealized_of_books["derivatives"] == {"USDT": 30}
    assert worth.unrealized == 35


def test_what_nobody_holds_and_nobody_owns_is_worth_nothing() -> None:
    worth = worth_of(Ledger(REFERENCE), PRICES)
    assert worth.equity == 0
    assert worth.unrealized == 0


def test_every_price_becomes_a_mark_of_that_moment() -> None:
    marks = {mark.pair: mark for mark in marks_of(PRICES, 5, 7)}
    assert marks.keys() == PRICES.prices.keys()
    assert {(mark.time, mark.received_at, mark.kind) for mark in marks.values()} == {(5, 7, "mark")}
    assert marks["USDT", "USD"].price == Amount.parse("0.5")


def test_a_split_divides_the_price_of_the_share_and_of_its_token() -> None:
    before, after = DAY.prices[-1], DAY.close.prices
    share = before.of("nasdaq.stock.AAPL")
    assert abs(after.of("nasdaq.stock.AAPL") / share - Fraction(2, 3)) < Fraction(1, 1000)
    assert after.rate("AAPL") == after.of("nasdaq.stock.AAPL")
    assert after.at > before.at


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        ("1234567.891", "1,234,567.89"),
        ("-0.125", "-0.12"),
        ("-0.001", "0.00"),
        ("5", "5.00"),
        ("-1234.5", "-1,234.50"),
    ],
)
def test_money_is_shown_in_cents(amount: str, shown: str) -> None:
    assert money(Amount.parse(amount)) == shown


def test_money_nobody_knows_is_unknown() -> None:
    assert money(None) == "unknown"
