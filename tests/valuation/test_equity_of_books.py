"""What a book is worth: cash, receivables, derivatives at their marks, and who it belongs to."""

from __future__ import annotations

from tests.valuation.desk import BTC, PERPETUAL, SHARE, A, Desk


def test_buying_does_not_change_what_a_book_is_worth(desk: Desk) -> None:
    desk.mark_usdt()
    desk.mark(BTC, "100")
    desk.deposit("USDT", "1000")
    desk.fill(BTC, "1", "100")
    desk.run()
    assert desk.book().equity == A("1000")
    assert desk.book().net_pnl == A("0")


def test_a_perpetual_is_worth_its_unrealized_profit(desk: Desk) -> None:
    desk.mark_usdt()
    desk.deposit("USDT", "1000")
    desk.fill(PERPETUAL, "2", "100")
    desk.mark(PERPETUAL, "110")
    desk.run()
    book = desk.book()
    assert book.equity == A("1020")
    (margin,) = book.margins
    assert (margin.location, margin.token) == ("binance", "USDT")
    assert margin.margin_used == A("10")
    assert margin.unrealized_pnl == A("20")
    assert margin.available == A("1000")
    assert margin.free == A("1010")


def test_treasury_is_what_no_strategy_was_given(desk: Desk) -> None:
    desk.mark_usdt()
    desk.mark(BTC, "110")
    desk.deposit("USDT", "1000")
    desk.allocate(7, "USDT", "300")
    desk.fill(BTC, "1", "100")
    desk.fill(BTC, "2", "100", strategy=8)
    desk.run()
    assert desk.strategy("7").equity == A("310")
    assert desk.strategy("8").equity is None
    assert desk.strategy("8").net_pnl == A("20")
    assert desk.book().equity == A("1030")
    assert desk.book().treasury == A("720")


def test_the_mark_of_a_share_is_the_rate_of_its_token(desk: Desk) -> None:
    desk.mark_usdt()
    desk.mark(SHARE, "20")
    desk.deposit("USDT", "1000")
    desk.fill(SHARE, "5", "10")
    desk.run()
    assert desk.book().equity == A("1050")
    assert desk.book().missing == ()
