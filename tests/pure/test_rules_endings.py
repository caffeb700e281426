"""Settlements, expiries and exercises: what a venue does to every position of an instrument."""

from typing import Any

import pytest

from pm.rules.facts import FactsError
from pm.rules.journal import Entry
from tests.pure.rules_events import (
    EQUITY,
    FUTURE,
    INVERSE,
    OPTION,
    SPOT,
    Journal,
    changes,
    contributions,
    effects,
    figures,
    legs,
)

FIGURES = ("quantity", "cost", "realized_pnl")


def settle(journal: Journal, price: str, terms: dict[str, Any] = FUTURE, **facts: Any) -> Entry:
    return journal.life("settlement", terms, **({"price": price} | facts))


def test_a_daily_settlement_pays_the_gain_and_moves_the_cost() -> None:
    journal = Journal()
    journal.fill("2", "100", terms=FUTURE)

    entry = settle(journal, "105")

    assert figures(journal.position(FUTURE), *FIGURES) == ["2", "2100", "100"]
    assert (legs(entry), journal.total("USDT")) == ([], "100")
    assert entry.effects == (
        '[{"type":"settle","position":"7:binance.future.BTCUSDT","amount":"100"}]'
    )
    assert contributions(entry)[0]["realized_pnl"] == "100"
    assert "quantity" not in contributions(entry)[0]
    assert journal.differences() == []


def test_daily_settlements_add_up_to_what_closing_would_have_realized() -> None:
    journal = Journal()
    journal.fill("2", "100", terms=FUTURE)
    for price in ("105", "90", "120"):
        settle(journal, price)

    journal.fill("-2", "110", terms=FUTURE)

    assert figures(journal.position(FUTURE), *FIGURES) == ["0", "0", "200"]
    assert journal.total("USDT") == "200"
    assert journal.differences() == []


def test_a_settlement_without_a_gain_is_told_all_the_same() -> None:
    journal = Journal()
    journal.fill("2", "100", terms=FUTURE)

    entry = settle(journal, "100")

    assert effects(entry)[0]["amount"] == "0"
    assert [row["type"] for row in changes(entry)] == ["position_modified"]
    assert (changes(entry, "balance"), entry.contribution) == ([], "")


def test_the_final_settlement_closes_at_its_price() -> None:
    journal = Journal()
    journal.fill("2", "100", terms=FUTURE)
    journal.fill("-1", "100", terms=FUTURE, strategy="8")

    entry = settle(journal, "105", final="1")

    assert legs(entry) == [
        ["-2", "-2100", "7:binance.future.BTCUSDT"],
        ["1", "1050", "8:binance.future.BTCUSDT"],
    ]
    assert [each["trip"] for each in contributions(entry)] == ["won", "lost"]
    assert figures(journal.position(FUTURE, "8"), *FIGURES, "total_trades") == [
        "0",
        "0",
        "-50",
        "1",
    ]
    assert (journal.total("USDT"), entry.effects) == ("50", "[]")
    assert journal.differences() == []


def test_an_inverse_future_settles_in_its_coin() -> None:
    journal = Journal()
    journal.fill("1000", "50000", terms=INVERSE)

    settle(journal, "40000", INVERSE)

    assert figures(journal.position(INVERSE), *FIGURES) == ["1000", "-0.25", "-0.05"]
    assert journal.total("BTC") == "-0.05"
    assert journal.differences() == []


@pytest.mark.parametrize(
    ("terms", "price", "outcome"),
    [
        (SPOT, "1", ("refused", "not_a_future")),
        (OPTION, "1", ("refused", "not_a_future")),
        (INVERSE, "0", ("refused", "price_missing")),
        (FUTURE, "0", ("applied", "")),
    ],
)
def test_what_can_be_settled(terms: dict[str, Any], price: str, outcome: tuple[str, str]) -> None:
    journal = Journal()
    journal.hold("1", "100" if terms is not INVERSE else "-100", terms)

    entry = settle(journal, price, terms)

    assert (entry.result, entry.reason) == outcome


@pytest.mark.parametrize("kind", ["settlement", "expiry", "exercise"])
def test_what_nobody_holds_is_noted(kind: str) -> None:
    terms = OPTION if kind == "exercise" else FUTURE

    entry = Journal().life(kind, terms, price="1", intrinsic="1")

    assert (entry.result, entry.reason) == ("noted", "no_position")


def test_options_that_expire_lose_their_premium_and_move_nothing() -> None:
    journal = Journal()
    journal.fill("2", "5", terms=OPTION)
    journal.fill("-1", "4", terms=OPTION, strategy="8")

    entry = journal.life("expiry", OPTION)

    assert legs(entry) == [["-2", "0", "7:deribit.option.BTC"], ["1", "0", "8:deribit.option.BTC"]]
    assert figures(journal.position(OPTION), *FIGURES) == ["0", "0", "-1000"]
    assert figures(journal.position(OPTION, "8"), *FIGURES) == ["0", "0", "400"]
    assert changes(entry, "balance") == []
    assert [each["trip"] for each in contributions(entry)] == ["lost", "won"]
    assert journal.differences() == []


