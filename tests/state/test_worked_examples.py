"""The worked examples of accounting, through a real server, to the digit."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pm import keys
from pm.events.model import (
    CapitalFlow,
    Dividend,
    ExecutionResult,
    Exercise,
    Expiry,
    Fee,
    FeeValue,
    Funding,
    Reservation,
    Settlement,
    Split,
    Trace,
    TraceExpired,
    Transfer,
)
from tests.servers import Server
from tests.state.books import BOOK
from tests.state.ledger import (
    BTC,
    CALL,
    FUTURE,
    INVERSE,
    KRAKEN_BTC,
    PERPETUAL,
    PUT,
    SHARE,
    Ledger,
    shows,
)
from tests.state.marked import set_prices

TRACE = "0" * 31 + "a"


@pytest.fixture
def ledger(server: Server) -> Iterator[Ledger]:
    """An empty book on each engine, which is whole in the end."""
    made = Ledger.on(server)
    yield made
    made.close()


# --- legs and fees ---


def test_a_long_position_is_sold_through_zero(ledger: Ledger) -> None:
    ledger.fill(BTC, "2", "100")
    ledger.fill(BTC, "-5", "110", Fee("USDT", "5", "trading"))
    held = ledger.position(BTC)
    shows(held, quantity="-3", cost="-330", avg_cost_basis="110", realized_pnl="20")
    shows(held, fees_paid='{"USDT":"5"}', fee_value="5", total_trades="2")
    shows(held, trip_realized_pnl="0", trip_fee_value="3")
    closed, opened, *_ = ledger.last("changes")
    assert (closed["type"], opened["type"]) == ("position_closed", "position_opened")
    shows(closed["new"], quantity="0", realized_pnl="20", trip_fee_value="2")
    assert (ledger.total("BTC"), ledger.total("USDT")) == ("-3", "345")
    shows(ledger.book(), trips_won="1", realized_pnl='{"USDT":"20"}', volume='{"USDT":"750"}')


def test_an_inverse_position_realizes_in_the_coin(ledger: Ledger) -> None:
    ledger.fill(INVERSE, "1000", "50000")
    shows(ledger.position(INVERSE), cost="-0.2", avg_cost_basis="50000", settlement="BTC")
    ledger.fill(INVERSE, "-1000", "40000")
    shows(ledger.position(INVERSE), quantity="0", cost="0", realized_pnl="-0.05")
    assert ledger.total("BTC") == "-0.05"
    shows(ledger.book(), realized_pnl='{"BTC":"-0.05"}', volume='{"BTC":"0.45"}', trips_lost="1")


def test_a_fee_in_the_base_token_leaves_the_position(ledger: Ledger) -> None:
    ledger.fill(BTC, "1", "100", Fee("BTC", "0.001", "trading"))
    assert ledger.last("legs") == [["1", "100"], ["-0.001", "-0.1"]]
    shows(ledger.position(BTC), quantity="0.999", cost="99.9", avg_cost_basis="100")
    ledger.fill(BTC, "-0.999", "110")
    shows(ledger.position(BTC), quantity="0", realized_pnl="9.99", fee_value="0.1")
    # net of the fee 9.89, which is the cash
    assert (ledger.total("USDT"), ledger.total("BTC")) == ("9.89", "0")


def test_a_fee_in_a_third_token_is_valued_once_its_price_is_known(ledger: Ledger) -> None:
    ledger.fill(BTC, "1", "100", Fee("BNB", "0.1", "trading"))
    shows(ledger.position(BTC), fee_value="0", fees_unvalued='{"BNB":"0.1"}')
    told = FeeValue(2, 7, BTC, "BNB", "0.1", "30", ledger.now - 10**9, ledger.now)
    ledger.tell(told)
    shows(ledger.position(BTC), fee_value="30", fees_unvalued="{}", trip_fee_value="30")
    shows(ledger.book(), fee_value='{"USDT":"30"}', fees_paid='{"BNB":"0.1"}')


# --- orders and balances ---


def test_a_better_price_is_free_at_once(ledger: Ledger) -> None:
    ledger.tell(deposit(ledger, "USDT", "1000"))
    ledger.tell(Reservation("R1", "O1", "binance", "USDT", "200", ledger.now, quantity="2"))
    shows(ledger.balance("USDT"), available="800", reserved="200", total="1000")
    ledger.fill(BTC, "1", "95", Fee("USDT", "0.1", "trading"), order="O1")
    shows(ledger.balance("USDT"), available="804.9", reserved="100", total="904.9")


def test_a_cumulative_report_counts_what_is_new_in_it(ledger: Ledger) -> None:
    for quantity, average in (("1", "100"), ("2", "105")):
        told = ExecutionResult(
            ledger.number, "O1", "binance", 7, BTC, quantity, average, "partial", ledger.now
        )
        ledger.tell(told)
    assert ledger.last("legs") == [["1", "110"]]
    shows(ledger.position(BTC), quantity="2", cost="210", avg_cost_basis="105", total_trades="2")
    assert ledger.total("USDT") == "-210"


def test_selling_what_was_deposited_without_a_basis_makes_a_short(ledger: Ledger) -> None:
    ledger.tell(deposit(ledger, "BTC", "1"))
    ledger.fill(BTC, "-1", "100")
    shows(ledger.position(BTC), quantity="-1", cost="-100")
    assert ledger.total("BTC") == "0"


# --- transfers ---


def test_a_bridge_keeps_the_basis_and_books_its_cost(ledger: Ledger) -> None:
    ledger.fill(BTC, "3", "100")
    ledger.tell(bridge(ledger, "sent", amount="1", from_venue="binance"))
    shows(ledger.position(BTC), quantity="2", cost="200", realized_pnl="0", transfer_cost="0")
    shows(ledger.book(), in_flight='{"BTC":"1"}')
    pending = keys.pending(BOOK, "transfer.T1")
    shows(ledger.of(pending), status="in_flight", quantity="1", cost="100")
    assert ledger.total("BTC") == "2"

    arrival = bridge(ledger, "arrived", arrived="0.99", to_venue="kraken")
    ledger.tell(arrival._replace(to_instrument=KRAKEN_BTC))
    shows(ledger.position(BTC), quantity="2", cost="200", transfer_cost="1", trip_carry="-1")
    shows(ledger.position(KRAKEN_BTC), quantity="0.99", cost="99", location="kraken")
    shows(ledger.of(pending), status="arrived", fee="0.01", transfer_cost="1")
    shows(ledger.book(), in_flight='{"BTC":"0"}', transfer_cost='{"USDT":"1"}')
    assert (ledger.total("BTC"), ledger.total("BTC", "kraken")) == ("2", "0.99")


def test_a_bridge_in_one_step_comes_to_the_same(ledger: Ledger) -> None:
    ledger.fill(BTC, "3", "100")
    moved = bridge(ledger, "whole", amount="1", arrived="0.99", from_venue="binance")
    ledger.tell(moved._replace(to_venue="kraken", to_instrument=KRAKEN_BTC))
    shows(ledger.position(BTC), quantity="2", cost="200", transfer_cost="1")
    shows(ledger.position(KRAKEN_BTC), quantity="0.99", cost="99")
    assert (ledger.total("BTC"), ledger.total("BTC", "kraken")) == ("2", "0.99")


def test_a_failed_transfer_comes_back_at_its_basis(ledger: Ledger) -> None:
    ledger.fill(BTC, "3", "100")
    ledger.tell(bridge(ledger, "sent", amount="1", from_venue="binance"))
    ledger.fill(BTC, "-1", "130")
    ledger.tell(bridge(ledger, "failed"))
    shows(ledger.position(BTC), quantity="2", cost="200", realized_pnl="30", transfer_cost="0")
    shows(ledger.book(), in_flight='{"BTC":"0"}')
    assert ledger.total("BTC") == "2"


# --- what instruments do ---


def test_a_dividend_is_receivable_from_its_ex_date_and_paid_later(ledger: Ledger) -> None:
    ledger.fill(SHARE, "10", "50")
    ledger.fill(SHARE, "-3", "50", strategy=8)
    ledger.tell(Dividend("D1", "ex", SHARE, ledger.now, rate="0.5"))
    shows(ledger.position(SHARE), carry="5", trip_carry="5", realized_pnl="0")
    shows(ledger.position(SHARE, "8"), carry="-1.5")
    shows(ledger.book(), receivables='{"USD":"3.5"}', carry='{"USD":"3.5"}')
    assert ledger.total("USD", "nasdaq") == "-350"
    ledger.fill(SHARE, "-10", "50")
    ledger.tell(Dividend("D1", "paid", SHARE, ledger.now, rate="0.5", amount="3.5"))
    shows(ledger.position(SHARE), quantity="0", carry="5")
    shows(ledger.book(), receivables='{"USD":"0"}', carry='{"USD":"3.5"}')
    assert ledger.total("USD", "nasdaq") == "153.5"


def test_a_funding_payment_is_shared_and_its_remainder_goes_to_the_largest(ledger: Ledger) -> None:
    for strategy, quantity in ((7, "1"), (8, "4"), (9, "1")):
        ledger.fill(PERPETUAL, quantity, "100", strategy=strategy)
    ledger.tell(Funding("G1", PERPETUAL, ledger.now, amount="1"))
    # 1/6, 4/6 and 1/6 at 18 decimals are a digit too much
    shows(ledger.position(PERPETUAL), carry="0.166666666666666667")
    shows(ledger.position(PERPETUAL, "8"), carry="0.666666666666666666")
    shows(ledger.position(PERPETUAL, "9"), carry="0.166666666666666667")
    shows(ledger.book(), carry='{"USDT":"1"}')
    assert ledger.total("USDT") == "1"


def test_funding_of_positions_that_cancel_goes_by_the_rate(ledger: Ledger) -> None:
    ledger.fill(PERPETUAL, "2", "100")
    ledger.fill(PERPETUAL, "-2", "100", strategy=8)
    ledger.tell(Funding("G1", PERPETUAL, ledger.now, rate="0.0001", price="50000"))
    shows(ledger.position(PERPETUAL), carry="-10")
    shows(ledger.position(PERPETUAL, "8"), carry="10")
    assert ledger.client.exists(keys.balance(BOOK, "binance", "USDT")) == 0


def test_a_split_keeps_the_cost(ledger: Ledger) -> None:
    ledger.fill(SHARE, "7", "10")
    ledger.tell(Split("K1", SHARE, "2", "1", ledger.now))
    shows(ledger.position(SHARE), quantity="14", cost="70", avg_cost_basis="5", realized_pnl="0")
    assert ledger.total("ACME", "nasdaq") == "14"


def test_a_fraction_of_a_split_is_paid_out_at_its_share_of_the_cost(ledger: Ledger) -> None:
    ledger.fill(SHARE, "7", "10")
    ledger.tell(Split("K1", SHARE, "3", "2", ledger.now, price="12"))
    # 10.5 shares: half a one for 6, which had cost 70/21
    held = ledger.position(SHARE)
    shows(held, quantity="10", cost="66.666666666666666667", realized_pnl="2.666666666666666667")
    assert ledger.last("legs") == [["0", "-6", f"7:{SHARE}"]]
    assert ledger.total("ACME", "nasdaq") == "10"
    assert ledger.total("USD", "nasdaq") == "-64"


def test_a_daily_settlement_moves_the_cost_to_its_price(ledger: Ledger) -> None:
    ledger.fill(FUTURE, "2", "100")
    shows(ledger.position(FUTURE), cost="2000")
    ledger.tell(Settlement("M1", FUTURE, "105", ledger.now))
    shows(ledger.position(FUTURE), quantity="2", cost="2100", realized_pnl="100")
    assert ledger.total("USDT") == "100"
    ledger.tell(Settlement("M2", FUTURE, "103", ledger.now))
    shows(ledger.position(FUTURE), quantity="2", cost="2060", realized_pnl="60")
    ledger.tell(Settlement("M3", FUTURE, "104", ledger.now, final=True))
    shows(ledger.position(FUTURE), quantity="0", cost="0", realized_pnl="80")
    assert ledger.total("USDT") == "80"
    shows(ledger.book(), trips_won="1")


def test_an_option_that_expires_is_a_loss_of_its_cost(ledger: Ledger) -> None:
    ledger.fill(CALL, "3", "1")
    ledger.fill(CALL, "-2", "1", strategy=8)
    assert ledger.total("USD", "nasdaq") == "-10"
    ledger.tell(Expiry("X1", CALL, ledger.now))
    shows(ledger.position(CALL), quantity="0", realized_pnl="-30")
    shows(ledger.position(CALL, "8"), quantity="0", realized_pnl="20")
    shows(ledger.book(), trips_won="1", trips_lost="1", realized_pnl='{"USD":"-10"}')
    assert ledger.total("USD", "nasdaq") == "-10"


def test_an_option_is_exercised_for_cash(ledger: Ledger) -> None:
    ledger.fill(CALL, "3", "1")
    ledger.tell(Exercise("Y1", CALL, ledger.now, intrinsic="5"))
    shows(ledger.position(CALL), quantity="0", realized_pnl="120")
    assert ledger.total("USD", "nasdaq") == "120"


def test_a_call_is_exercised_for_shares(ledger: Ledger) -> None:
    ledger.fill(CALL, "3", "1")
    ledger.tell(Exercise("Y1", CALL, ledger.now, physical=True))
    shows(ledger.position(CALL), quantity="0", realized_pnl="-30")
    shows(ledger.position(SHARE), quantity="30", cost="2700", avg_cost_basis="90", total_trades="0")
    assert (ledger.total("ACME", "nasdaq"), ledger.total("USD", "nasdaq")) == ("30", "-2730")


def test_a_put_is_exercised_for_shares(ledger: Ledger) -> None:
    ledger.fill(SHARE, "20", "100")
    ledger.fill(PUT, "2", "1")
    ledger.tell(Exercise("Y1", PUT, ledger.now, physical=True))
    shows(ledger.position(PUT), quantity="0", realized_pnl="-20")
    shows(ledger.position(SHARE), quantity="0", realized_pnl="200")
    assert (ledger.total("ACME", "nasdaq"), ledger.total("USD", "nasdaq")) == ("0", "180")


def test_a_short_call_is_assigned_in_part(ledger: Ledger) -> None:
    ledger.fill(CALL, "-2", "1")
    ledger.tell(Exercise("Y1", CALL, ledger.now, physical=True, quantity="1", strategy_id=7))
    shows(ledger.position(CALL), quantity="-1", cost="-10", realized_pnl="10")
    shows(ledger.position(SHARE), quantity="-10", cost="-900", avg_cost_basis="90")
    assert (ledger.total("ACME", "nasdaq"), ledger.total("USD", "nasdaq")) == ("-10", "920")


# --- across strategies and places ---


def test_strategies_that_hold_against_each_other_add_up(ledger: Ledger) -> None:
    ledger.fill(BTC, "10", "100")
    ledger.fill(BTC, "-4", "110", strategy=8)
    set_prices(ledger.client, {f"7:{BTC}": "105", f"8:{BTC}": "105"})
    shows(ledger.position(BTC), cost="1000", unrealized_pnl="50", market_value="1050")
    shows(ledger.position(BTC, "8"), cost="-440", unrealized_pnl="20", market_value="-420")
    # 6 in all for 560
    shows(ledger.book(), unrealized_pnl='{"USDT":"70"}', market_value='{"USDT":"630"}')
    assert (ledger.total("BTC"), ledger.total("USDT")) == ("6", "-560")


def test_what_a_trace_leaves_is_told_by_asset_and_by_place(ledger: Ledger) -> None:
    trace = Trace(TRACE, True, None)
    ledger.fill(BTC, "1", "100", trace=trace)
    ledger.fill(KRAKEN_BTC, "-0.6", "102", trace=trace)
    ledger.tell(TraceExpired(TRACE, 2, "stranded", ledger.now))
    shows(
        ledger.of(keys.trace(BOOK, TRACE)),
        status="stranded",
        numeraire="USDT",
        net='{"BTC":"0.4","USDT":"-38.8"}',
    )
    (change,) = ledger.last("changes")
    assert change == {
        "type": "trace_stranded",
        "trace_id": TRACE,
        "stranded": {"BTC": "0.4", "USDT": "-38.8"},
        "locations": {
            "binance:BTC": "1",
            "binance:USDT": "-100",
            "kraken:BTC": "-0.6",
            "kraken:USDT": "61.2",
        },
    }
    shows(ledger.book(), traces_stranded="1")
    # the books are not touched by it
    assert (ledger.total("BTC"), ledger.total("BTC", "kraken")) == ("1", "-0.6")


def deposit(ledger: Ledger, token: str, amount: str) -> CapitalFlow:
    return CapitalFlow(
        "deposit", ledger.number, ledger.now, token=token, amount=amount, venue="binance"
    )


def bridge(ledger: Ledger, step: str, **more: str) -> Transfer:
    about = {"transfer_id": "T1", "step": step, "token": "BTC", "strategy_id": 7}
    return Transfer(executed_at=ledger.now, instrument=BTC, **about, **more)
