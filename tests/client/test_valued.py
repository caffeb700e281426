"""What the books are worth and risk, as queries answer it after real mark-to-market passes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest

from pm import keys
from pm.books.opening import BookError
from pm.client import Client, to_json
from pm.decimals import ZERO, Amount
from pm.events.model import Fee
from pm.marks import store
from pm.settings import RiskMetricsSettings, Settings
from tests.client.test_reading import commands_of, leaves
from tests.servers import AnyServer
from tests.valuation.desk import BTC, CALL, INVERSE, PERPETUAL, START, Desk, reference

A = Amount.parse


@pytest.fixture
def desk(server: AnyServer) -> Desk:
    """Books, reference data and settings, with nothing traded yet."""
    return Desk.opened(server)


@pytest.fixture
def client(server: AnyServer, desk: Desk) -> Iterator[Client]:
    """A client of the desk's server that knows its instruments."""
    with Client.open(server.url, reference=reference(1)) as opened:
        yield opened


def trade(desk: Desk) -> None:
    """1000 USDT, 600 of them strategy 7's, who buys 2 at 100 and pays 1; marked at 110."""
    desk.deposit("USDT", "1000")
    desk.allocate(7, "USDT", "600")
    desk.fill(BTC, "2", "100", fees=(Fee("USDT", "1"),))
    desk.mark(BTC, "110")
    desk.mark_usdt()


def test_a_position_carries_the_mark_of_the_last_pass(desk: Desk, client: Client) -> None:
    trade(desk)
    desk.run()
    position = client.position(BTC, "7")
    assert position is not None
    assert (position.mark, position.mark_time, position.is_stale) == (A("110"), desk.now, False)
    assert (position.market_value, position.unrealized_pnl) == (A("220"), A("20"))
    assert (position.exposure, position.net_pnl, position.live) == (A("220"), A("19"), None)
    assert position.location == "binance"


def test_a_live_value_is_labelled_apart(desk: Desk, client: Client) -> None:
    trade(desk)
    desk.run()
    desk.later()
    desk.mark(BTC, "120")
    position = client.position(BTC, "7", live=True)
    assert position is not None
    assert (position.mark, position.unrealized_pnl) == (A("110"), A("20"))
    assert position.live is not None
    assert (position.live.mark, position.live.mark_time) == (A("120"), desk.now)
    assert (position.live.market_value, position.live.unrealized_pnl) == (A("240"), A("40"))
    assert position.live.is_stale  # the desk's time is long ago


def test_a_live_value_is_one_exchange_where_the_instrument_is_known(
    server: AnyServer, desk: Desk, client: Client
) -> None:
    trade(desk)
    expected = client.position(BTC, "7", live=True)
    asked = commands_of(server, client, lambda: client.position(BTC, "7", live=True))
    assert asked == ["HGETALL", "HMGET", "HGETALL"]
    with Client.open(server.url) as uninformed:
        position = uninformed.position(BTC, "7", live=True)
        assert position is not None
        assert expected is not None
        assert expected.live is not None
        assert position.live == expected.live


def test_there_is_no_live_value_without_a_mark(desk: Desk, client: Client) -> None:
    desk.fill(BTC, "1", "100")
    position = client.position(BTC, "7", live=True)
    assert position is not None
    assert (position.live, position.market_value, position.net_pnl) == (None, None, None)
    assert client.position("never", "7", live=True) is None


def test_a_mark_from_before_a_split_is_no_live_value(desk: Desk, client: Client) -> None:
    trade(desk)
    store.record_split(desk.client, BTC, "S1", desk.now + 1, A("2"), A("1"))
    position = client.position(BTC, "7", live=True)
    assert position is not None
    assert position.live is None


def test_exposure_is_in_quote_and_unknown_for_an_option(desk: Desk, client: Client) -> None:
    desk.fill(INVERSE, "-3", "100")
    desk.fill(CALL, "1", "5")
    desk.fill(BTC, "1", "100")
    desk.fill(BTC, "-1", "100")
    desk.mark(CALL, "6")
    desk.run()
    exposures = {item.instrument_id: item.exposure for item in client.positions("all")}
    assert exposures == {INVERSE: A("-30"), CALL: None, BTC: ZERO}


def test_the_summary_has_live_totals_and_the_last_pass(desk: Desk, client: Client) -> None:
    trade(desk)
    desk.run()
    summary = client.portfolio_summary()
    assert summary.seqs == {"main": client.head().seq}
    assert summary.total_pnl == {"USDT": A("20")}
    assert summary.net_pnl == {"USDT": A("19")}
    converted = summary.converted
    assert (converted.reporting_currency, converted.rates) == ("USD", {"USDT": A("1")})
    assert (converted.net_pnl, converted.missing) == (A("19"), ())
    assert summary.valuation == desk.book()
    assert summary.valuation.equity == A("1019")
    assert summary.behind == {"main": 0}


