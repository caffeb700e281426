"""Funding and dividends: how what holding paid is shared among those who hold."""

from typing import Any

import pytest

from pm.rules.journal import Entry
from tests.pure.rules_events import (
    EQUITY,
    INVERSE,
    PERPETUAL,
    Journal,
    changes,
    contributions,
    effects,
    figures,
)

TERMS = PERPETUAL | {"multiplier": "10"}


def held_by(terms: dict[str, Any], **quantities: str) -> Journal:
    """Positions of strategies s7, s8 … at a cost of 100 each."""
    journal = Journal()
    for strategy, quantity in quantities.items():
        cost = "-100" if quantity.startswith("-") else "100"
        journal.hold(quantity, cost, terms, strategy=strategy[1:])
    return journal


def carries(journal: Journal, terms: dict[str, Any], strategies: str) -> list[str]:
    return [journal.position(terms, strategy)["carry"] for strategy in strategies]


def fund(journal: Journal, terms: dict[str, Any] = TERMS, **facts: Any) -> Entry:
    return journal.life("funding", terms, **({"token": terms["settlement"]} | facts))


def test_a_payment_is_shared_by_quantity_and_the_remainder_goes_to_the_largest() -> None:
    journal = held_by(TERMS, s7="1", s8="-2", s9="4")

    entry = fund(journal, amount="10")

    assert carries(journal, TERMS, "789") == [
        "3.333333333333333333",
        "-6.666666666666666667",
        "13.333333333333333334",
    ]
    assert journal.total("USDT") == "10"
    assert [row["type"] for row in changes(entry)] == ["position_modified"] * 3
    assert [each["strategy"] for each in contributions(entry)] == ["7", "8", "9"]
    assert contributions(entry)[1]["carry"] == "-6.666666666666666667"
    assert "quantity" not in contributions(entry)[1]
    assert journal.hash("book")["carry"] == '{"USDT":"10"}'
    assert journal.differences() == []


def test_funding_is_part_of_the_trip_and_no_trade() -> None:
    journal = Journal()
    journal.fill("1", "100", terms=TERMS)

    fund(journal, amount="-7")

    assert figures(journal.position(TERMS), "carry", "trip_carry", "total_trades") == [
        "-7",
        "-7",
        "1",
    ]
    assert figures(journal.position(TERMS), "quantity", "cost", "realized_pnl") == [
        "1",
        "1000",
        "0",
    ]
    closed = journal.fill("-1", "100.6", terms=TERMS)
    assert contributions(closed)[0]["trip"] == "lost"


def test_carry_makes_a_trip_that_lost_on_price_a_winner() -> None:
    journal = Journal()
    journal.fill("1", "100", terms=TERMS)
    fund(journal, amount="7")

    assert contributions(journal.fill("-1", "99.4", terms=TERMS))[0]["trip"] == "won"
    assert journal.position(TERMS)["trip_carry"] == "7"

    journal.fill("1", "100", terms=TERMS)
    assert figures(journal.position(TERMS), "carry", "trip_carry") == ["7", "0"]


def test_positions_that_cancel_are_paid_by_rate_and_the_remainder_goes_to_the_first() -> None:
    journal = held_by(TERMS, s7="2", s8="-2")

    entry = fund(journal, amount="1", rate="0.0001", price="1000")

    assert carries(journal, TERMS, "78") == ["-1", "2"]
    assert journal.total("USDT") == "1"
    assert entry.result == "applied"


def test_without_an_amount_the_rate_decides() -> None:
    journal = held_by(TERMS, s7="2", s8="-1")

    fund(journal, rate="0.0001", price="1000")

    assert carries(journal, TERMS, "78") == ["-2", "1"]
    assert journal.total("USDT") == "-1"
    assert journal.differences() == []


def test_an_inverse_rate_is_paid_in_the_coin() -> None:
    journal = held_by(INVERSE, s7="300")

    fund(journal, INVERSE, rate="0.001", price="70000")

    assert carries(journal, INVERSE, "7") == ["-0.000042857142857143"]


def test_one_strategys_funding_is_its_own() -> None:
    journal = held_by(TERMS, s7="1", s8="1")

    fund(journal, amount="6", strategy="8")

    assert carries(journal, TERMS, "78") == ["0", "6"]
    assert journal.hash("position:7:binance.perp.BTCUSDT")["seq"] == "2"


def test_what_comes_for_an_instrument_nobody_holds_is_not_attributed() -> None:
    journal = held_by(TERMS, s7="1")
    journal.hold("-1", "-100", TERMS)

    entry = fund(journal, amount="6")
    assert (entry.result, entry.reason, entry.contribution) == ("applied", "unattributed", "")
    assert journal.total("USDT") == "6"

    entry = fund(journal, rate="0.0001", price="1000")
    assert (entry.result, entry.reason) == ("noted", "no_position")
    assert journal.differences() == []


@pytest.mark.parametrize(
    ("terms", "facts", "reason"),
    [
        (TERMS, {"token": "BNB", "amount": "1"}, "token_mismatch"),
        (TERMS, {"rate": "0.1"}, "rate_missing"),
        (TERMS, {"price": "1"}, "rate_missing"),
        (INVERSE, {"rate": "0.1", "price": "0"}, "rate_missing"),
    ],
)
def test_funding_that_cannot_be_shared_is_refused(
    terms: dict[str, Any], facts: dict[str, str], reason: str
) -> None:
    entry = fund(held_by(terms, s7="1"), terms, **facts)

    assert (entry.result, entry.reason, entry.changes) == ("refused", reason, "[]")


