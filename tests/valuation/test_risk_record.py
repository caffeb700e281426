"""The risk record: what each past day would do to the exposures of now, for any lookback."""

from __future__ import annotations

import pytest

from pm.performance.statistics import as_floats
from pm.risk.value_at_risk import value_at_risk
from tests.valuation.desk import BTC, DAY, ETH, PERPETUAL, A, Desk


def _closes(desk: Desk, subject: str, closes: list[str], quote: str = "USDT") -> None:
    """One close a day up to yesterday, and the last of them as today's mark."""
    for back, price in zip(range(len(closes), 0, -1), closes, strict=True):
        desk.mark(subject, price, quote, at=desk.now - back * DAY)
    desk.mark(subject, closes[-1], quote)


def test_a_strategys_results_are_its_positions_times_past_returns(desk: Desk) -> None:
    desk.mark_usdt()
    _closes(desk, BTC, ["100", "110", "99"])
    desk.fill(BTC, "2", "100")
    desk.run()
    risk = desk.risk("7")
    assert risk.days == ("2023-11-12", "2023-11-13")
    assert risk.results == pytest.approx((19.8, -19.8))
    assert risk.exposures == {BTC: 198.0}
    assert risk.uncovered == {}


def test_a_books_results_are_by_asset_so_that_a_hedge_has_none(desk: Desk) -> None:
    _closes(desk, "USDT", ["1", "1", "1"], "USD")
    _closes(desk, BTC, ["100", "110", "99"])
    _closes(desk, PERPETUAL, ["100", "110", "99"])
    desk.deposit("USDT", "1000")
    desk.fill(BTC, "2", "99")
    desk.fill(PERPETUAL, "-2", "99")
    desk.run()
    assert desk.risk().results == pytest.approx((0.0, 0.0))
    assert desk.risk().exposures == {"USDT": 802.0}


def test_an_asset_without_a_rate_moves_like_the_instrument_on_it(desk: Desk) -> None:
    desk.mark_usdt()
    _closes(desk, PERPETUAL, ["100", "110"])
    desk.fill(PERPETUAL, "2", "110")
    desk.run()
    assert desk.risk().results == pytest.approx((22.0,))


def test_what_has_no_history_is_reported_and_not_taken_as_calm(desk: Desk) -> None:
    desk.mark_usdt()
    _closes(desk, BTC, ["100", "110", "99"])
    desk.mark(ETH, "10")
    desk.fill(BTC, "2", "100")
    desk.fill(ETH, "5", "10")
    desk.run()
    risk = desk.risk("7")
    assert risk.uncovered == {ETH: 50.0}
    assert risk.results == pytest.approx((19.8, -19.8))


def test_a_short_history_counts_in_the_windows_it_covers(desk: Desk) -> None:
    desk.mark_usdt()
    _closes(desk, BTC, ["100"] * 9 + ["110"])
    _closes(desk, ETH, ["10", "11", "22"])
    desk.fill(BTC, "1", "100")
    desk.fill(ETH, "1", "10")
    desk.run()
    risk = desk.risk("7")
    short, long = risk.window(2), risk.window(365)
    assert short.results == pytest.approx((2.2, 33.0))
    assert short.uncovered == {}
    assert len(long.results) == 9
    assert long.results[-1] == pytest.approx(11.0)
    assert long.uncovered == {ETH: 22.0}


def test_value_at_risk_of_any_lookback_is_read_from_the_record(desk: Desk) -> None:
    desk.mark_usdt()
    prices = [str(100 + (day * 37) % 11) for day in range(61)]
    _closes(desk, BTC, prices)
    desk.fill(BTC, "1", "100")
    desk.run()
    series = as_floats(A(price) for price in prices)
    returns = (series[1:] / series[:-1] - 1) * float(prices[-1])
    for lookback in (30, 60):
        window = desk.risk("7").window(lookback)
        told = value_at_risk(as_floats(A(f"{result:.12f}") for result in window.results))
        assert told.historical == pytest.approx(value_at_risk(returns[-lookback:]).historical)


def test_instruments_and_groups_are_correlated(desk: Desk) -> None:
    desk.mark_usdt()
    _closes(desk, BTC, ["100", "110", "99", "120"])
    _closes(desk, ETH, ["10", "11", "9.9", "12"])
    desk.fill(BTC, "1", "100")
    desk.fill(ETH, "5", "10")
    desk.run()
    risk = desk.risk()
    assert risk.instruments == (BTC, ETH)
    assert risk.instrument_correlation[0][1] == pytest.approx(1.0)
    assert risk.groups == ("1",)
    assert risk.correlation_days == 3


def test_strategies_are_correlated_by_their_daily_returns(desk: Desk) -> None:
    desk.mark_usdt()
    desk.mark(BTC, "100")
    desk.fill(BTC, "1", "100")
    desk.fill(BTC, "-1", "100", strategy=8)
    desk.allocate(7, "USDT", "1000")
    desk.allocate(8, "USDT", "1000")
    for price in ("100", "110", "99", "120"):
        desk.mark_usdt()
        desk.mark(BTC, price)
        desk.run(fresh=True)
        desk.now += DAY
    desk.mark_usdt()
    desk.mark(BTC, "120")
    desk.run(fresh=True)
    desk.later(1)
    desk.run(fresh=True)
    risk = desk.risk()
    assert risk.strategies == ("7", "8")
    assert risk.strategy_correlation[0][1] == pytest.approx(-1.0, abs=0.01)


def test_an_asset_never_moves_like_another_on_the_way_to_its_rate(desk: Desk) -> None:
    _closes(desk, "USDT", ["1", "1.1", "0.9"], "USD")
    desk.mark("BNB", "10")
    desk.deposit("BNB", "2")
    desk.run()
    risk = desk.risk()
    assert risk.uncovered == {"BNB": 18.0}
    assert risk.results == ()


def test_a_peg_on_the_way_to_a_rate_never_moves(desk: Desk) -> None:
    valuation = desk.settings.valuation.model_copy(update={"assume_peg": ("USDT",)})
    desk.settings = desk.settings.model_copy(update={"valuation": valuation})
    _closes(desk, "BNB", ["10", "11"])
    desk.deposit("BNB", "2")
    desk.run()
    risk = desk.risk()
    assert risk.uncovered == {}
    assert risk.results == pytest.approx((2.2,))


@pytest.mark.parametrize(("days_ago", "is_covered"), [(8, True), (9, False)])
def test_closes_that_ended_over_a_week_ago_are_no_returns(
    desk: Desk, days_ago: int, is_covered: bool
) -> None:
    desk.mark_usdt()
    for back, price in ((days_ago + 1, "100"), (days_ago, "110")):
        desk.mark(BTC, price, at=desk.now - back * DAY)
    desk.mark(BTC, "110")
    desk.fill(BTC, "1", "100")
    desk.run()
    risk = desk.risk("7")
    assert (risk.uncovered == {}) is is_covered
    assert (risk.results != ()) is is_covered