def test_the_summary_moves_with_events_and_its_valuation_says_how_far_behind_it_is(
    desk: Desk, client: Client
) -> None:
    trade(desk)
    desk.run()
    desk.fill(BTC, "-1", "130")
    summary = client.portfolio_summary()
    assert summary.realized_pnl == {"USDT": A("30")}
    assert summary.unrealized_pnl == {"USDT": A("10")}  # one left, still at the mark of 110
    assert (summary.behind, summary.valuation) == ({"main": 1}, desk.book())


def test_what_is_unknown_is_said_and_not_taken_as_zero(desk: Desk, client: Client) -> None:
    desk.fill(BTC, "1", "100", fees=(Fee("BNB", "0.1"),))
    summary = client.portfolio_summary()
    assert (summary.valuation, summary.behind) == (None, {"main": client.head().seq})
    assert (summary.unmarked, summary.total_pnl, summary.net_pnl) == (1, None, None)
    desk.fill(BTC, "-1", "90")
    summary = client.portfolio_summary()
    assert summary.total_pnl == {"USDT": A("-10")}
    assert summary.net_pnl is None  # the fee in BNB has no value
    assert (summary.converted.total_pnl, summary.converted.missing) == (None, ("USDT",))


def test_the_summary_of_several_books_adds_them_up(
    server: AnyServer, desk: Desk, client: Client
) -> None:
    trade(desk)
    desk.open("other")
    desk.deposit("USDT", "500", "other")
    desk.fill(BTC, "-1", "120", book="other", strategy=8)
    desk.run()
    with Client.open(server.url, books=["main", "other"], reference=reference(1)) as every:
        summary = every.portfolio_summary()
        assert set(summary.seqs) == {"main", "other"}
        assert summary.unrealized_pnl == {"USDT": A("30")}
        assert summary.trade_count == 2
        assert summary.valuation == desk.portfolio()
        assert every.portfolio_summary("other").unrealized_pnl == {"USDT": A("10")}
        assert every.risk_metrics(book="other").valuation == desk.book("other")
        assert every.risk_metrics().valuation == desk.portfolio()


def test_a_summary_is_one_pipeline_whatever_is_held(
    server: AnyServer, desk: Desk, client: Client
) -> None:
    trade(desk)
    client.portfolio_summary()
    few = commands_of(server, client, client.portfolio_summary)
    for strategy in range(10, 40):
        desk.fill(BTC, "1", "100", strategy=strategy)
    assert commands_of(server, client, client.portfolio_summary) == few
    assert few == ["HGETALL", "HGETALL", "HMGET", "HGETALL"]


def test_a_strategy_has_equity_and_performance(desk: Desk, client: Client) -> None:
    trade(desk)
    desk.run()
    for price in ("121", "99", "110"):
        desk.later(86_400)
        desk.mark_usdt()
        desk.mark(BTC, price)
        desk.run()
    portfolio = client.strategy_portfolio(7)
    assert portfolio.valuation == desk.strategy()
    assert portfolio.equity == A("619")
    assert portfolio.total_pnl == {"USDT": A("20")}
    performance = portfolio.performance
    assert performance is not None
    assert portfolio.max_drawdown == performance.max_drawdown == A("-44")
    assert (performance.days, performance.valued_at) == (3, desk.now)
    assert portfolio.sharpe_ratio is not None
    assert performance.seqs == {"main": client.head().seq}


def test_a_strategy_without_capital_has_no_equity(desk: Desk, client: Client) -> None:
    desk.deposit("USDT", "1000")
    desk.fill(BTC, "1", "100")
    desk.mark(BTC, "110")
    desk.mark_usdt()
    desk.run()
    portfolio = client.strategy_portfolio(7)
    assert portfolio.valuation is not None
    assert (portfolio.equity, portfolio.performance, portfolio.max_drawdown) == (None, None, None)


def risky(desk: Desk, days: int) -> None:
    """A long position, with daily closes that go up and down by turns."""
    for back in range(days, -1, -1):
        at = START - back * 86_400 * 1_000_000_000
        desk.mark(BTC, "110" if back % 2 else "100", at=at)
        desk.mark("USDT", "1", "USD", at=at)
    trade(desk)
    desk.run(fresh=True)


def test_risk_has_losses_exposures_and_what_they_are_of(desk: Desk, client: Client) -> None:
    risky(desk, 60)
    risk = client.risk_metrics(50)
    assert (risk.losses.days, risk.losses.insufficient) == (50, "")
    assert risk.losses.value_at_risk is not None
    assert risk.losses.expected_shortfall is not None
    assert risk.losses.expected_shortfall >= risk.losses.value_at_risk > ZERO
    assert risk.losses.parametric_value_at_risk is not None
    assert (risk.losses.confidence_level, risk.losses.holding_period_days) == (A("0.95"), 1)
    assert list(risk.exposures.items()) == [("USDT", A("799")), ("BTC", A("220"))]
    assert (risk.uncovered, risk.uncovered_share) == ({}, ZERO)
    assert risk.valuation == desk.book()
    assert (risk.valued_at, risk.seqs) == (desk.now, {"main": client.head().seq})
    assert risk.valuation.gross_exposure == A("220")
    of_strategy = client.risk_metrics(50, strategy=7)
    assert (of_strategy.strategy_id, of_strategy.valuation) == ("7", desk.strategy())


