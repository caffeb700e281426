"""Splits: quantities rescaled, cost kept, fractions paid in cash or cut off."""

from typing import Any

import pytest

from pm.rules.journal import Entry
from tests.pure.rules_events import (
    EQUITY,
    PERPETUAL,
    SPOT,
    Journal,
    changes,
    contributions,
    effects,
    figures,
    legs,
)

POSITION = "7:ibkr.stock.ACME"
FIGURES = ("quantity", "cost", "realized_pnl")


def split(journal: Journal, ratio: str, terms: dict[str, Any] = EQUITY, **facts: Any) -> Entry:
    numerator, _, denominator = ratio.partition(":")
    stated = {"numerator": numerator, "denominator": denominator, "decimals": "0"}
    return journal.life("split", terms, **(stated | facts))


def holding(quantity: str, cost: str, terms: dict[str, Any] = EQUITY) -> Journal:
    journal = Journal()
    journal.deposit(terms["base"], quantity, terms=terms, cost=cost)
    return journal


def test_a_split_multiplies_the_quantity_and_keeps_the_cost() -> None:
    journal = holding("10", "1000")

    entry = split(journal, "2:1")

    assert figures(journal.position(EQUITY), *FIGURES, "avg_cost_basis") == [
        "20",
        "1000",
        "0",
        "50",
    ]
    assert (legs(entry), journal.total("ACME")) == ([], "20")
    assert entry.effects == (
        f'[{{"type":"rescale","position":"{POSITION}","quantity":"10","removed":"0"}}]'
    )
    assert figures(contributions(entry)[0], "quantity", "notional") == ["10", "0"]
    assert journal.differences() == []


def test_a_fraction_is_sold_for_cash_in_lieu() -> None:
    journal = holding("5", "1000")

    entry = split(journal, "3:2", price="150")

    # 7.5 is 7 and a half: 1/15 of the cost goes for 75 in cash
    assert figures(journal.position(EQUITY), *FIGURES) == [
        "7",
        "933.333333333333333333",
        "8.333333333333333333",
    ]
    assert legs(entry) == [["0", "-75", POSITION]]
    assert effects(entry)[0]["removed"] == "66.666666666666666667"
    assert (journal.total("ACME"), journal.total("USD")) == ("7", "75")
    assert figures(contributions(entry)[0], "quantity", "notional", "realized_pnl") == [
        "2",
        "-75",
        "8.333333333333333333",
    ]
    assert journal.differences() == []


def test_without_a_price_a_fraction_is_cut_off_and_its_cost_stays() -> None:
    journal = holding("5", "1000")

    entry = split(journal, "3:2")

    assert figures(journal.position(EQUITY), *FIGURES) == ["7", "1000", "0"]
    assert legs(entry) == []
    assert journal.differences() == []


@pytest.mark.parametrize(
    ("price", "realized", "cash", "trip"), [(None, "-70", None, "lost"), ("150", "5", "75", "won")]
)
def test_a_reverse_split_may_leave_nothing(
    price: str | None, realized: str, cash: str | None, trip: str
) -> None:
    journal = holding("5", "70")

    entry = split(journal, "1:10", price=price)

    assert figures(journal.position(EQUITY), *FIGURES) == ["0", "0", realized]
    assert changes(entry)[0]["type"] == "position_closed"
    assert contributions(entry)[0]["trip"] == trip
    assert legs(entry) == [["0", "0" if cash is None else f"-{cash}", POSITION]]
    assert journal.book.state.positions[POSITION].position.average is None
    assert [row["token"] for row in changes(entry, "balance")] == (
        ["ACME"] if cash is None else ["ACME", "USD"]
    )
    assert journal.differences() == []


def test_a_short_position_pays_for_its_fraction() -> None:
    journal = holding("-5", "-1000")

    split(journal, "3:2", price="150")

    assert figures(journal.position(EQUITY), *FIGURES) == [
        "-7",
        "-933.333333333333333333",
        "-8.333333333333333333",
    ]
    assert journal.total("USD") == "-75"
    assert journal.differences() == []


def test_decimals_of_the_instrument_keep_what_fits() -> None:
    journal = holding("1", "90", SPOT)

    entry = split(journal, "1:3", SPOT, decimals="4", price="300")

    assert journal.position()["quantity"] == "0.3333"
    # what is left over is a third of a ten thousandth, worth 0.01
    assert legs(entry) == [["0", "-0.01", "7:binance.coin.BTCUSDT"]]
    assert effects(entry)[0]["removed"] == "0.009"
    assert journal.differences() == []


def test_a_derivative_moves_cash_but_no_base() -> None:
    journal = Journal()
    journal.hold("5", "1000", PERPETUAL)

    entry = split(journal, "3:2", PERPETUAL, price="150")

    assert [row["token"] for row in changes(entry, "balance")] == ["USDT"]
    assert journal.total("USDT") == "75"
    assert journal.differences() == []


def test_every_holder_is_split_on_its_own() -> None:
    journal = Journal()
    for strategy, quantity in (("9", "3"), ("8", "-3"), ("7", "1")):
        journal.hold(quantity, quantity + "0", EQUITY, strategy=strategy)
    journal.hold("-1", "-10", EQUITY)

    entry = split(journal, "3:2", price="10")

    assert [effect["position"][0] for effect in effects(entry)] == ["8", "9"]
    assert [journal.position(EQUITY, strategy)["quantity"] for strategy in "789"] == [
        "0",
        "-4",
        "4",
    ]
    assert changes(entry, "balance") == []
    assert len(contributions(entry)) == 2
    assert journal.differences() == []


def test_a_split_that_changes_nothing_is_told_all_the_same() -> None:
    journal = holding("5", "1000")

    entry = split(journal, "1:1")

    assert effects(entry)[0]["quantity"] == "0"
    assert changes(entry)[0]["type"] == "position_modified"
    assert changes(entry, "balance") == []


def test_a_split_of_what_nobody_holds_is_noted() -> None:
    entry = split(Journal(), "2:1")

    assert (entry.result, entry.reason) == ("noted", "no_position")
