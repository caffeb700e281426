"""The demo's own arithmetic, by the examples that the documents of accounting work out."""

from __future__ import annotations

from fractions import Fraction

import pytest

from pm.demo.desk import BASIS_DESK, EQUITIES, TREASURY, TREND
from pm.demo.exact import decimals_of, part_of, text_of
from pm.demo.holding import Holding
from pm.demo.ledger import BalanceKey, Ledger, PositionKey, Trade, TradeName
from pm.demo.scenario import build_scenario

REFERENCE = build_scenario(1, 10).expected.reference
PERPETUAL, FUTURE = "binance.future.BTCUSDT", "deribit.future.BTC25JUN"
SHARE, POOL = "nasdaq.stock.AAPL", "uniswapv3.pool.0x367f72e0b033da17"
ELSEWHERE = "uniswapv3arbitrum.pool.0x82c2afb11b33813f"
SPOT = "kraken.coin.BTC"


def bought(strategy: int, instrument: str, quantity: str, cost: str) -> Ledger:
    ledger = Ledger(REFERENCE)
    ledger.open_position(strategy, instrument, Fraction(quantity), Fraction(cost))
    return ledger


def only(ledger: Ledger) -> Holding:
    (holding,) = ledger.positions.values()
    return holding


def shown(*numbers: Fraction) -> list[str]:
    return [text_of(number) for number in numbers]


def balances(ledger: Ledger) -> dict[str, str]:
    return {key.token: text_of(total) for key, total in ledger.balances.items() if total}


@pytest.mark.parametrize(
    ("number", "text"),
    [("0", "0"), ("-1/8", "-0.125"), ("1500", "1500"), ("3/40000", "0.000075"), ("-7", "-7")],
)
def test_a_number_is_written_with_the_decimals_it_needs(number: str, text: str) -> None:
    assert text_of(Fraction(number)) == text


def test_a_number_without_an_end_is_refused() -> None:
    with pytest.raises(ValueError, match="1/3 has no end"):
        decimals_of(Fraction(1, 3))


def test_a_part_keeps_18_decimals_or_those_of_the_whole() -> None:
    assert text_of(part_of(Fraction(1), Fraction(1), Fraction(3))) == "0." + "3" * 18
    whole = Fraction(1, 10**20)
    assert text_of(part_of(whole, Fraction(1), Fraction(2))) == "0"
    assert part_of(whole, Fraction(3), Fraction(3)) == whole


def test_a_flip_realizes_what_it_closes_and_opens_the_rest() -> None:
    holding = Holding()
    holding.fold(Fraction(2), Fraction(200))
    holding.fold(Fraction(-5), Fraction(-550))
    assert shown(holding.quantity, holding.cost, holding.realized) == ["-3", "-330", "20"]


def test_a_partial_close_takes_its_share_of_the_cost() -> None:
    holding = Holding()
    holding.fold(Fraction(3), Fraction(100))
    holding.fold(Fraction(-1), Fraction(-40))
    assert text_of(holding.cost) == "66." + "6" * 17 + "7"
    assert text_of(holding.realized) == "6." + "6" * 17 + "7"


def test_a_bridge_carries_the_cost_but_for_that_of_its_fee() -> None:
    ledger = bought(TREASURY, POOL, "3", "300")
    ledger.bridge(TREASURY, POOL, ELSEWHERE, Fraction(1), Fraction("0.99"))
    here = ledger.positions[PositionKey("onchain", TREASURY, POOL)]
    there = ledger.positions[PositionKey("onchain", TREASURY, ELSEWHERE)]
    assert shown(here.quantity, here.cost, here.realized) == ["2", "200", "0"]
    assert shown(there.quantity, there.cost, there.realized) == ["0.99", "99", "0"]
    assert here.transfer_cost == 1
    assert ledger.balances[BalanceKey("onchain", "ethereum", "WETH")] == -1
    assert ledger.balances[BalanceKey("onchain", "arbitrum", "WETH")] == Fraction("0.99")


