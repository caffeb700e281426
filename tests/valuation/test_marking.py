"""Marks on stored positions: totals are always the sums of the positions, whatever goes on."""

from __future__ import annotations

import random
import threading
from typing import Any

import pytest

from pm import keys
from pm.events.model import Split
from pm.functions import library
from pm.marks import store
from pm.valuation import reading
from pm.valuation.marking import FixedSlices, recount, set_marks
from pm.valuation.marking import NewMark as Mark
from pm.valuation.snapshot import TornBook, read_book
from tests.valuation.desk import (
    BTC,
    ETH,
    INVERSE,
    KRAKEN_BTC,
    PERPETUAL,
    A,
    Desk,
    sums,
    without_zeros,
)

SPOTS = (BTC, ETH, KRAKEN_BTC, PERPETUAL)


def _agree(desk: Desk) -> None:
    for name, counted in sums(desk.client).items():
        assert without_zeros(desk.totals(name or None)) == counted, name


def test_a_position_shows_its_mark_and_what_it_is_worth(desk: Desk) -> None:
    desk.fill(BTC, "2", "100")
    desk.mark(BTC, "110.5")
    report = desk.run()
    held = desk.position(BTC)
    assert (held["mark"], held["mark_time"], held["mark_stale"]) == ("110.5", str(desk.now), "0")
    assert (held["market_value"], held["unrealized_pnl"]) == ("221", "21")
    assert desk.totals("7") == desk.totals() == ({"USDT": "221"}, {"USDT": "21"}, 0)
    assert (report.books, report.positions, report.valued, report.unmarked) == (1, 1, 1, 0)


def test_a_second_pass_at_the_same_marks_changes_nothing(desk: Desk) -> None:
    for instrument in SPOTS:
        desk.fill(instrument, "2", "100")
        desk.mark(instrument, "90")
    desk.run()
    before = desk.client.hget(keys.book("main"), "valuation")
    held = [desk.position(instrument) for instrument in SPOTS]
    assert desk.run(fresh=True).valued == 0
    assert desk.client.hget(keys.book("main"), "valuation") == before
    assert [desk.position(instrument) for instrument in SPOTS] == held


def test_only_positions_whose_mark_moved_are_valued(desk: Desk) -> None:
    for instrument in SPOTS:
        desk.fill(instrument, "2", "100")
        desk.mark(instrument, "90")
    desk.run()
    desk.later(1)
    desk.mark(ETH, "91")
    assert desk.run().valued == 1
    _agree(desk)


def test_an_old_mark_is_used_and_flagged(desk: Desk) -> None:
    desk.mark_usdt()
    desk.deposit("USDT", "1000")
    desk.fill(BTC, "1", "100")
    desk.mark(BTC, "110")
    desk.run()
    desk.later(desk.settings.valuation.mark_max_age_seconds + 1)
    desk.mark_usdt()
    report = desk.run()
    assert report.stale == 1
    assert desk.position(BTC)["mark_stale"] == "1"
    assert desk.book().stale == 1
    assert desk.book().equity == A("1010")
    assert desk.points()[-1].flags == ("stale",)


def test_an_old_rate_is_used_and_named(desk: Desk) -> None:
    desk.mark_usdt()
    desk.deposit("USDT", "1000")
    desk.later(desk.settings.valuation.mark_max_age_seconds + 1)
    desk.run()
    assert desk.book().equity == A("1000")
    assert desk.book().stale_rates == ("USDT",)
    assert "stale" in desk.points()[-1].flags


def test_a_peg_is_only_taken_where_it_is_configured_and_then_named(desk: Desk) -> None:
    desk.deposit("USDT", "1000")
    desk.run()
    assert desk.book().equity is None
    valuation = desk.settings.valuation.model_copy(update={"assume_peg": ("USDT",)})
    desk.settings = desk.settings.model_copy(update={"valuation": valuation})
    desk.run()
    assert desk.book().equity == A("1000")
    assert desk.book().assumed == ("USDT",)
    assert desk.points()[-1].flags == ("first", "assumed")


