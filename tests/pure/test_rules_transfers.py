"""Transfers: balances and basis that leave, travel and arrive, come back or change the book."""

import json
from typing import Any

import pytest

from pm.rules.journal import Entry
from tests.pure.rules_events import (
    SPOT,
    STARTED_NS,
    Journal,
    changes,
    contributions,
    effects,
    figures,
    legs,
)

SOURCE = SPOT | {"instrument": "binance.coin.BTCUSDT"}
THERE = SPOT | {"instrument": "uniswap.pool.BTCUSDT", "chain_id": "1", "location": "ethereum"}
POSITION = "7:binance.coin.BTCUSDT"
OTHER = "7:uniswap.pool.BTCUSDT"
TRACE: dict[str, Any] = {"trace": {"id": "a" * 32}}


def transfer(journal: Journal, step: str, **facts: Any) -> Entry:
    stated = {
        "transfer": "T1",
        "step": step,
        "id": f"transfer/T1/{step}",
        "location": None,
        "from_location": "binance",
        "from_chain_id": "0",
        "token": "BTC",
    }
    return journal.event("transfer", SOURCE, **(stated | facts))


def sent(journal: Journal, amount: str, **facts: Any) -> Entry:
    return transfer(journal, "sent", **({"amount": amount} | facts))


def arrived(journal: Journal, received: str, step: str = "arrived", **facts: Any) -> Entry:
    place = {"to_location": "ethereum", "to_chain_id": "1", "arrived": received, "to": THERE}
    return transfer(journal, step, **(place | facts))


def holding(quantity: str = "3", cost: str = "300") -> Journal:
    journal = Journal()
    journal.deposit("BTC", quantity, cost=cost)
    return journal


def held(journal: Journal, key: str = POSITION) -> list[str]:
    return figures(journal.hash(f"position:{key}"), "quantity", "cost", "realized_pnl")


def test_a_bridge_carries_the_basis_and_what_is_lost_is_transfer_cost() -> None:
    journal = holding()

    leaving = sent(journal, "1")
    assert legs(leaving) == [["-1", "-100", POSITION]]
    assert (held(journal), journal.total("BTC")) == (["2", "200", "0"], "2")
    assert journal.hash("book")["in_flight"] == '{"BTC":"1"}'

    coming = arrived(journal, "0.99")
    assert legs(coming) == [["0.99", "99", OTHER]]
    assert held(journal) == ["2", "200", "0"]
    assert held(journal, OTHER) == ["0.99", "99", "0"]
    assert figures(journal.position(SOURCE), "transfer_cost", "trip_carry") == ["1", "-1"]
    assert journal.total("BTC", "ethereum") == "0.99"
    assert journal.hash("book")["in_flight"] == '{"BTC":"0"}'
    assert journal.hash("book")["transfer_cost"] == '{"USDT":"1"}'
    assert journal.differences() == []


def test_the_effects_tell_what_is_pending_and_in_flight() -> None:
    journal = holding()
    leaving = sent(journal, "1", to_location="ethereum")
    coming = arrived(journal, "0.99")

    assert leaving.effects == (
        '[{"type":"pending","id":"transfer.T1","kind":"transfer","status":"in_flight",'
        '"strategy":"7","instrument":"binance.coin.BTCUSDT","token":"BTC","amount":"1",'
        '"quantity":"1","cost":"100","from_location":"binance","from_chain_id":"0",'
        '"to_location":"ethereum","arrived":"","fee":"","transfer_cost":"","to_book":"",'
        f'"sent_at":"{STARTED_NS + 2 * 10**9}","ended_at":""}},'
        '{"type":"in_flight","token":"BTC","amount":"1"}]'
    )
    pending, in_flight = effects(coming)
    assert figures(pending, "status", "arrived", "fee", "transfer_cost", "ended_at") == [
        "arrived",
        "0.99",
        "0.01",
        "1",
        str(STARTED_NS + 3 * 10**9),
    ]
    assert in_flight == {"type": "in_flight", "token": "BTC", "amount": "-1"}
    assert journal.hash("pending:transfer.T1") == {
        **{name: text for name, text in pending.items() if name not in ("type", "id")},
        "seq": "4",
    }


