"""Busts, corrections and adjustments: their tables, and the facts of them."""

from __future__ import annotations

from typing import Any

import pytest

from pm.events.lines import parse_line
from pm.events.model import Adjustment, Bust, Correct, EventError, Fee
from tests.pure.event_tables import TIME, facts_of, line

WHO = {"by": "anna", "why": "mistyped"}
BUST: dict[str, Any] = {
    "kind": "bust",
    "event_id": "C1",
    "execution_id": "T1",
    "order_id": "O1",
    "venue": "v",
    "executed_at": TIME,
    **WHO,
}
CORRECT = {**BUST, "kind": "correct", "side": "sell", "quantity": "2", "price": "90"}
ADJUSTMENT: dict[str, Any] = {
    "kind": "adjustment",
    "event_id": "J1",
    "executed_at": TIME,
    "token": "USDT",
    "amount": "-2.50",
    "venue": "v",
    **WHO,
}
LEG = {"strategy_id": 7, "instrument": "v.coin", "quantity": "-1", "cost": "-100"}


def test_what_is_told_is_taken_as_it_stands() -> None:
    assert parse_line(line(BUST)) == Bust("C1", "T1", "O1", "v", TIME, "anna", "mistyped")
    assert parse_line(line({**BUST, "keep_fees": True})).keep_fees  # type: ignore[union-attr]
    assert parse_line(line(CORRECT)) == Correct(
        "C1", "T1", "O1", "v", TIME, "anna", "mistyped", quantity="-2", price="90"
    )
    fees = [{"token": "BNB", "amount": "0.1"}]
    told = parse_line(line({**BUST, "kind": "correct", "fees": fees}))
    assert told == Correct(
        "C1", "T1", "O1", "v", TIME, "anna", "mistyped", fees=(Fee("BNB", "0.1"),)
    )
    assert parse_line(line(ADJUSTMENT)) == Adjustment(
        "J1", TIME, "anna", "mistyped", token="USDT", amount="-2.5", venue="v"
    )


def test_no_fees_are_not_fees_left_out() -> None:
    told = parse_line(line({**BUST, "kind": "correct", "fees": []}))
    assert isinstance(told, Correct)
    assert told.fees == ()


@pytest.mark.parametrize(
    ("table", "changes", "fault"),
    [
        (BUST, {"by": ...}, "bust: by: is missing"),
        (BUST, {"why": ...}, "bust: why: is missing"),
        (BUST, {"why": "  "}, "bust: why: is empty"),
        (BUST, {"why": "x" * 501}, "bust: why: has 501 characters, at most 500 are accepted"),
        (BUST, {"why": "a\x00b"}, "bust: why: must be printable, not 'a\\x00b'"),
        (BUST, {"quantity": "1"}, "bust: quantity: is not a known key"),
        (
            BUST,
            {"kind": "correct"},
            "correct: quantity: is missing, or price, quote_amount or fees",
        ),
        (CORRECT, {"quantity": "0"}, "correct: quantity: must not be 0, that is a bust"),
        (CORRECT, {"quantity": ...}, "correct: side: needs a quantity beside it"),
        (CORRECT, {"fees": [{"amount": "1"}]}, "correct: fees[0].token: is missing"),
        (ADJUSTMENT, {"amount": ...}, "adjustment: amount: is missing beside token"),
        (ADJUSTMENT, {"amount": "0"}, "adjustment: amount: must not be 0"),
        (ADJUSTMENT, {**LEG, "cost": ...}, "adjustment: cost: is missing beside strategy_id"),
        (ADJUSTMENT, {**LEG, "quantity": "0"}, "adjustment: quantity: must not be 0"),
        (
            ADJUSTMENT,
            {"token": ..., "amount": ...},
            "adjustment: token: is missing, or strategy_id, instrument, quantity and cost",
        ),
    ],
)
def test_a_bad_table_is_refused_by_the_key(
    table: dict[str, Any], changes: dict[str, Any], fault: str
) -> None:
    with pytest.raises(EventError) as raised:
        parse_line(line(table, **changes))
    assert str(raised.value) == fault


def test_the_facts_name_the_execution_as_its_fill_does() -> None:
    told = facts_of(BUST, order_date="2023-11-14", strategy_id=7)
    assert told["execution"] == "v/O1.2023-11-14/T1"
    assert (told["correction"], told["id"], told["of_strategy"]) == ("C1", "event/C1", "7")
    # What the books keep of an order or a strategy is not touched by asking.
    assert not {"order", "strategy", "venue"} & told.keys()


def test_free_text_needs_no_quoting_and_keeps_its_letters() -> None:
    told = facts_of(BUST, by="Zoë", why='a "b" \\ c')
    assert (told["by"], told["why"]) == ("Zoë", "a 'b' / c")


def test_an_adjustment_is_placed_like_a_deposit() -> None:
    told = facts_of(ADJUSTMENT, **LEG, break_id="B1")
    assert (told["location"], told["chain_id"], told["break"]) == ("v", "0", "B1")
    assert (told["quantity"], told["cost"], told["amount"]) == ("-1", "-100", "-2.5")
