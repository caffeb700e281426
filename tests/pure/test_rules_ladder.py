"""The ladder of decisions: which reason wins, and what each leaves behind."""

from typing import Any

import pytest

from pm.rules.facts import FactsError
from tests.pure.rules_events import SPOT, STARTED_NS, Journal, changes

OLD = {"executed_at": str(STARTED_NS + 1), "received_at": str(STARTED_NS + 2)}
WRONG_STRATEGY = {"order": "binance:O1", "strategy": "8"}
WRONG_INSTRUMENT = {"order": "binance:O1", "instrument": "binance.coin.ETHUSDT"}
NAMELESS = {"strategy": None, "instrument": None}


def busy_journal() -> Journal:
    """Order O1 of strategy 7 bought 1; the horizon stands after the first ids."""
    journal = Journal(generation_size=2)
    journal.fill("1", "100", order="binance:O1", id="binance/O1/T1")
    for number in range(4):
        journal.fill("1", "100", id=f"binance/O2/T{number}")
    return journal


# Each row breaks the rung it is named for and every later one that it can.
LADDER: list[tuple[str, dict[str, Any], str, str]] = [
    ("quarantined", {"reason": "bad_crc", "id": "binance/O2/T3", **OLD}, "refused", "bad_crc"),
    ("nothing", {"id": "binance/O2/T3", **OLD}, "noted", "nothing"),
    ("reference", {"version": "9", "id": "binance/O2/T3", **OLD}, "applied", ""),
    ("fill", {"id": "binance/O2/T3", **OLD, **WRONG_STRATEGY}, "duplicate", ""),
    ("fill", {"id": "binance/O2/T1", **WRONG_STRATEGY}, "duplicate", ""),
    ("fill", {**OLD, **WRONG_STRATEGY}, "refused", "older_than_horizon"),
    ("deposit", {"token": "BTC", "amount": "1", **OLD}, "refused", "older_than_horizon"),
    ("fill", {"quantity": "-1", **WRONG_STRATEGY}, "refused", "order_mismatch"),
    ("fill", {"quantity": "1", **WRONG_INSTRUMENT}, "refused", "order_mismatch"),
    ("rejected", {**WRONG_INSTRUMENT}, "refused", "order_mismatch"),
    ("order_status", {"status": "open", **WRONG_STRATEGY}, "refused", "order_mismatch"),
    ("fill", {"order": "binance:O9", **NAMELESS}, "refused", "unknown_order"),
    ("fill", {"quantity": "1", **NAMELESS}, "refused", "unknown_order"),
    ("rejected", {"order": "binance:O9", **NAMELESS}, "refused", "unknown_order"),
    ("fill", {"order": "binance:O1", "quantity": "-1"}, "refused", "order_mismatch"),
    ("fill", {"quantity": "1", "instrument": None}, "refused", "unknown_instrument"),
    ("execution_result", {"result": "unknown", "order": "binance:O1"}, "noted", "unknown_result"),
    (
        "execution_result",
        {"result": "filled", "order": "binance:O1", "quantity": "0.5"},
        "stale",
        "",
    ),
    (
        "execution_result",
        {"result": "filled", "order": "binance:O1", "quantity": "-0.5"},
        "stale",
        "",
    ),
    (
        "execution_result",
        {"result": "filled", "order": "binance:O1", "quantity": "-2"},
        "refused",
        "order_mismatch",
    ),
    (
        "execution_result",
        {"result": "filled", "order": "binance:O1", "quantity": "1"},
        "covered",
        "",
    ),
    (
        "execution_result",
        {"result": "cancelled", "order": "binance:O1", "quantity": "1"},
        "applied",
        "",
    ),
    ("fill", {"order": "binance:O1", "quantity": "1", "price": "100"}, "applied", ""),
]


@pytest.mark.parametrize(("kind", "facts", "result", "reason"), LADDER)
def test_the_first_rung_that_matches_decides(
    kind: str, facts: dict[str, Any], result: str, reason: str
) -> None:
    entry = busy_journal().event(kind, **facts)

    assert (entry.event, entry.result, entry.reason) == (kind, result, reason)


