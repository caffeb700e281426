"""A day on which trades were corrected: a line of its own, and days that still add up."""

from __future__ import annotations

import json

import pytest

from pm.attribution.period import parse_moment
from pm.corrections.derive import derive
from pm.corrections.requests import request_of
from pm.corrections.restatement_facts import restatement_facts
from pm.days import utc_day
from pm.decimals import ZERO
from pm.history import History
from tests.attribution.desk import Desk, texts
from tests.attribution.told_books import ToldBook
from tests.pure.rules_events import SPOT
from tests.told_book import Journal

BTC = SPOT["instrument"]
NOW = "2025-03-02T20:00:00"
LINES = ("carried_positions", "new_trades", "fees", "carry", "transfer_cost", "corrections")


def correct(book: ToldBook, at: str, request: dict[str, object]) -> None:
    """Ask for a correction and make it at a time."""
    time = parse_moment(at, "at")
    times = {"received_at": str(time), "executed_at": str(time), "day": utc_day(time)}
    book.apply(times | request)
    name = str(request["correction"])
    entries = [{"seq": str(entry.seq), **dict(entry.fields())} for entry in book.entries]
    held = book.book.state.pendings[f"correction.{name}"][0]
    made = derive(History(None, Journal(entries)), "main", request_of(name, held.texts()))
    entry = book.apply(json.loads(restatement_facts(made.restatement(), time)))
    assert entry.result == "applied"


def bust(execution: str) -> dict[str, object]:
    """A request."""
    asked = {"kind": "bust", "id": "event/C1", "correction": "C1", "execution": execution}
    return {**asked, "by": "anna", "why": "a test"}


@pytest.fixture
def corrected(desk: Desk) -> Desk:
    """2 bought at 100 (close 110) and 1 at 105; the next day 1 sold at 120 (now 115), 1 USDT each.

    The purchase at 105 is busted in the evening.
    """
    book = ToldBook()
    fee = [["USDT", "1", "trading"]]
    first = {"order": "binance:O1", "id": "binance/O1/T1"}
    book.fill("2025-03-01T10:00:00", "2", "100", fees=fee, **first)
    second = {"order": "binance:O2", "id": "binance/O2/T2"}
    book.fill("2025-03-01T11:00:00", "1", "105", fees=fee, **second)
    third = {"order": "binance:O3", "id": "binance/O3/T3"}
    book.fill("2025-03-02T10:00:00", "-1", "120", fees=fee, **third)
    correct(book, "2025-03-02T18:00:00", bust("binance/O2/T2"))
    desk.put(book)
    desk.mark(BTC, "USDT", "110", "2025-03-01T23:59:00")
    desk.mark(BTC, "USDT", "115", NOW)
    for at in ("2025-03-01T23:59:00", NOW):
        desk.mark("USDT", "USD", "1", at)
    return desk


def test_a_correction_is_a_line_of_the_day_it_was_made_on(corrected: Desk) -> None:
    found = corrected.explain(NOW, "2025-03-02")
    # carried: 3 from 110 to 115; sold at 120 against 115; the bust gives back 105 and a fee of 1
    # for something that is worth 115 now.
    shown = [texts(getattr(found, name).by_token["USDT"]) for name in (*LINES, "total")]
    assert shown == ["15", "5", "-1", "0", "0", "-9", "10"]
    [instrument] = found.instruments
    assert (texts(instrument.corrections), texts(instrument.new_trades)) == ("-9", "5")
    assert texts(instrument.total) == "10"


def test_the_day_of_the_trade_stays_as_it_was_published(corrected: Desk) -> None:
    found = corrected.explain(NOW, "2025-03-01")
    shown = [texts(getattr(found, name).by_token["USDT"]) for name in (*LINES, "total")]
    # 2 at 100 and 1 at 105 against 110, two fees of 1
    assert shown == ["0", "25", "-2", "0", "0", "0", "23"]


def test_the_days_add_up_to_the_life_without_the_trade(corrected: Desk) -> None:
    whole = corrected.performance(NOW)
    days = [
        corrected.explain(NOW, day).total.by_token["USDT"] for day in ("2025-03-01", "2025-03-02")
    ]
    assert sum((day for day in days if day is not None), ZERO) == whole.net_pnl.by_token["USDT"]
    # 1 of 2 at 100 sold at 120, the other is worth 115, two fees of 1
    assert texts(whole.net_pnl.by_token["USDT"]) == "33"
    assert whole.trade_count == 2
    assert (whole.orders_filled, whole.trips_won) == (2, 0)


def test_details_tell_the_restatement_as_no_execution(corrected: Desk) -> None:
    trades = corrected.performance(NOW, granularity="trade_level").details
    [told] = [trade for trade in trades if trade.event == "restatement"]
    assert (told.trade_count, texts(told.quantity), told.price) == (-1, "-1", None)
    [trip] = corrected.performance(NOW, granularity="position_level").details
    assert (texts(trip.quantity), texts(trip.realized_pnl), trip.outcome) == ("1", "20", "")
