"""Balances, portfolios, traces, the journal and where a book stands."""

from __future__ import annotations

from typing import Any

import pytest

from pm.books.opening import BookError
from pm.client import Client, TraceStranded, to_json
from pm.client.plans import TraceState
from pm.decimals import Amount
from pm.rules.digest import GENESIS_DIGEST, chain_digest
from tests.client.conftest import OpenBook
from tests.client.facts import (
    BTC,
    ETH,
    EXECUTED_AT,
    BookWriter,
    deposit,
    fill,
    on_ethereum,
    reserve,
    trace_expired,
)

TRACE = "0123456789abcdef0123456789abcdef"


def test_a_balance_tells_what_the_book_holds(client: Client, book: BookWriter) -> None:
    book.apply(fill(1, "2", "100"))
    assert to_json(client.balance("binance", "USDT")) == {
        "location": "binance",
        "chain_id": 0,
        "token": "USDT",
        "available": "-205",
        "reserved": "0",
        "total": "-205",
        "last_update": EXECUTED_AT + 1,
        "is_negative": True,
        "margin": None,
        "book": "main",
        "seq": 2,
    }
    assert client.balance("binance", "ETH") is None


def test_balances_are_listed_by_location_and_by_chain(client: Client, book: BookWriter) -> None:
    book.apply(fill(1, "2", "100"), on_ethereum(2, "1", "2000"))
    off_chain = {("binance", "BTC"), ("binance", "USDT")}
    on_chain = {("ethereum", "WETH"), ("ethereum", "USDC"), ("ethereum", "ETH")}

    def places(listed: object) -> set[tuple[str, str]]:
        return {(entry["location"], entry["token"]) for entry in to_json(listed)}

    assert places(client.balances()) == off_chain | on_chain
    assert places(client.balances(location="ethereum")) == on_chain
    assert places(client.balances(location="eth")) == set()
    assert places(client.chain_balances(1)) == on_chain
    assert places(client.chain_balances("0")) == off_chain
    assert places(client.chain_balances(137)) == set()


def test_a_portfolio_has_totals_and_positions(client: Client, book: BookWriter) -> None:
    gas = {"kind": "rejected", "fees": [["ETH", "0.02", "gas"]], "id": "event/1"}
    book.apply(
        fill(1, "2", "100"),
        fill(2, "-1", "110", fees=[["BNB", "0.5", "trading"]]),
        fill(3, "1", "50", instrument=ETH, base="ETH"),
        fill(4, "-1", "50", instrument=ETH, base="ETH"),
        fill(5, "1", "50", **gas),
        fill(6, "1", "100", strategy="8"),
    )
    portfolio = client.strategy_portfolio(7)
    told = to_json(portfolio)
    positions = told.pop("positions")
    assert [position["instrument_id"] for position in positions] == [BTC]
    assert told == {
        "strategy_id": 7,
        "book": "main",
        "seq": 7,
        "is_exact": True,
        "equity": None,
        "max_drawdown": None,
        "sharpe_ratio": None,
        "valuation": None,
        "performance": None,
        "total_pnl": None,
        "realized_pnl": {"USDT": "10"},
        "unrealized_pnl": {},
        "market_value": {},
        "unmarked": 1,
        "is_torn": False,
        "carry": {},
        "transfer_cost": {},
        "total_fees": {"BNB": "0.5", "ETH": "0.02", "USDT": "15"},
        "fees_paid": {"BNB": "0.5", "USDT": "15"},
        "failed_fees": {"ETH": "0.02"},
        "fee_value": {"USDT": "15"},
        "fees_unvalued": {"BNB": "0.5"},
        "allocated": {},
        "volume": {"USDT": "410"},
        "trade_count": 4,
        "orders_filled": 4,
        "orders_rejected": 1,
        "orders_cancelled": 0,
        "trips_won": 0,
        "trips_lost": 1,
        "trips_unknown": 0,
        "inception_time": EXECUTED_AT + 1,
        "last_update_time": EXECUTED_AT + 5,
    }
    everything = client.strategy_portfolio(7, positions="all").positions
    assert {position.instrument_id for position in everything} == {BTC, ETH}


def test_a_strategy_that_never_traded_has_an_empty_portfolio(
    client: Client, book: BookWriter
) -> None:
    book.apply(fill(1, "2", "100"))
    portfolio = client.strategy_portfolio("9")
    assert (portfolio.trade_count, portfolio.inception_time) == (0, None)
    assert (portfolio.total_fees, portfolio.positions) == ({}, ())