@pytest.mark.parametrize(
    ("kind", "facts", "result", "reason"),
    [row for row in LADDER if row[2] in ("refused", "duplicate")],
)
def test_what_has_no_effect_leaves_all_but_counters_and_cursor(
    kind: str, facts: dict[str, Any], result: str, reason: str
) -> None:
    journal = busy_journal()
    before = journal.book.expected_state()

    entry = journal.event(kind, **facts)

    after = journal.book.expected_state()
    assert (entry.legs, entry.changes, entry.order, entry.trace, entry.contribution) == (
        "[]",
        "[]",
        "",
        "",
        "",
    )
    assert {key for key in after if after[key] != before.get(key)} == {"book"}
    book, was = after["book"], before["book"]
    assert isinstance(book, dict)
    assert isinstance(was, dict)
    assert {name for name in book if book[name] != was[name]} == {
        "seq",
        "digest",
        "cursor:executions",
        result,
    }


def test_a_stale_report_leaves_order_and_position_but_is_remembered() -> None:
    journal = busy_journal()
    before = journal.book.expected_state()
    stale: dict[str, Any] = {
        "result": "filled",
        "order": "binance:O1",
        "quantity": "0.5",
        "id": "event/stale",
    }

    journal.event("execution_result", **stale)

    after = journal.book.expected_state()
    changed = {key for key in after if after[key] != before.get(key)}
    assert {key.split(":")[0] for key in changed} == {"book", "seen"}
    assert journal.event("execution_result", **stale).result == "duplicate"


def test_an_event_of_an_order_takes_strategy_instrument_and_terms_from_it() -> None:
    journal = Journal()
    journal.fill("1", "100", order="binance:O1")

    entry = journal.event(
        "execution_result",
        terms={},
        strategy=None,
        order="binance:O1",
        result="filled",
        quantity="3",
        price="110",
    )

    assert changes(entry)[0]["strategy_id"] == "7"
    assert journal.position()["quantity"] == "3"
    assert journal.total("USDT") == "-330"


def test_an_order_known_without_its_terms_is_refused_when_quantity_moves() -> None:
    journal = Journal()
    journal.event("order_status", status="open", order="binance:O1")

    entry = journal.event(
        "execution_result",
        terms={},
        strategy=None,
        order="binance:O1",
        result="filled",
        quantity="3",
        price="110",
    )

    assert (entry.result, entry.reason) == ("refused", "unknown_instrument")


@pytest.mark.parametrize(
    "facts",
    [
        {"kind": "fill", "quantity": "1"},
        {"kind": "fill", "quantity": "1", "price": "0", "inverse": "1"},
        {"kind": "execution_result", "result": "filled", "quantity": "1", "order": "binance:P1"},
    ],
)
def test_an_execution_without_a_usable_price_is_refused(facts: dict[str, Any]) -> None:
    entry = busy_journal().event(terms=SPOT, **facts)

    assert (entry.result, entry.reason) == ("refused", "price_missing")


@pytest.mark.parametrize(
    "facts",
    [
        {"kind": "fill", "quantity": "1", "price": "x"},
        {"kind": "fill", "price": "1"},
        {"kind": "fill", "quantity": "1", "price": "1", "fees": [["USDT", "?", "gas"]]},
        {"kind": "fill", "quantity": "1", "price": "1", "fees": [["USDT"]]},
        {"kind": "fill", "quantity": "1", "price": "1", "multiplier": "0"},
        {"kind": "fill", "quantity": "1", "price": "1", "base": None},
        {"kind": "fill", "quantity": "1", "price": "1", "executed_at": None},
        {"kind": "fill", "quantity": "1", "price": "1", "executed_at": "-5"},
        {"kind": "fill", "quantity": "1", "price": "1", "received_at": None},
        {"kind": "fill", "quantity": "1", "price": "1", "day": None},
        {"kind": "fill", "quantity": "1", "price": "1", "trace": {"arbitrage": "1"}},
        {"kind": "fill", "quantity": "1", "price": "1", "location": None, "venue": None},
        {"kind": "fill", "quantity": "1", "price": "1", "index": "a"},
        {"kind": "execution_result", "result": "odd", "quantity": "1", "price": "1"},
        {"kind": "order_status"},
        {"kind": "reference"},
        {"kind": "opened", "schema": "1", "name": "main"},
        {"kind": "quarantined"},
        {"kind": "marvel"},
    ],
)
def test_facts_no_rule_can_take_are_named_and_change_nothing(facts: dict[str, Any]) -> None:
    journal = busy_journal()
    before = journal.book.expected_state()

    with pytest.raises(FactsError, match=r"executions 6-0\["):
        journal.event(terms=SPOT, **facts)

    assert journal.book.expected_state() == before


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"kind":7}', "nonsense"])
def test_a_text_that_is_no_facts_is_refused(text: str) -> None:
    with pytest.raises(FactsError):
        Journal().book.apply(text)
