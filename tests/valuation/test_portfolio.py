"""All books together: one set of rates, instruments netted across strategies and books."""

from __future__ import annotations

from typing import Any

from pm import keys
from pm.events.model import Transfer
from tests.valuation.desk import BTC, ETH, INVERSE, KRAKEN_BTC, PERPETUAL, SHARE, A, Desk


def _two_books(desk: Desk) -> None:
    desk.open("other")
    desk.mark_usdt()
    desk.mark(BTC, "100")
    desk.mark(ETH, "10")
    desk.deposit("USDT", "1000")
    desk.deposit("USDT", "500", book="other")
    desk.fill(BTC, "3", "100")
    desk.fill(BTC, "-1", "100", strategy=9, book="other")
    desk.fill(ETH, "5", "10", strategy=8)
    desk.run()


def test_instruments_are_netted_across_strategies_and_books(desk: Desk) -> None:
    _two_books(desk)
    whole = desk.portfolio()
    assert desk.book().gross_exposure == A("350")
    assert desk.book("other").gross_exposure == A("100")
    assert whole.gross_exposure == A("250")
    assert whole.net_exposure == A("250")
    assert whole.risk_weighted_exposure == A("150")
    assert whole.exposure_by_group == {"1": A("50")}
    assert whole.exposure_by_asset == {"BTC": A("200"), "ETH": A("50")}
    assert whole.exposure_in_stablecoins == {"USDT": A("1250")}
    assert whole.largest_instrument == BTC
    assert whole.seq_end.keys() == {"main", "other"}


def test_the_portfolio_is_the_sum_of_its_books(desk: Desk) -> None:
    _two_books(desk)
    assert desk.portfolio().equity == A("1500")
    assert desk.portfolio().positions == 3
    assert desk.portfolio().leverage == A("0.166666666666666667")


def test_a_hedge_is_flat_by_asset_and_twice_its_size_in_gross(desk: Desk) -> None:
    desk.mark_usdt()
    desk.mark(BTC, "100")
    desk.mark(PERPETUAL, "100")
    desk.deposit("USDT", "1000")
    desk.fill(BTC, "1", "100")
    desk.fill(PERPETUAL, "-1", "100")
    desk.run()
    assert desk.book().exposure_by_asset == {"BTC": A("0")}
    assert desk.book().gross_exposure == A("200")
    assert desk.book().net_exposure == A("0")


def test_an_inverse_perpetual_is_exposed_with_its_face_value(desk: Desk) -> None:
    desk.mark_usdt()
    desk.mark("BTC", "50000", "USD")
    desk.mark(INVERSE, "40000", "USD")
    desk.deposit("BTC", "1")
    desk.fill(INVERSE, "1000", "50000")
    desk.run()
    book = desk.book()
    assert desk.position(INVERSE)["unrealized_pnl"] == "-0.05"
    assert book.equity == A("47500")
    assert book.gross_exposure == A("10000")


def test_a_deposit_at_one_location_says_nothing_of_another(desk: Desk) -> None:
    desk.mark_usdt()
    desk.mark(KRAKEN_BTC, "100")
    desk.mark(BTC, "100")
    desk.deposit("USDT", "100")
    desk.fill(KRAKEN_BTC, "1", "100")
    desk.run()
    assert desk.book().equity == A("100")
    assert desk.book().balances == A("100")


def test_capital_between_books_is_a_flow_of_each_and_of_neither_together(desk: Desk) -> None:
    desk.open("other")
    desk.mark_usdt()
    desk.deposit("USDT", "1000")
    desk.deposit("USDT", "1000", book="other")
    desk.run()
    desk.later()
    place: dict[str, Any] = {"from_location": "binance", "to_location": "kraken"}
    sent = Transfer("T1", "sent", "USDT", desk.now, amount="300", to_book="other", **place)
    desk.submit(sent)
    desk.run()
    assert desk.book().equity == A("1000")
    assert desk.book().in_flight == A("300")
    desk.later()
    came = Transfer("T1", "arrived", "USDT", desk.now, arrived="290", from_book="main", **place)
    desk.submit(came, "other")
    desk.submit(came._replace(from_book=None, to_book="other"))
    desk.run(fresh=True)
    assert desk.points()[-1].flow == A("-290")
    assert desk.points()[-1].net == A("-10")
    assert desk.points(book="other")[-1].flow == A("290")
    assert desk.points(book="other")[-1].net == A("0")
    last = desk.points_of(keys.portfolio_equity())[-1]
    assert (last.flow, last.net, last.equity) == (A("0"), A("-10"), A("1990"))


def test_a_strategys_exposure_by_asset_has_what_it_owns_and_its_deltas(desk: Desk) -> None:
    desk.mark_usdt()
    for instrument, price in ((BTC, "100"), (PERPETUAL, "100"), (SHARE, "20")):
        desk.mark(instrument, price)
    desk.deposit("USDT", "1000")
    desk.fill(BTC, "3", "100")
    desk.fill(PERPETUAL, "-1", "100")
    desk.fill(SHARE, "5", "20")
    desk.run()
    assert desk.strategy().exposure_by_asset == {"ACME": A("100"), "BTC": A("200")}


def test_an_inverse_position_on_its_way_is_worth_what_it_is_when_held(desk: Desk) -> None:
    desk.mark("BTC", "40000", "USD")
    desk.mark(INVERSE, "40000", "USD")
    desk.deposit("BTC", "50")
    desk.fill(INVERSE, "40", "50000")
    desk.run()
    held = desk.strategy()
    place: dict[str, Any] = {"from_location": "binance", "to_location": "kraken"}
    position: dict[str, Any] = {"strategy_id": 7, "instrument": INVERSE, "to_instrument": INVERSE}
    desk.submit(Transfer("T1", "sent", "BTC", desk.now, amount="40", **place, **position))
    desk.run()
    on_its_way = desk.strategy()
    assert (held.net_pnl, held.in_flight_pnl) == (A("-80"), A("0"))
    assert (on_its_way.net_pnl, on_its_way.in_flight_pnl) == (A("-80"), A("-80"))


def test_exposure_is_unknown_where_nothing_of_it_is_known(desk: Desk) -> None:
    desk.mark_usdt()
    desk.deposit("USDT", "1000")
    desk.fill(BTC, "1", "100")
    desk.run()
    found = desk.strategy()
    assert (found.gross_exposure, found.net_exposure) == (None, None)
    assert (found.risk_weighted_exposure, found.leverage, found.concentration) == (None,) * 3
    assert found.exposure_unknown == 1


def test_a_stablecoin_without_a_rate_has_an_unknown_exposure(desk: Desk) -> None:
    desk.deposit("USDT", "1000")
    desk.run()
    assert desk.book().exposure_in_stablecoins == {"USDT": None}
    desk.mark_usdt()
    desk.run()
    assert desk.book().exposure_in_stablecoins == {"USDT": A("1000")}