def test_what_has_no_mark_is_counted_named_and_unknown(desk: Desk) -> None:
    desk.mark_usdt()
    desk.deposit("USDT", "1000")
    desk.fill(BTC, "1", "100")
    desk.fill(PERPETUAL, "1", "100")
    desk.mark(BTC, "110")
    report = desk.run()
    assert report.unmarked == 1
    assert desk.totals() == ({"USDT": "110"}, {"USDT": "10"}, 1)
    assert desk.position(PERPETUAL)["market_value"] == ""
    strategy = desk.strategy()
    assert (strategy.unmarked, strategy.net_pnl, strategy.unrealized_pnl) == (1, None, None)
    assert strategy.missing == (PERPETUAL,)
    assert strategy.realized_pnl == A("0")


def test_a_token_without_a_rate_makes_equity_unknown_and_is_named(desk: Desk) -> None:
    desk.mark_usdt()
    desk.deposit("USDT", "1000")
    desk.deposit("DOGE", "5")
    desk.run()
    assert desk.book().equity is None
    assert desk.book().missing == ("DOGE/USD",)
    assert desk.points() == []


def test_a_fill_after_a_pass_keeps_the_mark_and_moves_the_totals(desk: Desk) -> None:
    desk.fill(BTC, "2", "100")
    desk.mark(BTC, "110")
    desk.run()
    desk.fill(BTC, "-1", "120")
    assert desk.position(BTC)["market_value"] == "110"
    _agree(desk)
    assert desk.run().valued == 0


def test_a_closed_position_is_worth_nothing_and_a_new_one_has_no_old_mark(desk: Desk) -> None:
    desk.fill(BTC, "2", "100")
    desk.mark(BTC, "110")
    desk.run()
    desk.fill(BTC, "-2", "120")
    assert desk.totals()[2] == 0
    _agree(desk)
    desk.run()
    assert desk.strategy().positions == 0
    assert desk.strategy().realized_pnl is None  # there is no rate for USDT
    desk.fill(BTC, "1", "130")
    desk.later(1)
    desk.mark(BTC, "131")
    desk.run()
    assert desk.position(BTC)["unrealized_pnl"] == "1"
    _agree(desk)


def test_marks_from_before_a_split_are_taken_away(desk: Desk) -> None:
    desk.fill(BTC, "2", "100")
    desk.mark(BTC, "110")
    desk.run()
    desk.later(1)
    desk.submit(Split("S1", BTC, "2", "1", desk.now))
    store.record_split(desk.client, BTC, "S1", desk.now, A("2"), A("1"))
    desk.run()
    assert desk.position(BTC)["mark"] == ""
    assert desk.totals() == ({"USDT": "0"}, {"USDT": "0"}, 1)
    desk.later(1)
    desk.mark(BTC, "55")
    desk.run()
    assert desk.position(BTC)["market_value"] == "220"
    _agree(desk)


def test_an_inverse_position_has_no_value_at_a_price_of_nothing(desk: Desk) -> None:
    desk.fill(INVERSE, "1000", "50000")
    desk.mark(INVERSE, "0", "USD")
    desk.run()
    assert desk.position(INVERSE)["mark"] == ""
    assert desk.totals()[2] == 1
    desk.fill(INVERSE, "1000", "50000")
    assert desk.run().valued == 0
    assert desk.book().unmarked == 1


def test_a_position_that_is_not_there_is_passed_over(desk: Desk) -> None:
    desk.fill(BTC, "2", "100")
    marks = [Mark(f"7:{ETH}", "5", "1", "0"), Mark(f"7:{BTC}", "5", "1", "0")]
    assert set_marks(desk.client, "main", marks, FixedSlices(1)).positions == 1
    _agree(desk)


def test_a_missing_key_is_asked_for_before_anything_changes(desk: Desk) -> None:
    desk.fill(BTC, "2", "100")
    held = desk.position(BTC)
    wanted = [keys.book("main"), keys.position("main", "7", BTC)]
    reply = library.call(desk.client, "value", wanted, [f"7:{BTC}", "5", "1", "0"])
    assert reply == ["need", keys.strategy("main", "7")]
    assert desk.position(BTC) == held


