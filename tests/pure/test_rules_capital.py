"""Withdrawals and allocations."""

import pytest

from pm.rules.facts import FactsError
from tests.pure.rules_events import Journal, changes, contribution, figures, legs

NOBODY = {"strategy": None, "instrument": None}


def test_a_withdrawal_of_money_moves_a_balance_alone() -> None:
    journal = Journal()
    journal.deposit("USDT", "100", **NOBODY)

    entry = journal.event("withdrawal", {}, token="USDT", amount="150", strategy=None)

    assert (entry.result, legs(entry), entry.contribution) == ("applied", [], "")
    assert journal.total("USDT") == "-50"
    assert journal.differences() == []


def test_a_withdrawal_takes_a_position_out_at_average_and_earns_nothing() -> None:
    journal = Journal()
    journal.deposit("BTC", "3", cost="100")

    entry = journal.event("withdrawal", token="BTC", amount="1")

    assert legs(entry) == [["-1", "-33.333333333333333333", "7:binance.coin.BTCUSDT"]]
    assert figures(journal.position(), "quantity", "realized_pnl") == ["2", "0"]
    assert journal.total("BTC") == "2"
    assert "realized_pnl" not in contribution(entry)
    assert journal.hash("strategy:7")["trade_count"] == "0"
    assert journal.differences() == []


def test_a_withdrawal_beyond_the_position_takes_all_of_it() -> None:
    journal = Journal()
    journal.deposit("BTC", "3", cost="100")

    entry = journal.event("withdrawal", token="BTC", amount="5")

    assert legs(entry) == [["-3", "-100", "7:binance.coin.BTCUSDT"]]
    assert changes(entry)[0]["type"] == "position_closed"
    assert journal.total("BTC") == "-2"


def test_a_withdrawal_from_a_short_position_moves_the_balance_alone() -> None:
    journal = Journal()
    journal.fill("-1", "100")

    entry = journal.event("withdrawal", token="BTC", amount="1")

    assert (legs(entry), changes(entry), entry.contribution) == ([], [], "")
    assert journal.total("BTC") == "-2"


def test_a_negative_deposit_takes_money() -> None:
    journal = Journal()

    journal.deposit("USDT", "-5", **NOBODY)

    assert journal.total("USDT") == "-5"


def test_a_withdrawal_of_nothing_cannot_be() -> None:
    with pytest.raises(FactsError, match="amount of a withdrawal is not above zero"):
        Journal().event("withdrawal", {}, token="USDT", amount="0", strategy=None)


def test_an_allocation_counts_for_its_strategy_and_moves_nothing() -> None:
    journal = Journal()
    journal.event("allocation", {}, token="USDT", amount="1000", venue=None)

    entry = journal.event("allocation", {}, token="USDT", amount="-400", venue=None)

    assert (entry.result, entry.changes, entry.legs) == ("applied", "[]", "[]")
    assert entry.contribution == (
        '{"strategy":"7","day":"2023-11-14","venue":"-","instrument":"-",'
        '"allocated":{"USDT":"-400"}}'
    )
    assert journal.hash("strategy:7")["allocated"] == '{"USDT":"600"}'
    assert journal.hash("book")["allocated"] == '{"USDT":"600"}'
    row = journal.hash("attribution:7:2023-11-14")["-:-"]
    assert '"allocated":{"USDT":"600"}' in row
    assert journal.differences() == []
