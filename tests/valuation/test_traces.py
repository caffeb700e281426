"""Traces that had no step for too long: what became of them, over the slices of all books."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pm import keys
from pm.books import journal, lanes
from pm.decimals import Amount
from pm.events.message import pack
from pm.events.model import Fill
from pm.valuation.traces import TraceSlice, verdict
from pm.verify import verify_book
from tests.valuation.desk import BTC, KRAKEN_BTC, Desk
from workers.trace_expiry import TraceExpiry, delete_archived

TRACE = "0" * 31 + "a"
TTL_S = 300


def _expiry(desk: Desk) -> TraceExpiry:
    raw = desk.server.client(decode=False)
    return TraceExpiry(desk.client, raw, desk.submitter, TTL_S)


def _round(desk: Desk, *books: str) -> int:
    return _expiry(desk).round(books or ("main",), desk.facts, desk.now)


def _trace(desk: Desk, book: str = "main") -> dict[str, str]:
    found: Any = desk.client.hgetall(keys.trace(book, TRACE))
    return dict(found)


def _last_entry(desk: Desk, book: str = "main") -> dict[str, str]:
    return list(journal.read(desk.client, book))[-1]


def _partly_sold(desk: Desk) -> None:
    desk.fill(BTC, "1", "100", trace=TRACE)
    desk.fill(KRAKEN_BTC, "-0.6", "102", trace=TRACE)


def test_what_is_left_of_an_arbitrage_is_stranded_where_it_lies(desk: Desk) -> None:
    _partly_sold(desk)
    desk.later(TTL_S + 1)
    assert _round(desk) == 1
    trace = _trace(desk)
    assert trace["status"] == "stranded"
    assert json.loads(trace["net"]) == {"BTC": "0.4", "USDT": "-38.8"}
    (change,) = json.loads(_last_entry(desk)["changes"])
    assert change["type"] == "trace_stranded"
    assert change["stranded"] == {"BTC": "0.4", "USDT": "-38.8"}
    assert change["locations"]["binance:BTC"] == "1"
    assert change["locations"]["kraken:BTC"] == "-0.6"
    assert verify_book(desk.server.client(decode=False), "main").is_whole


def test_a_second_round_finds_nothing_to_do(desk: Desk) -> None:
    _partly_sold(desk)
    desk.later(TTL_S + 1)
    expiry = _expiry(desk)
    assert expiry.round(["main"], desk.facts, desk.now) == 1
    assert expiry.round(["main"], desk.facts, desk.now) == 0
    assert _round(desk) == 0


def test_a_trace_within_its_time_is_left_open(desk: Desk) -> None:
    _partly_sold(desk)
    desk.later(TTL_S - 1)
    assert _round(desk) == 0
    assert _trace(desk)["status"] == "open"


def test_slices_that_close_each_other_complete(desk: Desk) -> None:
    desk.open("other")
    desk.fill(BTC, "1", "100", trace=TRACE)
    desk.fill(KRAKEN_BTC, "-1", "102", trace=TRACE, strategy=9, book="other")
    desk.later(TTL_S + 1)
    assert _round(desk, "main", "other") == 2
    assert _trace(desk)["status"] == _trace(desk, "other")["status"] == "completed"


def test_a_trace_waits_while_another_book_still_takes_steps(desk: Desk) -> None:
    desk.open("other")
    desk.fill(BTC, "1", "100", trace=TRACE)
    desk.later(TTL_S - 10)
    desk.fill(KRAKEN_BTC, "-0.5", "102", trace=TRACE, strategy=9, book="other")
    desk.later(20)
    expiry = _expiry(desk)
    assert expiry.round(["main", "other"], desk.facts, desk.now) == 0
    desk.later(TTL_S)
    assert expiry.round(["main", "other"], desk.facts, desk.now) == 2
    assert _trace(desk)["status"] == "stranded"


def test_a_trace_waits_while_older_events_have_not_been_applied(desk: Desk) -> None:
    _partly_sold(desk)
    waiting = Fill("T9", "O9", "kraken", 7, KRAKEN_BTC, "-0.4", "102", desk.now)
    raw = desk.server.client(decode=False)
    lanes.publish(raw, "main", [pack(waiting)], desk.now)
    desk.later(TTL_S + 1)
    assert _round(desk) == 0
    raw.delete(keys.lane("main", keys.DEFAULT_LANE))
    assert _round(desk) == 1


def test_a_trace_that_ended_long_ago_is_put_away_and_deleted(desk: Desk) -> None:
    _partly_sold(desk)
    desk.later(TTL_S + 1)
    _round(desk)
    desk.later(10 * TTL_S)
    assert _round(desk) == 1
    assert _trace(desk)["status"] == "archived"
    assert desk.client.zscore(keys.traces("main"), TRACE) is None
    delete_archived(desk.client, "main", [TRACE])
    assert not desk.client.exists(keys.trace("main", TRACE))
    assert verify_book(desk.server.client(decode=False), "main").is_whole


def test_a_trace_that_began_again_is_not_deleted(desk: Desk) -> None:
    _partly_sold(desk)
    desk.later(TTL_S + 1)
    _round(desk)
    desk.later(10 * TTL_S)
    _round(desk)
    desk.fill(BTC, "1", "100", trace=TRACE)
    delete_archived(desk.client, "main", [TRACE])
    assert _trace(desk)["status"] == "open"
    assert _trace(desk)["steps"] == "1"


def _slice(net: dict[str, str], steps: int, dust: str = "0") -> TraceSlice:
    amounts = {asset: Amount.parse(amount) for asset, amount in net.items()}
    return TraceSlice(
        "main", "open", steps, "USDT", amounts, ("BTC", "USDT"), {"BTC": Amount.parse(dust)}, 1, 2
    )


@pytest.mark.parametrize(
    ("slices", "told"),
    [
        ([_slice({"BTC": "0", "USDT": "2"}, 2)], "completed"),
        ([_slice({"BTC": "0", "USDT": "2"}, 1)], "expired"),
        ([_slice({"BTC": "0.1", "USDT": "2"}, 2)], "stranded"),
        ([_slice({"BTC": "0.1", "USDT": "2"}, 2, dust="0.1")], "completed"),
        ([_slice({"BTC": "1"}, 1), _slice({"BTC": "-1"}, 1)], "completed"),
        ([_slice({"BTC": "1"}, 1), _slice({"BTC": "-2"}, 1)], "stranded"),
    ],
)
def test_a_verdict_is_that_of_the_sum_of_the_slices(slices: list[TraceSlice], told: str) -> None:
    assert verdict(slices) == told