def test_a_transfer_is_listed_while_it_is_in_flight() -> None:
    journal = holding()
    sent(journal, "1")
    assert journal.hash("pendings") == {".": "0", "transfer.T1": "0"}

    arrived(journal, "1")
    assert journal.hash("pendings") == {".": "0"}


def test_each_position_a_transfer_reaches_contributes() -> None:
    journal = holding()
    leaving = sent(journal, "1")
    coming = arrived(journal, "0.99")

    assert figures(contributions(leaving)[0], "quantity", "notional") == ["-1", "-100"]
    whose = {"strategy": "7", "day": "2023-11-14", "venue": "binance"}
    tokens = {"base": "BTC", "quote": "USDT", "settlement": "USDT"}
    assert contributions(coming) == [
        {**whose, "instrument": SOURCE["instrument"], **tokens, "transfer_cost": "1"},
        {
            **whose,
            "instrument": THERE["instrument"],
            **tokens,
            "quantity": "0.99",
            "notional": "99",
        },
    ]


def test_a_transfer_in_tells_where_its_position_lies() -> None:
    journal = holding()
    sent(journal, "1")
    arrived(journal, "1")

    assert figures(journal.hash(f"position:{OTHER}"), "location", "chain_id") == ["ethereum", "1"]
    assert figures(journal.position(SOURCE), "location", "chain_id") == ["binance", "0"]


def test_a_whole_transfer_is_both_steps_in_one_entry() -> None:
    parts, whole = holding(), holding()
    sent(parts, "1")
    arrived(parts, "0.99", **TRACE)

    entry = arrived(whole, "0.99", "whole", amount="1")

    assert legs(entry) == [["-1", "-100", POSITION], ["0.99", "99", OTHER]]
    assert [row["type"] for row in changes(entry)] == [
        "position_modified",
        "position_modified",
        "position_opened",
    ]
    assert [effect["type"] for effect in effects(entry)] == ["pending"]
    first = contributions(entry)[0]
    assert figures(first, "quantity", "notional", "transfer_cost") == ["-1", "-100", "1"]
    for key in (POSITION, OTHER):
        assert held(whole, key) == held(parts, key)
    assert whole.total("BTC", "ethereum") == parts.total("BTC", "ethereum")
    assert whole.hash("book")["in_flight"] == "{}"
    assert whole.differences() == []


def test_a_failed_transfer_comes_back_at_its_basis() -> None:
    journal = holding("3", "100")
    before = held(journal)
    sent(journal, "1")
    journal.fill("1", "500", terms=SOURCE)

    entry = transfer(journal, "failed")

    assert legs(entry) == [["1", "33.333333333333333333", POSITION]]
    assert (held(journal)[0], journal.total("BTC")) == ("4", "4")
    assert journal.hash("pending:transfer.T1")["status"] == "failed"
    assert journal.hash("book")["in_flight"] == '{"BTC":"0"}'
    assert figures(journal.position(SOURCE), "cost", "realized_pnl") == ["600", "0"]
    assert before == ["3", "100", "0"]
    assert journal.differences() == []


def test_what_the_position_does_not_hold_travels_without_basis() -> None:
    journal = holding("1", "100")

    sent(journal, "4")
    arrived(journal, "2")

    assert held(journal) == ["0", "0", "0"]
    assert held(journal, OTHER) == ["0.5", "50", "0"]
    assert journal.position(SOURCE)["transfer_cost"] == "50"
    assert journal.total("BTC") == "-3"
    assert journal.differences() == []


def test_a_quantity_that_rounds_to_nothing_does_not_arrive() -> None:
    tiny = "0.000000000000000000001"
    journal = holding(tiny, "5")

    entry = arrived(journal, "1", "whole", amount="30000")

    assert legs(entry) == [[f"-{tiny}", "-5", POSITION]]
    assert f"position:{OTHER}" not in journal.book.expected_state()
    assert journal.differences() == []


