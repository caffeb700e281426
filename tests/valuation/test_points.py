"""Equity points: returns without what capital did, from stored state only."""

from __future__ import annotations

import pytest

from pm import keys
from tests.valuation.desk import BTC, DAY, PERPETUAL, A, Desk


def _hundred_up_then_down(desk: Desk, *, fresh: bool, between: bool) -> None:
    """1000 -> 1100, deposit of 900, 2000 -> 1900."""
    desk.mark_usdt()
    desk.mark(PERPETUAL, "100")
    desk.deposit("USDT", "1000")
    desk.fill(PERPETUAL, "10", "100")
    desk.run(fresh=fresh)
    desk.later()
    desk.mark_usdt()
    desk.mark(PERPETUAL, "110")
    if between:
        desk.run(fresh=fresh)
        desk.later(0.001)
    desk.deposit("USDT", "900")
    desk.run(fresh=fresh)
    desk.later()
    desk.mark_usdt()
    desk.mark(PERPETUAL, "100")
    desk.run(fresh=fresh)


@pytest.mark.parametrize("between", [True, False], ids=["point before the flow", "none"])
@pytest.mark.parametrize("fresh", [True, False], ids=["restarted", "running"])
def test_a_deposit_is_no_return(desk: Desk, fresh: bool, between: bool) -> None:
    _hundred_up_then_down(desk, fresh=fresh, between=between)
    last = desk.points()[-1]
    assert last.equity == A("1900")
    assert last.index == A("1.045")
    assert last.net == A("0")
    assert last.max_drawdown == A("-100")
    assert last.max_drawdown_ratio == A("-0.05")
    assert sum(point.flow.mantissa for point in desk.points()) == 900


def test_all_books_together_have_the_same_points_as_the_only_one(desk: Desk) -> None:
    _hundred_up_then_down(desk, fresh=True, between=True)
    assert desk.points_of(keys.portfolio_equity()) == desk.points()


def test_an_allocation_is_a_flow_of_its_strategy_only(desk: Desk) -> None:
    desk.mark_usdt()
    desk.mark(BTC, "100")
    desk.deposit("USDT", "1000")
    desk.allocate(7, "USDT", "200")
    desk.fill(BTC, "1", "100")
    desk.run()
    desk.later()
    desk.mark(BTC, "120")
    desk.allocate(7, "USDT", "300")
    desk.run()
    of_strategy, of_book = desk.points("7"), desk.points()
    assert [point.equity for point in of_strategy] == [A("200"), A("520")]
    assert of_strategy[-1].flow == A("300")
    assert of_strategy[-1].index == A("1.1")
    assert of_book[-1].flow == A("0")
    assert of_book[-1].index == A("1.02")


def test_a_strategy_without_an_allocation_has_no_points(desk: Desk) -> None:
    desk.mark_usdt()
    desk.mark(BTC, "100")
    desk.deposit("USDT", "1000")
    desk.fill(BTC, "1", "100")
    desk.run()
    assert desk.points("7") == []
    assert len(desk.points()) == 1


def test_a_point_waits_for_what_is_unknown_and_then_covers_all_of_it(desk: Desk) -> None:
    desk.mark_usdt()
    desk.deposit("USDT", "1000")
    desk.run()
    desk.later()
    desk.fill(PERPETUAL, "10", "100")
    desk.deposit("USDT", "500")
    desk.run(fresh=True)
    assert desk.book().equity is None
    assert desk.book().missing == (PERPETUAL,)
    assert len(desk.points()) == 1
    desk.later()
    desk.mark(PERPETUAL, "120")
    desk.run(fresh=True)
    last = desk.points()[-1]
    assert last.equity == A("1700")
    assert last.flow == A("500")
    assert last.net == A("200")


def test_days_that_ended_have_their_return_and_idle_ones_have_none(desk: Desk) -> None:
    desk.mark_usdt()
    desk.mark(PERPETUAL, "100")
    desk.deposit("USDT", "1000")
    desk.fill(PERPETUAL, "10", "100")
    desk.run()
    desk.later()
    desk.mark(PERPETUAL, "105")
    desk.run()
    desk.now += 3 * DAY
    desk.mark_usdt()
    desk.mark(PERPETUAL, "126")
    desk.run(fresh=True)
    assert desk.client.hgetall(keys.returns("main")) == {
        "2023-11-14": "0.05",
        "2023-11-15": "0",
        "2023-11-16": "0",
    }
    desk.now += DAY
    desk.mark_usdt()
    desk.run(fresh=True)
    assert desk.client.hget(keys.returns("main"), "2023-11-17") == "0.2"


def test_capital_put_into_an_empty_book_earns_from_then_on(desk: Desk) -> None:
    desk.mark_usdt()
    desk.deposit("USDT", "1000")
    desk.run()
    desk.later()
    desk.deposit("USDT", "1000", kind="withdrawal")
    desk.run()
    assert desk.points()[-1].equity == A("0")
    assert desk.points()[-1].index == A("1")
    desk.later(59)
    desk.deposit("USDT", "500")
    desk.fill(PERPETUAL, "10", "100")
    desk.later(1)
    desk.mark(PERPETUAL, "105")
    desk.run()
    assert desk.points()[-1].equity == A("550")
    assert desk.points()[-1].index == A("1.1")


def test_a_position_that_comes_with_its_cost_is_not_earned(desk: Desk) -> None:
    desk.mark_usdt()
    desk.mark(BTC, "100")
    desk.allocate(7, "USDT", "1000")
    desk.run()
    desk.later()
    desk.deposit("BTC", "2", strategy_id=7, instrument=BTC, cost="50")
    desk.run()
    last = desk.points("7")[-1]
    assert last.equity == A("1150")
    assert last.flow == A("150")
    assert last.index == A("1")


def test_two_passes_at_one_time_leave_one_point(desk: Desk) -> None:
    desk.mark_usdt()
    desk.deposit("USDT", "1000")
    desk.run()
    desk.run(fresh=True)
    assert len(desk.points()) == 1