def test_a_trace_has_its_steps_in_order(client: Client, book: BookWriter) -> None:
    told = {"id": TRACE, "arbitrage": "1"}
    book.apply(
        fill(1, "1", "100", fees=[], trace=told),
        fill(2, "-1", "103", venue="kraken", location="kraken", fees=[], trace=told),
    )
    trace = client.trace(TRACE)
    assert trace is not None
    assert (trace.status, trace.is_arbitrage) == ("completed", True)
    assert (trace.numeraire, trace.result) == ("USDT", Amount(3))
    assert [(step.step_number, step.step_type, step.venue) for step in trace.steps] == [
        (0, "entry", "binance"),
        (1, "exit", "kraken"),
    ]
    assert to_json(trace.steps[1]) == {
        "step_number": 1,
        "step_type": "exit",
        "strategy_id": 7,
        "instrument_id": BTC,
        "venue": "kraken",
        "location": "kraken",
        "chain_id": 0,
        "quantity_delta": "-1",
        "price": "103",
        "timestamp": EXECUTED_AT + 2,
    }


def test_an_open_trace_has_no_result_yet(client: Client, book: BookWriter) -> None:
    book.apply(fill(1, "1", "100", trace={"id": TRACE}))
    trace = client.trace(TRACE)
    assert trace is not None
    assert (trace.status, trace.result) == ("open", None)
    assert trace.net == {"BTC": Amount(1), "USDT": Amount(-105)}
    assert client.trace("0" * 32) is None


def test_a_trace_of_many_steps_keeps_their_numeric_order(client: Client, book: BookWriter) -> None:
    book.apply(*(fill(n, "1", "100", trace={"id": TRACE}) for n in range(1, 13)))
    trace = client.trace(TRACE)
    assert trace is not None
    assert [step.step_number for step in trace.steps] == list(range(12))


def test_traces_come_latest_first(client: Client, book: BookWriter) -> None:
    second = 1_000_000_000
    ids = [f"{n:032x}" for n in range(1, 4)]
    book.apply(
        *(
            fill(n, "1", "100", executed_at=str(EXECUTED_AT + n * second), trace={"id": trace_id})
            for n, trace_id in enumerate(ids, 1)
        )
    )
    assert [trace.trace_id for trace in client.traces()] == ids[::-1]
    assert [trace.trace_id for trace in client.traces(count=1)] == ids[2:]
    since = EXECUTED_AT + 2 * second
    assert [trace.trace_id for trace in client.traces(since=since)] == ids[:0:-1]


def test_a_stranded_trace_tells_what_it_left_and_where(client: Client, book: BookWriter) -> None:
    book.apply(
        fill(1, "1", "100", fees=[], trace={"id": TRACE}),
        fill(2, "-0.6", "102", venue="kraken", location="kraken", fees=[], trace={"id": TRACE}),
        trace_expired(3, TRACE, 2, "stranded"),
    )
    trace = client.trace(TRACE)
    assert trace is not None
    assert (trace.status, trace.result) == ("stranded", None)
    assert trace.stranded == {"BTC": Amount(4, 1), "USDT": Amount(-388, 1)}
    assert trace.locations == {
        "binance:BTC": Amount(1),
        "binance:USDT": Amount(-100),
        "kraken:BTC": Amount(-6, 1),
        "kraken:USDT": Amount(612, 1),
    }
    assert client.head().traces_stranded == 1
    [change] = client.journal()[-1].changes
    assert change == TraceStranded(
        update_type="trace_stranded",
        trace_id=TRACE,
        stranded=trace.stranded,
        locations=trace.locations,
    )


def test_traces_are_listed_by_how_they_stand(client: Client, book: BookWriter) -> None:
    ids = [f"{n:032x}" for n in range(1, 5)]
    book.apply(
        *(fill(n, "1", "100", trace={"id": trace_id}) for n, trace_id in enumerate(ids, 1)),
        fill(5, "-1", "100", trace={"id": ids[0]}),
        trace_expired(6, ids[1], 1, "stranded"),
        trace_expired(7, ids[2], 1, "expired"),
    )

    def listed(state: TraceState, count: int = 100) -> set[str]:
        return {trace.trace_id for trace in client.traces(state=state, count=count)}

    assert listed("all") == set(ids)
    assert listed("open") == {ids[3]}
    assert listed("ended") == set(ids[:3])
    assert listed("stranded") == {ids[1]}
    assert len(listed("ended", count=2)) == 2


def test_open_traces_are_found_behind_many_that_ended(client: Client, book: BookWriter) -> None:
    second = 1_000_000_000
    book.apply(fill(1, "1", "100", trace={"id": TRACE}))
    for number in range(2, 230, 3):
        told = {"trace": {"id": f"{number:032x}"}, "fees": []}
        at = {"executed_at": str(EXECUTED_AT + number * second)}
        book.apply(
            fill(number, "1", "100", **told, **at), fill(number + 1, "-1", "100", **told, **at)
        )
    found = client.traces(state="open", count=1)
    assert [trace.trace_id for trace in found] == [TRACE]
    assert (found.is_exact, found.seqs) == (True, {"main": book.seq()})