@pytest.mark.parametrize("quantity", ["-1", None])
def test_a_short_or_absent_position_has_no_basis_to_send(quantity: str | None) -> None:
    journal = Journal()
    if quantity is not None:
        journal.hold(quantity, "-100")

    entry = sent(journal, "1")
    assert (legs(entry), changes(entry)) == ([], [])

    coming = arrived(journal, "0.9", to=None)
    assert (coming.result, legs(coming)) == ("applied", [])
    assert journal.total("BTC", "ethereum") == "0.9"


def test_a_closing_transfer_ends_its_trip_and_earns_nothing() -> None:
    journal = holding("1", "100")
    journal.life("funding", token="USDT", amount="3")

    entry = sent(journal, "1")

    assert changes(entry)[0]["type"] == "position_closed"
    assert contributions(entry)[0]["trip"] == "won"
    assert "realized_pnl" not in contributions(entry)[0]


def test_a_basis_that_comes_to_a_short_position_closes_it_first() -> None:
    journal = holding("2", "200")
    journal.hold("-1", "-130", THERE)

    sent(journal, "2")
    entry = arrived(journal, "2")

    assert [row["type"] for row in changes(entry)] == ["position_closed", "position_opened"]
    assert held(journal, OTHER) == ["1", "100", "30"]
    assert journal.differences() == []


def test_another_currency_needs_a_rate() -> None:
    journal = holding()
    euro = THERE | {"quote": "EUR", "settlement": "EUR"}
    sent(journal, "1")

    without = arrived(journal, "1", to=euro, id="transfer/T1/first")
    assert (without.result, without.reason) == ("refused", "rate_missing")

    arrived(journal, "1", to=euro, rate="0.9")
    assert held(journal, OTHER) == ["1", "90", "0"]


def test_a_token_may_become_another() -> None:
    journal = holding()
    sent(journal, "1")

    arrived(journal, "1", to_token="WBTC")

    assert journal.total("WBTC", "ethereum") == "1"


def test_a_transfer_to_another_book_leaves_with_its_basis() -> None:
    journal = holding()
    sent(journal, "1")

    entry = arrived(journal, "0.9", to_book="other", to=None)

    assert changes(entry, "balance") == []
    assert held(journal) == ["2", "200", "0"]
    assert journal.position(SOURCE)["transfer_cost"] == "10"
    assert journal.hash("pending:transfer.T1")["to_book"] == "other"
    assert journal.hash("book")["in_flight"] == '{"BTC":"0"}'
    assert journal.differences() == []


def test_a_transfer_from_another_book_brings_the_basis_it_tells() -> None:
    journal = Journal()

    entry = arrived(journal, "0.9", from_book="main", cost="90", rate="2")

    assert (legs(entry), entry.effects) == ([["0.9", "180", OTHER]], "[]")
    assert journal.total("BTC", "ethereum") == "0.9"
    assert journal.differences() == []


@pytest.mark.parametrize(
    ("step", "facts", "reason"),
    [
        ("sent", {"amount": "1", "id": "again"}, "transfer_exists"),
        ("whole", {"amount": "1", "arrived": "1"}, "transfer_exists"),
        ("arrived", {"transfer": "T2"}, "unknown_transfer"),
        ("failed", {"transfer": "T2"}, "unknown_transfer"),
        ("arrived", {"strategy": "8"}, "transfer_mismatch"),
        ("arrived", {"instrument": "x.coin.y"}, "transfer_mismatch"),
        ("failed", {"strategy": None}, "transfer_mismatch"),
        ("arrived", {"arrived": "1.01"}, "arrived_more"),
        ("arrived", {"to": None}, "to_instrument_missing"),
        ("whole", {"transfer": "T2", "amount": "1", "to_book": "x"}, "transfer_mismatch"),
        ("whole", {"transfer": "T2", "amount": "0.9"}, "arrived_more"),
        ("whole", {"transfer": "T2", "amount": "1", "to": None}, "to_instrument_missing"),
    ],
)
def test_what_cannot_be_is_refused(step: str, facts: dict[str, Any], reason: str) -> None:
    journal = holding()
    sent(journal, "1")
    before = journal.book.expected_state()

    entry = arrived(journal, "1", step, **({"amount": "1"} | facts))

    assert (entry.result, entry.reason) == ("refused", reason)
    after = journal.book.expected_state()
    assert {key for key in after if after[key] != before.get(key)} == {"book"}