def test_the_settings_say_level_and_horizon(server: AnyServer, desk: Desk) -> None:
    risky(desk, 60)
    settings = Settings(
        risk_metrics=RiskMetricsSettings(var_confidence_level=0.9, var_holding_period_days=4)
    )
    with Client.open(server.url) as plain, Client.open(server.url, settings) as told:
        losses = told.risk_metrics(50).losses
        assert (losses.confidence_level, losses.holding_period_days) == (A("0.9"), 4)
        assert losses.parametric_value_at_risk != plain.risk_metrics(50).losses.value_at_risk


def test_too_short_a_history_is_said(desk: Desk, client: Client) -> None:
    risky(desk, 60)
    losses = client.risk_metrics(timedelta(days=20)).losses
    assert (losses.value_at_risk, losses.parametric_value_at_risk) == (None, None)
    assert losses.insufficient == "30 days of returns needed, 20 there"


def test_a_part_of_a_day_of_lookback_counts_as_one_and_none_is_refused(
    desk: Desk, client: Client
) -> None:
    assert client.risk_metrics(timedelta(hours=25)).lookback_days == 2
    with pytest.raises(ValueError, match="lookback: 0 is not above 0"):
        client.risk_metrics(0)


def test_risk_before_the_first_pass_is_empty(desk: Desk, client: Client) -> None:
    risk = client.risk_metrics()
    assert (risk.valuation, risk.performance, risk.valued_at) == (None, None, None)
    assert (risk.exposures, risk.losses.value_at_risk) == ({}, None)
    assert risk.losses.insufficient == "30 days of returns needed, 0 there"


def test_equity_points_are_read_by_time(desk: Desk, client: Client) -> None:
    trade(desk)
    times = []
    for price in ("110", "120", "130"):
        desk.mark(BTC, price)
        desk.run()
        times.append(desk.now)
        desk.later()
    assert [point.at for point in client.equity()] == times
    assert list(client.equity()) == desk.points()
    assert [point.at for point in client.equity(count=2)] == times[1:]
    assert [point.at for point in client.equity(start=times[1], end=times[1])] == times[1:2]
    assert [point.at for point in client.equity(start=times[1] + 1)] == times[2:]
    assert list(client.equity(7)) == desk.points("7")
    assert client.equity(9) == ()


def test_balances_tell_what_derivatives_take(desk: Desk, client: Client) -> None:
    desk.deposit("USDT", "1000")
    desk.fill(PERPETUAL, "4", "100")
    desk.mark(PERPETUAL, "90")
    desk.mark_usdt()
    desk.run()
    [balance] = [item for item in client.balances(margin=True) if item.token == "USDT"]
    assert balance.margin is not None
    assert (balance.margin.margin_used, balance.margin.unrealized_pnl) == (A("20"), A("-40"))
    assert balance.margin.free == A("940")
    assert balance.margin.valued_at == desk.now
    desk.deposit("USDT", "-100", kind="deposit")
    one = client.balance("binance", "USDT", margin=True)
    assert one is not None
    assert one.margin is not None
    assert one.margin.free == A("840")
    assert client.balances()[0].margin is None
    assert client.chain_balances(0, margin=True)[0].margin is not None


@pytest.mark.parametrize("query", ["portfolio_summary", "risk_metrics", "equity"])
def test_a_book_that_does_not_exist_is_refused(client: Client, query: str) -> None:
    with pytest.raises(BookError, match="book none does not exist"):
        getattr(client, query)(book="none")


def test_valued_answers_are_json_without_a_float(desk: Desk, client: Client) -> None:
    risky(desk, 60)
    answers = [
        client.portfolio_summary(),
        client.risk_metrics(50),
        client.strategy_portfolio(7),
        client.equity(),
        client.balances(margin=True),
        client.position(BTC, 7, live=True),
    ]
    told = [to_json(answer) for answer in answers]
    assert json.loads(json.dumps(told)) == told
    assert leaves(told) <= {str, int, bool, type(None)}


def test_an_interrupted_marking_makes_totals_at_marks_unknown(desk: Desk, client: Client) -> None:
    trade(desk)
    desk.run()
    desk.client.hset(keys.book("main"), "valuation_torn", "1")
    summary = client.portfolio_summary()
    assert (summary.is_torn, summary.total_pnl, summary.converted.unrealized_pnl) == (
        True,
        None,
        None,
    )