@pytest.mark.parametrize("seed", [1, 2])
def test_totals_are_the_sums_while_fills_go_on(desk: Desk, seed: int) -> None:
    chance = random.Random(seed)
    desk.mark_usdt()
    for instrument in SPOTS:
        desk.fill(instrument, "1", "100")
    stop = threading.Event()
    failures: list[BaseException] = []

    def trade() -> None:
        dice = random.Random(seed + 100)
        try:
            while not stop.is_set():
                quantity = dice.choice(("1", "-1", "0.5", "-2", "0.25"))
                desk.fill(dice.choice(SPOTS), quantity, "100", strategy=dice.choice((7, 8, 9)))
        except BaseException as error:
            failures.append(error)

    trader = threading.Thread(target=trade)
    trader.start()
    try:
        for _ in range(25):
            desk.later(1)
            for instrument in SPOTS:
                desk.mark(instrument, str(chance.randrange(50, 150)))
            desk.run()
    finally:
        stop.set()
        trader.join()
    assert not failures, f"seed {seed}: {failures}"
    _agree(desk)
    desk.run()
    _agree(desk)
    by_strategy = [desk.strategy(name).net_pnl for name in ("7", "8", "9")]
    assert sum((net.mantissa / 10**net.scale for net in by_strategy if net), 0.0) == pytest.approx(
        float(str(desk.book().net_pnl))
    )


def test_a_book_read_while_it_trades_is_that_of_one_seq(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "COMMANDS_A_SLICE", 1)
    desk.mark_usdt()
    desk.mark(BTC, "100")
    desk.deposit("USDT", "1000000")
    desk.fill(BTC, "1", "100")
    stop = threading.Event()

    def trade() -> None:
        dice = random.Random(5)
        while not stop.is_set():
            price = str(dice.randrange(90, 110))
            desk.fill(BTC, dice.choice(("1", "-1", "2")), price, strategy=dice.randrange(1, 9))

    trader = threading.Thread(target=trade)
    trader.start()
    try:
        moved = 0
        for _ in range(15):
            desk.later(1)
            desk.mark_usdt()
            desk.run()
            book = desk.book()
            moved += book.seq_end["main"] > book.seq_start["main"]
            assert book.equity is not None
            # Spot without fees: what was earned is what the cash and the coins show, to the digit.
            assert book.equity - A("1000000") == book.net_pnl
    finally:
        stop.set()
        trader.join()
    assert moved, "nothing was traded while the book was read"


def test_totals_are_counted_anew_after_a_torn_write(desk: Desk) -> None:
    for instrument in SPOTS:
        desk.fill(instrument, "2", "100")
        desk.mark(instrument, "90")
    desk.run()
    book: dict[Any, Any] = {"valuation_torn": "1", "market_value": '{"USDT":"5"}', "unmarked": "3"}
    desk.client.hset(keys.book("main"), mapping=book)
    desk.client.hset(keys.strategy("main", "7"), "unrealized_pnl", '{"USDT":"-1"}')
    desk.run()
    assert desk.client.hget(keys.book("main"), "valuation_torn") == "0"
    _agree(desk)


def test_a_recount_catches_up_with_what_was_applied_meanwhile(desk: Desk) -> None:
    desk.fill(BTC, "2", "100")
    desk.mark(BTC, "90")
    desk.run()
    desk.client.hset(keys.book("main"), "valuation_torn", "1")
    snapshot = read_book(desk.client, "main")
    desk.fill(BTC, "3", "100")
    desk.fill(ETH, "1", "100", strategy=8)
    assert recount(desk.client, snapshot)
    assert desk.client.hget(keys.book("main"), "valuation_torn") == "0"
    _agree(desk)


def test_a_recount_gives_way_to_marks_set_meanwhile(desk: Desk) -> None:
    desk.fill(BTC, "2", "100")
    desk.client.hset(keys.book("main"), "valuation_torn", "1")
    snapshot = read_book(desk.client, "main")
    set_marks(desk.client, "main", [Mark(f"7:{BTC}", "5", "1", "0")], FixedSlices())
    assert not recount(desk.client, snapshot)
    assert desk.client.hget(keys.book("main"), "valuation_torn") == "1"
    _agree(desk)


def test_a_torn_book_is_left_alone_and_named(desk: Desk) -> None:
    desk.fill(BTC, "2", "100")
    desk.client.hset(keys.position("main", "7", BTC), "seq", "999")
    with pytest.raises(TornBook, match="book main is torn"):
        read_book(desk.client, "main")
    assert desk.run().torn == ("main",)
    assert not desk.client.exists(keys.valuation("main"))