@pytest.mark.parametrize("end", ["arrived", "failed"])
def test_a_transfer_ends_once(end: str) -> None:
    journal = holding()
    sent(journal, "1")
    arrived(journal, "1", end)

    for step in ("arrived", "failed"):
        entry = arrived(journal, "1", step, id=f"again/{step}")
        assert (entry.result, entry.reason) == ("refused", "transfer_ended")


def trace_of(entry: Entry) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(entry.trace)
    return read


def test_a_transfer_is_a_bridge_of_its_trace() -> None:
    journal = holding()
    leaving = trace_of(sent(journal, "1", **TRACE))

    assert (leaving["net"], leaving["locations"]) == ({"BTC": "-1"}, {"binance:BTC": "-1"})
    assert figures(leaving, "numeraire", "status", "traded") == ["BTC", "open", ["BTC"]]
    assert leaving["step"] == {
        "step_number": "0",
        "step_type": "bridge",
        "strategy_id": "7",
        "instrument_id": "binance.coin.BTCUSDT",
        "venue": "",
        "location": "binance",
        "chain_id": "0",
        "quantity_delta": "-1",
        "price": "",
        "timestamp": str(STARTED_NS + 2 * 10**9),
    }
    coming = trace_of(arrived(journal, "0.99", **TRACE))
    assert coming["net"] == {"BTC": "-0.01"}
    assert coming["locations"] == {"binance:BTC": "-1", "ethereum:BTC": "0.99"}
    assert figures(coming["step"], "instrument_id", "location", "chain_id", "quantity_delta") == [
        "uniswap.pool.BTCUSDT",
        "ethereum",
        "1",
        "0.99",
    ]


def test_a_transfer_between_two_fills_leaves_the_trace_to_complete() -> None:
    journal = Journal()
    journal.fill("1", "100", **TRACE)
    sent(journal, "1", **TRACE)
    arrived(journal, "1", **TRACE)

    ended = trace_of(journal.fill("-1", "103", terms=THERE, venue="uniswap", **TRACE))

    assert figures(ended, "status", "net") == ["completed", {"BTC": "0", "USDT": "3"}]
    assert ended["locations"] == {
        "binance:BTC": "0",
        "binance:USDT": "-100",
        "ethereum:BTC": "0",
        "ethereum:USDT": "103",
    }
    assert ended["step"]["step_type"] == "exit"


def test_a_transfer_is_a_bridge_whatever_step_it_is_said_to_be() -> None:
    journal = holding()

    entry = sent(journal, "1", trace={"id": "a" * 32, "step": "exit"})

    assert trace_of(entry)["step"]["step_type"] == "bridge"


def test_a_whole_transfer_is_one_step_and_a_failed_one_returns() -> None:
    journal = holding()
    whole = trace_of(arrived(journal, "0.9", "whole", amount="1", strategy=None, **TRACE))
    assert figures(whole, "steps", "net") == ["1", {"BTC": "-0.1"}]
    assert whole["locations"] == {"binance:BTC": "-1", "ethereum:BTC": "0.9"}
    assert whole["step"]["strategy_id"] == ""

    sent(journal, "1", transfer="T2", id="s2", **TRACE)
    back = trace_of(transfer(journal, "failed", transfer="T2", **TRACE))
    assert figures(back, "steps", "net") == ["3", {"BTC": "-0.1"}]
    assert back["step"]["quantity_delta"] == "1"


def test_a_transfer_to_another_book_is_no_step() -> None:
    journal = holding()
    sent(journal, "1", to_book="other", **TRACE)

    assert arrived(journal, "1", **TRACE).trace == ""
    assert journal.hash(f"trace:{'a' * 32}")["steps"] == "1"