def dividend(journal: Journal, step: str, **facts: Any) -> Entry:
    stated = {"dividend": "D1", "step": step, "id": f"dividend/D1/{step}"}
    return journal.life("dividend", EQUITY, **(stated | {"token": "USD", "rate": "0.5"} | facts))


def test_a_dividend_is_earned_at_ex_time_and_owed_until_it_is_paid() -> None:
    journal = held_by(EQUITY, s7="10", s8="-4")

    earned = dividend(journal, "ex")

    assert carries(journal, EQUITY, "78") == ["5", "-2"]
    assert changes(earned, "balance") == []
    pending, receivable = effects(earned)
    assert receivable == {"type": "receivable", "token": "USD", "amount": "3"}
    assert figures(pending, "id", "kind", "status", "instrument", "amount", "shares") == [
        "dividend.D1",
        "dividend",
        "receivable",
        "ibkr.stock.ACME",
        "3",
        {"7": "5", "8": "-2"},
    ]
    assert journal.hash("book")["receivables"] == '{"USD":"3"}'
    assert journal.hash("pendings") == {".": "0", "dividend.D1": "0"}

    paid = dividend(journal, "paid")

    assert (changes(paid), paid.contribution) == ([], "")
    assert journal.total("USD") == "3"
    assert journal.hash("book")["receivables"] == '{"USD":"0"}'
    assert figures(journal.hash("pending:dividend.D1"), "status", "shares", "seq") == [
        "paid",
        '{"7":"5","8":"-2"}',
        "5",
    ]
    assert journal.hash("pendings") == {".": "0"}
    assert journal.differences() == []


def test_who_sells_after_the_ex_time_keeps_the_dividend() -> None:
    journal = held_by(EQUITY, s7="10")
    dividend(journal, "ex")
    journal.hold("-10", "-100", EQUITY)
    journal.hold("2", "20", EQUITY, strategy="8")

    dividend(journal, "paid", amount="4")

    assert carries(journal, EQUITY, "78") == ["4", "0"]
    assert journal.total("USD") == "4"
    assert journal.differences() == []


def test_what_is_paid_beyond_a_dividend_is_shared_like_it() -> None:
    journal = held_by(EQUITY, s7="2", s8="4")
    dividend(journal, "ex")

    entry = dividend(journal, "paid", amount="2")

    assert carries(journal, EQUITY, "78") == ["0.666666666666666667", "1.333333333333333333"]
    assert [each["carry"] for each in contributions(entry)] == [
        "-0.333333333333333333",
        "-0.666666666666666667",
    ]


def test_a_dividend_whose_shares_cancel_gives_what_is_paid_to_the_largest_and_first() -> None:
    journal = held_by(EQUITY, s7="4", s8="-4")
    earned = dividend(journal, "ex")
    assert [effect["type"] for effect in effects(earned)] == ["pending"]

    dividend(journal, "paid", amount="1")

    assert carries(journal, EQUITY, "78") == ["3", "-2"]
    assert journal.hash("book")["receivables"] == "{}"
    assert journal.differences() == []


def test_a_dividend_at_once_owes_nothing() -> None:
    journal = held_by(EQUITY, s7="10")

    entry = dividend(journal, "whole", amount="6")

    assert (entry.effects, len(changes(entry))) == ("[]", 1)
    assert (carries(journal, EQUITY, "7"), journal.total("USD")) == (["6"], "6")
    assert journal.differences() == []


@pytest.mark.parametrize(
    ("step", "facts", "outcome"),
    [
        ("ex", {}, ("noted", "no_position")),
        ("whole", {}, ("noted", "no_position")),
        ("whole", {"amount": "2"}, ("applied", "unattributed")),
        ("paid", {}, ("refused", "unknown_dividend")),
        ("ex", {"token": "EUR"}, ("refused", "token_mismatch")),
    ],
)
def test_a_dividend_of_what_nobody_holds(
    step: str, facts: dict[str, str], outcome: tuple[str, str]
) -> None:
    entry = dividend(Journal(), step, **facts)

    assert (entry.result, entry.reason) == outcome


def test_a_dividend_begins_and_ends_once() -> None:
    journal = held_by(EQUITY, s7="10")
    dividend(journal, "ex")

    found = [dividend(journal, "ex", id="a"), dividend(journal, "whole")]
    dividend(journal, "paid")
    found += [dividend(journal, "paid", id="b"), dividend(journal, "ex", id="c")]

    assert [entry.reason for entry in found] == [
        "dividend_exists",
        "dividend_exists",
        "dividend_ended",
        "dividend_exists",
    ]


def test_a_dividend_is_paid_for_the_instrument_it_was_earned_on() -> None:
    journal = held_by(EQUITY, s7="10")
    dividend(journal, "ex")

    entry = dividend(journal, "paid", instrument="ibkr.stock.OTHER")

    assert (entry.result, entry.reason) == ("refused", "dividend_mismatch")