def test_reservations_are_listed_longest_without_news_first(
    client: Client, book: BookWriter
) -> None:
    ms = 1_000_000
    late = {"executed_at": str(EXECUTED_AT + 5 * ms)}
    book.apply(
        deposit(1, "USDT", "1000"),
        deposit(2, "BNB", "10"),
        reserve(3, "A", "USDT", "200", quantity="2", **late),
        reserve(4, "B", "USDT", "50"),
        reserve(5, "B", "BNB", "1"),
        fill(6, "0.5", "90", order="binance:A", fees=[], **late),
    )
    found = client.reservations()
    assert [(item.order, item.token, str(item.left)) for item in found] == [
        ("binance:B", "BNB", "1"),
        ("binance:B", "USDT", "50"),
        ("binance:A", "USDT", "150"),
    ]
    assert (found.is_exact, found.seqs) == (True, {"main": book.seq()})
    assert to_json(found[2]) == {
        "order": "binance:A",
        "strategy_id": 7,
        "instrument_id": BTC,
        "status": "open",
        "location": "binance",
        "chain_id": 0,
        "token": "USDT",
        "reserved": "200",
        "left": "150",
        "order_quantity": "2",
        "last_news": EXECUTED_AT + 5 * ms,
        "book": "main",
        "seq": book.seq(),
    }


def test_a_declined_event_is_counted_and_tells_what_was_missing(
    client: Client, book: BookWriter
) -> None:
    book.apply(deposit(1, "USDT", "10"), reserve(2, "A", "USDT", "50"))
    entry = client.journal()[-1]
    assert (entry.result, entry.reason) == ("declined", "insufficient_balance")
    assert entry.effects == ({"type": "declined", "requested": "50", "available": "10"},)
    assert client.head().counts["declined"] == 1
    assert client.reservations().items == ()


def test_a_book_without_traces_lists_none(client: Client, book: BookWriter) -> None:
    assert client.traces().items == ()
    assert client.traces(since=0).items == ()


def test_the_journal_is_read_by_seq(client: Client, book: BookWriter) -> None:
    book.fills(9)
    assert [entry.seq for entry in client.journal()] == list(range(1, 11))
    assert [entry.seq for entry in client.journal(3, 5)] == [3, 4, 5]
    assert [entry.seq for entry in client.journal(3, count=2)] == [3, 4]
    assert [entry.seq for entry in client.journal(count=2, newest_first=True)] == [10, 9]


def test_a_journal_entry_tells_what_the_event_did(client: Client, book: BookWriter) -> None:
    book.apply(fill(1, "2", "100"), fill(1, "2", "100"))
    opened, filled, again = client.journal()
    assert (opened.event, opened.result, opened.changes, opened.order) == (
        "opened",
        "applied",
        (),
        None,
    )
    assert (filled.event, filled.result, filled.reason) == ("fill", "applied", "")
    assert filled.facts["id"] == "binance/O1/T1"
    assert filled.legs == ((Amount(2), Amount(200)),)
    assert [change.update_type for change in filled.changes] == [
        "position_opened",
        "balance_changed",
        "balance_changed",
    ]
    assert filled.order is not None
    assert filled.order["quantity"] == "2"
    assert [part["volume"] for part in filled.contributions] == ["200"]
    assert (opened.contributions, opened.effects, filled.effects) == ((), (), ())
    assert (again.result, again.changes, again.previous_update) == ("duplicate", (), 2)


def test_the_journal_answered_chains_to_the_head(client: Client, book: BookWriter) -> None:
    book.fills(5)
    digest = GENESIS_DIGEST
    entries: Any = client.server.xrange("pm:{main}:journal")
    for _, fields in entries:
        digest = chain_digest(digest, [text for name, text in fields.items() if name != "digest"])
    assert client.journal()[-1].digest == client.head().digest == digest


def test_the_head_tells_where_the_book_stands(client: Client, book: BookWriter) -> None:
    book.apply(fill(1, "2", "100"), fill(1, "2", "100"))
    head = client.head()
    assert (head.book, head.seq, head.previous_update, head.schema) == ("main", 3, 2, "2")
    assert head.counts == {
        "applied": 2,
        "duplicate": 1,
        "covered": 0,
        "stale": 0,
        "noted": 0,
        "refused": 0,
        "declined": 0,
    }
    assert head.cursors == {"executions": "1-0"}
    assert (head.trade_count, head.volume) == (1, {"USDT": Amount(200)})


def test_the_head_of_a_book_that_does_not_exist_is_refused(client: Client) -> None:
    with pytest.raises(BookError, match="book main does not exist"):
        client.head()


def test_books_and_strategies_are_listed(client: Client, open_book: OpenBook) -> None:
    assert client.books() == ()
    open_book("two").apply(fill(1, "1", "100", strategy="9"))
    open_book("one")
    assert client.books() == ("one", "two")
    assert client.strategies("two") == ("9",)
    assert client.strategies("one") == ()
