"""Corrections made on a real book: what each leaves, and what keeps one from being made."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from pm import keys
from pm.books import journal
from pm.corrections import making, searching
from pm.corrections.derive import Restatement
from pm.corrections.making import Corrections
from pm.corrections.restatement_facts import restatement_facts
from pm.events.facts import Direct
from pm.events.model import Fee, FeeValue, Funding, Settlement, Split
from pm.history import History, HistoryGap
from tests.corrections.correcting import BOOK, CorrectingDesk
from tests.told_book import Journal
from tests.valuation.desk import BTC, PERPETUAL

USDT = Fee("USDT", "1")


def test_a_bust_takes_back_position_balances_fees_and_order(desk: CorrectingDesk) -> None:
    first = desk.trade("2", "100", USDT)
    desk.trade("-1", "130", USDT)
    assert desk.figures() == ("1", "100", "30", '{"USDT":"2"}')
    made = desk.bust(first)
    assert made.status == "restated"
    assert desk.figures() == ("-1", "-130", "0", '{"USDT":"1"}')
    assert (desk.balance("BTC"), desk.balance("USDT")) == ("-1", "129")
    order = desk.order("O1")
    assert [order[name] for name in ("quantity", "notional", "fees", "fill_quantity")] == [
        "0", "0", '{"USDT":"0"}', "0",
    ]  # fmt: skip
    assert (order["filled_at"], desk.position()["total_trades"]) == ("", "1")
    desk.verify()


def test_the_example_of_the_documentation(desk: CorrectingDesk) -> None:
    desk.desk.deposit("USDT", "1000")
    desk.trade("2", "100", USDT)
    second = desk.trade("1", "105", USDT)
    desk.trade("-1", "120", USDT)
    third = "333333333333333333"
    assert desk.figures() == ("2", f"203.{third}", f"18.{third}", '{"USDT":"3"}')
    assert (desk.balance("BTC"), desk.balance("USDT")) == ("2", "812")
    made = desk.bust(second)
    assert desk.figures() == ("1", "100", "20", '{"USDT":"2"}')
    assert (desk.balance("BTC"), desk.balance("USDT")) == ("1", "918")
    entry = desk.entry(made.seq)
    assert entry["legs"] == [["-1", "-105", f"7:{BTC}"]]
    told = entry["contribution"]
    assert (told["realized_pnl"], told["fees"]) == ("1.666666666666666667", {"USDT": "-1"})
    assert (told["volume"], told["trade_count"]) == ("-105", "-1")


def test_fees_that_are_kept_stay_paid(desk: CorrectingDesk) -> None:
    first = desk.trade("2", "100", USDT, Fee("BTC", "0.01"))
    desk.bust(first, keep_fees=True)
    assert desk.figures() == ("-0.01", "-1", "0", '{"BTC":"0.01","USDT":"1"}')
    assert (desk.balance("BTC"), desk.balance("USDT")) == ("-0.01", "-1")
    assert desk.position()["total_trades"] == "0"
    desk.verify()


def test_a_corrected_trade_keeps_what_is_not_said(desk: CorrectingDesk) -> None:
    first = desk.trade("2", "100", USDT)
    desk.correct(first, price="90")
    assert desk.figures() == ("2", "180", "0", '{"USDT":"1"}')
    desk.correct(first, "C2", quantity="3", fees=(Fee("USDT", "0.5"),))
    assert desk.figures() == ("3", "270", "0", '{"USDT":"0.5"}')
    assert desk.balance("USDT") == "-270.5"
    desk.bust(first, "C3")
    assert desk.figures() == ("0", "0", "0", "{}")
    assert (desk.balance("BTC"), desk.balance("USDT")) == ("0", "0")
    desk.verify()


def test_a_correction_may_come_before_its_trade(desk: CorrectingDesk) -> None:
    desk.ask_correct("binance/O1/T1", price="90")
    assert desk.make().status == "waiting"
    assert desk.pending()["status"] == "open"
    desk.trade("2", "100", USDT)
    assert desk.make().status == "restated"
    assert desk.figures() == ("2", "180", "0", '{"USDT":"1"}')
    assert desk.make().status == "ended"
    desk.verify()


def test_what_a_result_between_a_correction_and_its_trade_meant_is_not_guessed(
    desk: CorrectingDesk,
) -> None:
    assert desk.report("O1", "1", "100", "R1") == "applied"
    desk.ask_correct("binance/O1/T1", quantity="2.3")
    assert desk.report("O1", "2.3", "100", "R2") == "applied"
    with pytest.raises(AssertionError, match="covered"):
        desk.trade("1.2", "100", order="O1", number="1")
    before = desk.figures()
    assert desk.make().status == "failed"
    assert desk.pending()["reason"] == "told_between"
    assert (desk.figures(), desk.order("O1")["quantity"]) == (before, "2.3")
    desk.verify()


def test_old_and_new_are_journaled_and_linked(desk: CorrectingDesk) -> None:
    first = desk.trade("2", "100")
    made = desk.bust(first)
    (told,) = desk.entries("restatement")
    assert (told["trade_seq"], told["execution"], told["by"]) == ("3", first, "anna")
    pending = desk.pending()
    assert (pending["status"], pending["seq"], pending["trade_seq"]) == (
        "restated", str(made.seq), "3",
    )  # fmt: skip
    scores = desk.desk.client.zrange(keys.restatements(BOOK), 0, -1, withscores=True)
    assert [list(score) for score in scores] == [["correction.C1", float(made.seq)]]
    assert desk.desk.client.zscore(keys.pendings(BOOK), "correction.C1") is None


def test_the_difference_is_booked_on_the_day_of_the_correction(desk: CorrectingDesk) -> None:
    desk.trade("2", "100", USDT)
    second = desk.trade("-1", "130", USDT)
    rows = keys.attribution(BOOK, "7", "2023-11-14")
    before = desk.desk.client.hgetall(rows)
    desk.correct(second, price="120")
    assert desk.desk.client.hgetall(rows) == before
    day = desk.desk.client.hgetall(keys.attribution(BOOK, "7", "2023-11-15"))
    row = json.loads(day[f"binance:{BTC}"])
    assert (row["realized_pnl"], row["notional"], row["volume"]) == ("-10", "10", "-10")
    assert (row["trade_count"], row["quantity"], row["fees"]) == ("0", "0", {})


@pytest.mark.parametrize("times", [1, 3])
def test_a_position_that_moves_meanwhile_is_derived_again(
    desk: CorrectingDesk, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    first = desk.trade("2", "100")
    desk.ask_bust(first)
    left = [times]

    def moving(made: Restatement, now: int) -> str:
        if left[0]:
            left[0] -= 1
            desk.trade("1", "110")
        return restatement_facts(made, now)

    monkeypatch.setattr(making, "restatement_facts", moving)
    assert desk.make().status == "restated"
    assert desk.figures()[:2] == (str(times), str(110 * times))
    desk.verify()


def test_a_position_that_is_restated_meanwhile_is_derived_from_the_start(
    desk: CorrectingDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = desk.trade("2", "100"), desk.trade("3", "110")
    desk.ask_bust(second, "C2")
    desk.ask_bust(first)
    other: list[Corrections] = [desk.corrections]

    def beside(made: Restatement, now: int) -> str:
        if other:
            desk.trade("1", "90")
            assert other.pop().make(BOOK, "C2").status == "restated"
        return restatement_facts(made, now)

    monkeypatch.setattr(making, "restatement_facts", beside)
    assert desk.make().status == "restated"
    assert desk.figures()[:3] == ("1", "90", "0")
    desk.verify()


def test_a_position_that_never_stands_still_is_left_for_later(
    desk: CorrectingDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = desk.trade("2", "100")
    desk.ask_bust(first)
    monkeypatch.setattr(making, "ATTEMPTS", 0)
    assert desk.make().status == "moving"
    monkeypatch.undo()
    assert desk.make().status == "restated"


def test_two_that_make_it_at_once_make_it_once(
    desk: CorrectingDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = desk.trade("2", "100")
    desk.ask_bust(first)
    other: list[Corrections] = [desk.corrections]

    def behind(made: Restatement, now: int) -> str:
        if other:
            assert other.pop().make(BOOK, "C1").status == "restated"
        return restatement_facts(made, now)

    monkeypatch.setattr(making, "restatement_facts", behind)
    assert desk.make().status == "ended"
    assert desk.figures()[0] == "0"
    desk.verify()


def test_what_cannot_be_made_fails_with_its_reason(desk: CorrectingDesk) -> None:
    first = desk.trade("2", "100")
    assert desk.correct(first, quantity="-2").status == "failed"
    assert desk.pending()["reason"] == "side_differs"
    desk.bust(first, "C2")
    made = desk.bust(first, "C3")
    assert (made.status, made.detail) == ("failed", "the trade was busted before")
    desk.verify()


def test_a_trade_that_a_result_told_of_before_is_corrected_where_it_was_booked(
    desk: CorrectingDesk,
) -> None:
    assert desk.report("O1", "3", "100", "R1") == "applied"
    desk.trade("-1", "120", order="O9", number="9")
    for number, quantity in (("1", "2"), ("2", "1")):
        with pytest.raises(AssertionError, match="covered"):
            desk.trade(quantity, "100", order="O1", number=number)
    assert desk.figures()[:3] == ("2", "200", "20")
    assert desk.correct("binance/O1/T1", price="90").status == "restated"
    # 3 at 280, of which 1 was sold
    assert desk.figures()[:3] == ("2", "186.666666666666666667", "26.666666666666666667")
    assert desk.bust("binance/O1/T1", "C2").status == "restated"
    assert desk.figures()[:3] == ("0", "0", "20")
    assert desk.order("O1")["quantity"] == "1"
    assert desk.report("O1", "1", "100", "R2") == "covered"
    assert desk.bust("binance/O1/T2", "C3").status == "restated"
    assert desk.figures()[:3] == ("-1", "-120", "0")
    assert (desk.order("O1")["filled_at"], desk.position()["total_trades"]) == ("", "1")
    assert (desk.balance("BTC"), desk.balance("USDT")) == ("-1", "120")
    desk.verify()


def test_a_trade_that_two_results_told_of_in_part(desk: CorrectingDesk) -> None:
    usdt = (Fee("USDT", "1"),)
    desk.report("O1", "1", "100", "R1")
    desk.report("O1", "3", "110", "R2", fees=(Fee("USDT", "2"),))
    first = desk.trade("4", "111", *usdt, order="O1", number="1")
    assert desk.figures()[0] == "4"
    assert desk.bust(first).status == "restated"
    order = desk.order("O1")
    assert [order[name] for name in ("quantity", "notional", "filled_at")] == ["0", "0", ""]
    assert (desk.position()["quantity"], desk.balance("BTC")) == ("0", "0")
    assert desk.position()["total_trades"] == "0"
    desk.verify()


def test_reports_after_a_bust_meet_an_order_that_is_whole(desk: CorrectingDesk) -> None:
    first = desk.trade("3", "100", order="O1")
    desk.trade("2", "110", order="O1")
    assert desk.report("O1", "5", "104", "R1") == "covered"
    desk.bust(first)
    assert desk.order("O1")["result_quantity"] == "2"
    assert desk.report("O1", "2", "110", "R2") == "covered"
    assert desk.report("O1", "4", "112", "R3") == "applied"
    assert desk.figures()[:2] == ("4", "448")
    desk.verify()


def test_what_depends_on_the_quantity_is_done_again(desk: CorrectingDesk) -> None:
    first = desk.trade("4", "100")
    desk.trade("-3", "110")
    book = desk.desk
    book.submit(Split("X1", BTC, "2", "1", book.now))
    desk.trade("1", "60")
    assert desk.figures()[:3] == ("3", "160", "30")
    desk.correct(first, quantity="6")
    assert desk.figures()[:3] == ("7", "360", "30")
    assert desk.balance("BTC") == "7"
    desk.verify()


def test_a_split_that_met_nobody_meets_a_position_that_is_opened_again(
    desk: CorrectingDesk,
) -> None:
    desk.trade("2", "100")
    closing = desk.trade("-2", "120")
    book = desk.desk
    text = book.facts.text(Split("X1", BTC, "3", "1", book.now), Direct(book.now))
    assert book.submitter.submit(BOOK, text).reason == "no_position"
    desk.bust(closing)
    assert desk.figures()[:3] == ("6", "200", "0")
    assert desk.balance("BTC") == "6"
    desk.verify()


def test_a_futures_settlements_are_paid_again(desk: CorrectingDesk) -> None:
    first = desk.trade("2", "100", instrument=PERPETUAL)
    book = desk.desk
    book.submit(Settlement("M1", PERPETUAL, "110", book.now))
    assert desk.balance("USDT") == "20"
    desk.trade("-1", "130", instrument=PERPETUAL)
    assert desk.balance("USDT") == "40"
    desk.correct(first, quantity="3")
    assert desk.balance("USDT") == "50"
    held = book.position(PERPETUAL)
    assert (held["quantity"], held["cost"], held["realized_pnl"]) == ("2", "220", "50")
    desk.verify()


def test_a_fee_valued_later_follows_its_trade(desk: CorrectingDesk) -> None:
    first = desk.trade("2", "100", Fee("BNB", "0.1"))
    book = desk.desk
    book.submit(FeeValue(3, 7, BTC, "BNB", "0.1", "30", book.now, book.now, "binance"))
    assert desk.position()["fee_value"] == "30"
    desk.correct(first, fees=(Fee("BNB", "0.05"),))
    held = desk.position()
    assert (held["fee_value"], held["fees_paid"], held["fees_unvalued"]) == (
        "15", '{"BNB":"0.05"}', "{}",
    )  # fmt: skip
    desk.bust(first, "C2")
    held = desk.position()
    assert (held["fee_value"], held["fees_paid"]) == ("0", "{}")
    desk.verify()


def test_the_value_of_a_position_moves_with_it(desk: CorrectingDesk) -> None:
    first = desk.trade("2", "100")
    desk.desk.mark(BTC, "110")
    desk.desk.run()
    assert desk.desk.totals("7")[:2] == ({"USDT": "220"}, {"USDT": "20"})
    desk.correct(first, quantity="3", price="105")
    assert desk.desk.totals("7")[:2] == ({"USDT": "330"}, {"USDT": "15"})
    assert desk.desk.totals()[:2] == ({"USDT": "330"}, {"USDT": "15"})
    desk.verify()


@pytest.mark.parametrize("entries_a_read", [1, 2, 500])
def test_a_trade_is_found_behind_its_repeats(
    desk: CorrectingDesk, monkeypatch: pytest.MonkeyPatch, entries_a_read: int
) -> None:
    monkeypatch.setattr(searching, "_ENTRIES_A_READ", entries_a_read)
    first = desk.trade("2", "100")
    for _ in range(3):
        with pytest.raises(AssertionError, match="duplicate"):
            desk.trade("2", "100", number="1")
        desk.trade("1", "110")
    assert searching.before_trade(desk.desk.client, BOOK, first) == 2
    assert searching.before_trade(desk.desk.client, BOOK, "binance/O1/T9") == 0
    monkeypatch.setattr(searching, "ENTRIES_MAX", 1)
    assert desk.bust(first).status == "restated"
    assert desk.figures()[:2] == ("3", "330")


def test_a_trade_in_the_archive_is_corrected_and_one_that_nobody_has_is_a_gap(
    desk: CorrectingDesk,
) -> None:
    first = desk.trade("2", "100")
    desk.trade("-1", "130")
    archived = Journal(list(journal.read(desk.desk.client, BOOK)))
    desk.trade("1", "120")
    desk.ask_bust(first)
    desk.desk.client.xtrim(keys.journal(BOOK), minid=f"{len(archived.entries)}-0")
    with pytest.raises(HistoryGap):
        desk.make()
    known = replace(desk.corrections, history=History(desk.desk.client, archived))
    assert known.make(BOOK, "C1").status == "restated"
    assert desk.figures()[:3] == ("0", "0", "10")
    assert desk.balance("BTC") == "0"


def test_what_was_carried_away_and_what_was_paid_stays_as_it_was(desk: CorrectingDesk) -> None:
    first = desk.trade("2", "100")
    desk.trade("2", "110")
    book = desk.desk
    held = {"strategy_id": 7, "instrument": BTC}
    book.deposit("BTC", "1", kind="withdrawal", **held)
    book.submit(Funding("F1", BTC, book.now, amount="12", token="USDT"))
    assert desk.figures()[:3] == ("3", "315", "0")
    desk.bust(first)
    # 1 left at the 105 it was then said to have cost, of what had cost 110
    assert desk.figures()[:3] == ("1", "110", "-5")
    assert (desk.position()["carry"], desk.balance("BTC")) == ("12", "1")
    assert desk.balance("USDT") == "-208"
    desk.verify()