def test_what_is_paid_for_each_unit_is_carry_and_cash() -> None:
    ledger = bought(BASIS_DESK, PERPETUAL, "-2", "-130000")
    assert ledger.pay(PERPETUAL, Fraction("-6.5")) == 13
    assert shown(only(ledger).carry, only(ledger).realized) == ["13", "0"]
    assert balances(ledger) == {"USDT": "13"}


def test_a_split_pays_for_the_fraction_and_realizes_its_share() -> None:
    ledger = bought(EQUITIES, SHARE, "3", "540")
    ledger.split(SHARE, 3, 2, Fraction(125))
    held = only(ledger)
    assert shown(held.quantity, held.cost, held.realized) == ["4", "480", "2.5"]
    assert balances(ledger) == {"AAPL": "1", "USD": "62.5"}


def test_a_short_position_pays_for_the_fraction_of_a_split() -> None:
    ledger = bought(EQUITIES, SHARE, "-3", "-540")
    ledger.split(SHARE, 3, 2, Fraction(125))
    held = only(ledger)
    assert shown(held.quantity, held.cost, held.realized) == ["-4", "-480", "-2.5"]
    assert balances(ledger) == {"AAPL": "-1", "USD": "-62.5"}


def test_a_settlement_makes_the_gain_cash_and_the_price_the_cost() -> None:
    ledger = bought(BASIS_DESK, FUTURE, "1000", "-0.2")
    assert ledger.settle(FUTURE, Fraction(62_500)) == Fraction("0.04")
    held = only(ledger)
    assert shown(held.quantity, held.cost, held.realized) == ["1000", "-0.16", "0.04"]
    assert balances(ledger) == {"BTC": "0.04"}


def test_a_future_pays_out_what_is_realized() -> None:
    ledger = bought(BASIS_DESK, PERPETUAL, "2", "130000")
    price = Fraction(66_000)
    sale = Trade(Fraction(-1), -price, Fraction(30), price)
    ledger.trade(BASIS_DESK, PERPETUAL, sale, buys=False)
    assert balances(ledger) == {"USDT": "970"}
    assert only(ledger).fee_value == 30


def traded(*trades: tuple[int, int]) -> Ledger:
    """Trades of one unit's fee each, by quantity and price, each order with one execution."""
    ledger = Ledger(REFERENCE)
    for number, (quantity, price) in enumerate(trades):
        trade = Trade(Fraction(quantity), Fraction(quantity * price), Fraction(1), Fraction(price))
        ledger.trade(TREND, SPOT, trade, buys=quantity > 0, name=TradeName(number, 1))
    return ledger


def test_a_busted_trade_never_happened() -> None:
    ledger = traded((2, 100), (1, 105), (-1, 120))
    assert text_of(only(ledger).cost) == "203." + "3" * 18
    assert balances(ledger) == {"BTC": "2", "USD": "-188"}
    ledger.amend(ledger.named[1], Trade(Fraction(0), Fraction(0), Fraction(0), Fraction(0)))
    held = only(ledger)
    assert shown(held.quantity, held.cost, held.realized, held.fees["USD"]) == [
        "1",
        "100",
        "20",
        "2",
    ]
    assert balances(ledger) == {"BTC": "1", "USD": "-82"}


def test_a_corrected_trade_was_made_at_the_other_price_from_the_beginning() -> None:
    ledger, right = traded((2, 100), (1, 105), (-1, 120)), traded((2, 100), (1, 111), (-1, 120))
    ledger.amend(ledger.named[1], right.named[1].trade)
    assert ledger.positions == right.positions
    assert ledger.balances == right.balances


def test_two_trades_of_a_position_can_be_amended_one_after_the_other() -> None:
    ledger, right = traded((2, 100), (-5, 105), (1, 120)), traded((2, 90), (-5, 105), (3, 120))
    for number in (2, 0):
        ledger.amend(ledger.named[number], right.named[number].trade)
    assert ledger.positions == right.positions
    assert ledger.balances == right.balances