def test_an_expiry_takes_what_was_held_or_what_it_was_worth() -> None:
    journal = Journal()
    journal.fill("2", "100", terms=EQUITY)
    journal.fill("1", "100", terms=FUTURE)

    journal.life("expiry", EQUITY)
    journal.life("expiry", FUTURE, strategy="7")

    assert (journal.total("ACME"), journal.total("USDT")) == ("0", "-1000")
    assert journal.differences() == []


def exercise(journal: Journal, **facts: Any) -> Entry:
    return journal.life("exercise", OPTION, **facts)


def test_an_exercise_for_cash_pays_the_intrinsic_value_to_the_long_from_the_short() -> None:
    journal = Journal()
    journal.fill("2", "5", terms=OPTION)
    journal.fill("-1", "4", terms=OPTION, strategy="8")

    entry = exercise(journal, intrinsic="7")

    assert legs(entry) == [
        ["-2", "-1400", "7:deribit.option.BTC"],
        ["1", "700", "8:deribit.option.BTC"],
    ]
    assert figures(journal.position(OPTION), *FIGURES) == ["0", "0", "400"]
    assert figures(journal.position(OPTION, "8"), *FIGURES) == ["0", "0", "-300"]
    # premiums -1000 and +400, then 1400 - 700
    assert journal.total("USDT") == "100"
    assert journal.differences() == []


UNDERLYING = {"underlying": SPOT | {"location": "vault", "chain_id": "1"}, "strike": "60"}


@pytest.mark.parametrize(
    ("quantity", "option_type", "delivered", "paid"),
    [
        ("2", "call", "200", "12000"),
        ("2", "put", "-200", "-12000"),
        ("-2", "call", "-200", "-12000"),
        ("-2", "put", "200", "12000"),
    ],
)
def test_a_physical_exercise_delivers_at_the_strike(
    quantity: str, option_type: str, delivered: str, paid: str
) -> None:
    journal = Journal()
    journal.hold(quantity, quantity + "00", OPTION)

    entry = exercise(journal, option_type=option_type, **UNDERLYING)

    returned = quantity[1:] if quantity[0] == "-" else "-" + quantity
    assert legs(entry) == [
        [returned, "0", "7:deribit.option.BTC"],
        [delivered, paid, "7:binance.coin.BTCUSDT"],
    ]
    assert figures(journal.position(OPTION), "quantity", "cost") == ["0", "0"]
    assert figures(journal.position(), *FIGURES, "total_trades", "location", "chain_id") == [
        delivered,
        paid,
        "0",
        "0",
        "vault",
        "1",
    ]
    assert journal.total("BTC") == delivered
    assert journal.total("USDT") == (paid[1:] if paid[0] == "-" else "-" + paid)
    assert [each["instrument"] for each in contributions(entry)] == [
        "deribit.option.BTC",
        "binance.coin.BTCUSDT",
    ]
    assert journal.differences() == []


def test_an_underlying_future_is_delivered_without_money_but_what_it_realizes() -> None:
    journal = Journal()
    journal.hold("1", "100", OPTION)
    journal.hold("-60", "-30000", FUTURE)

    entry = exercise(journal, underlying=FUTURE, strike="40", option_type="call")

    # 100 come at 40·10 each: 60 of them close what was short at 500 each
    assert legs(entry)[1] == ["100", "40000", "7:binance.future.BTCUSDT"]
    assert figures(journal.position(FUTURE), *FIGURES) == ["40", "16000", "6000"]
    assert [row["token"] for row in changes(entry, "balance")] == ["USDT"]
    assert journal.total("USDT") == "6000"
    assert journal.differences() == []


@pytest.mark.parametrize(("quantity", "left"), [("1", "2"), ("3", "0"), ("5", "0")])
def test_an_assignment_may_be_partial(quantity: str, left: str) -> None:
    journal = Journal()
    journal.hold("-3", "-300", OPTION)
    journal.hold("-3", "-300", OPTION, strategy="8")

    exercise(journal, intrinsic="0", strategy="7", quantity=quantity)

    assert journal.position(OPTION)["quantity"] == (f"-{left}" if left != "0" else "0")
    assert journal.position(OPTION, "8")["quantity"] == "-3"
    assert journal.differences() == []


def test_what_cannot_be_exercised_is_refused() -> None:
    journal = Journal()
    journal.hold("1", "100", OPTION)

    no_option = journal.life("exercise", FUTURE, intrinsic="1")
    nobodys = exercise(journal, intrinsic="1", quantity="1")

    assert [entry.reason for entry in (no_option, nobodys)] == [
        "not_an_option",
        "strategy_missing",
    ]
    with pytest.raises(FactsError, match="neither call nor put"):
        exercise(journal, option_type="both", **UNDERLYING)
