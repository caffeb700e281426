"""Reservations: what orders hold back, what their news free, and what is declined."""

import json

import pytest

from pm.rules.journal import Entry
from tests.pure.rules_events import Journal, changes, effects, figures

KEY = "binance:USDT"


def funded(amount: str = "1000") -> Journal:
    journal = Journal()
    journal.deposit("USDT", amount, strategy=None, instrument=None)
    return journal


def reservation(journal: Journal, key: str = KEY) -> list[str] | None:
    rows: dict[str, list[str]] = json.loads(journal.order()["reservations"])
    return rows.get(key)


def fill(journal: Journal, quantity: str, price: str, **facts: object) -> Entry:
    return journal.fill(quantity, price, **({"order": "binance:O1"} | facts))


def test_a_better_price_than_reserved_for_is_free_at_once() -> None:
    journal = funded()
    journal.reserve("USDT", "200", quantity="2")
    assert journal.balance("USDT") == ["800", "200", "1000"]

    entry = fill(journal, "1", "95", fees=[["USDT", "0.1", "trading"]])

    assert journal.balance("USDT") == ["804.9", "100", "904.9"]
    assert [row["token"] for row in changes(entry, "balance")] == ["BTC", "USDT"]
    assert changes(entry, "balance")[1]["new"] == {
        "available": "804.9",
        "reserved": "100",
        "total": "904.9",
    }
    assert journal.differences() == []


def test_a_reservation_is_a_change_of_its_balance_and_an_order_of_its_own() -> None:
    journal = funded()

    entry = journal.reserve("USDT", "200", quantity="2", chain_id="0")

    assert json.loads(entry.changes) == [
        {
            "type": "balance_changed",
            "location": "binance",
            "chain_id": "0",
            "token": "USDT",
            "old": {"available": "1000", "reserved": "0", "total": "1000"},
            "new": {"available": "800", "reserved": "200", "total": "1000"},
        }
    ]
    assert entry.order == (
        '{"key":"binance:O1","strategy":"7","instrument":"","status":"","quantity":"0",'
        '"notional":"0","fees":{},"fill_quantity":"0","result_quantity":"0","result_fees":"0",'
        '"filled_at":"","reservations":{"binance:USDT":["200","200","2","2","0"]}}'
    )
    assert (entry.result, entry.legs, entry.effects, entry.contribution) == (
        "applied",
        "[]",
        "[]",
        "",
    )
    assert journal.hash("reservations") == {".": "0", "binance:O1": "1700000002000"}


def test_what_is_not_there_is_declined_and_may_be_asked_for_again() -> None:
    journal = funded("100")
    before = journal.book.expected_state()

    entry = journal.reserve("USDT", "101", id="event/V")

    assert (entry.result, entry.reason) == ("declined", "insufficient_balance")
    assert effects(entry) == [{"type": "declined", "requested": "101", "available": "100"}]
    assert (entry.changes, entry.order) == ("[]", "")
    after = journal.book.expected_state()
    moved = {"book"} | {key for key in after if after[key] != before.get(key)}
    assert (moved, journal.hash("book")["declined"]) == ({"book"}, "1")

    journal.deposit("USDT", "1", strategy=None, instrument=None)

    assert journal.reserve("USDT", "101", id="event/V").result == "applied"
    assert journal.reserve("USDT", "101", id="event/V").result == "duplicate"


def test_only_what_other_orders_leave_is_available() -> None:
    journal = funded()
    journal.reserve("USDT", "700")

    entry = journal.reserve("USDT", "301", order="binance:O2")

    assert effects(entry) == [{"type": "declined", "requested": "301", "available": "300"}]
    assert journal.reserve("BTC", "1").result == "declined"


@pytest.mark.parametrize("status", ["filled", "cancelled", "rejected", "expired"])
def test_the_end_of_an_order_frees_all_and_declines_more(status: str) -> None:
    journal = funded()
    journal.deposit("BNB", "1", strategy=None, instrument=None)
    journal.reserve("USDT", "200", quantity="2")
    journal.reserve("BNB", "1")

    entry = journal.event("order_status", order="binance:O1", status=status)

    assert entry.result == "applied"
    assert [row["token"] for row in changes(entry, "balance")] == ["BNB", "USDT"]
    assert journal.balance("USDT") == ["1000", "0", "1000"]
    assert journal.order()["reservations"] == "{}"
    assert journal.hash("reservations") == {".": "0"}

    late = journal.reserve("USDT", "1")

    assert (late.result, late.reason, late.effects) == ("declined", "order_ended", "[]")


def test_an_order_that_has_executed_its_quantity_reserves_no_more() -> None:
    journal = funded()
    fill(journal, "2", "10")

    assert journal.reserve("USDT", "1", quantity="2").reason == "order_ended"
    assert journal.reserve("USDT", "1", quantity="2.1").result == "applied"
    assert reservation(journal) == ["1", "1", "2.1", "0.1", "0"]


def test_a_status_is_merely_noted_when_it_frees_nothing() -> None:
    journal = funded()
    journal.reserve("USDT", "200")

    entry = journal.event("order_status", order="binance:O1", status="working")

    assert (entry.result, entry.changes) == ("noted", "[]")
    assert journal.hash("reservations")["binance:O1"] == "1700000003000"


def test_a_report_that_covers_nothing_new_is_applied_when_it_frees() -> None:
    journal = funded()
    journal.reserve("USDT", "300", quantity="3")
    fill(journal, "2", "100")
    assert reservation(journal) == ["300", "100", "3", "3", "0"]

    entry = journal.result("filled", "2", "100")

    assert (entry.result, entry.reason, entry.legs) == ("applied", "", "[]")
    assert journal.balance("USDT") == ["800", "0", "800"]


def test_a_covered_fill_leaves_what_is_reserved() -> None:
    journal = funded()
    journal.result("partial", "1", "100")
    journal.reserve("USDT", "100", quantity="2")

    entry = fill(journal, "1", "100")

    assert (entry.result, entry.changes) == ("covered", "[]")
    assert reservation(journal) == ["100", "100", "2", "1", "0"]


def test_without_the_orders_quantity_what_was_spent_is_freed() -> None:
    journal = funded()
    journal.reserve("USDT", "200")

    fill(journal, "1", "90", fees=[["USDT", "1", "trading"]])
    assert journal.balance("USDT") == ["800", "109", "909"]

    fill(journal, "2", "60")
    assert journal.balance("USDT") == ["789", "0", "789"]
    assert reservation(journal) is None
    assert journal.differences() == []


def test_what_comes_in_spends_nothing() -> None:
    journal = funded()
    journal.reserve("USDT", "200")

    fill(journal, "-1", "90")

    assert journal.balance("USDT") == ["890", "200", "1090"]


def test_more_for_an_order_counts_from_what_is_left_of_both() -> None:
    journal = funded()
    journal.reserve("USDT", "400", quantity="4")
    fill(journal, "1", "100")

    journal.reserve("USDT", "30")
    assert reservation(journal) == ["330", "330", "4", "3", "0"]

    fill(journal, "1", "100")
    assert reservation(journal) == ["330", "220", "4", "3", "0"]


def test_a_share_that_does_not_end_is_rounded_half_even_at_eighteen_decimals() -> None:
    journal = funded()
    journal.reserve("USDT", "100", quantity="3")

    fill(journal, "1", "1")

    assert reservation(journal) == ["100", "66.666666666666666667", "3", "3", "0"]


def test_an_overfill_frees_the_whole_reservation() -> None:
    journal = funded()
    journal.reserve("USDT", "100", quantity="1")

    entry = fill(journal, "5", "10")

    assert journal.balance("USDT") == ["950", "0", "950"]
    assert json.loads(entry.order)["reservations"] == {}


def test_only_the_orders_own_reservation_is_consumed() -> None:
    journal = funded()
    journal.reserve("USDT", "100")
    journal.reserve("USDT", "100", order="binance:O2")

    fill(journal, "1", "60")

    assert journal.balance("USDT") == ["800", "140", "940"]


def test_a_cumulative_report_consumes_like_fills() -> None:
    journal = funded()
    journal.reserve("USDT", "200", quantity="2")

    journal.result("partial", "0.5", "100")
    assert journal.balance("USDT") == ["800", "150", "950"]

    journal.result("cancelled", "0.5", "100")
    assert journal.balance("USDT") == ["950", "0", "950"]


def test_a_release_gives_back_a_part_or_all() -> None:
    journal = funded()
    journal.reserve("USDT", "200", quantity="2")

    part = journal.event("release", {}, order="binance:O1", token="USDT", amount="50")
    assert (part.result, journal.balance("USDT")) == ("applied", ["850", "150", "1000"])
    assert reservation(journal) == ["200", "150", "2", "2", "0"]

    journal.event("release", {}, order="binance:O1", token="USDT", amount="1000")
    assert journal.balance("USDT") == ["1000", "0", "1000"]

    again = journal.event("release", {}, order="binance:O1", token="USDT")
    unknown = journal.event("release", {}, order="binance:O9", token="USDT")
    assert [(entry.result, entry.reason) for entry in (again, unknown)] == [
        ("noted", "nothing_reserved"),
        ("noted", "nothing_reserved"),
    ]


def test_an_order_learns_its_strategy_from_what_tells_it_first() -> None:
    journal = funded()
    journal.reserve("USDT", "10", strategy=None)
    assert journal.order()["strategy"] == ""

    nameless = journal.event("order_status", {}, strategy=None, order="binance:O1", status="new")
    assert (nameless.result, nameless.reason) == ("refused", "unknown_order")

    fill(journal, "1", "1")
    assert figures(journal.order(), "strategy", "instrument", "status") == [
        "7",
        "binance.coin.BTCUSDT",
        "open",
    ]
    other = journal.reserve("USDT", "1", strategy="8")
    assert (other.result, other.reason) == ("refused", "order_mismatch")
    assert journal.reserve("USDT", "1", strategy=None).result == "applied"


def test_a_reservation_lies_where_it_was_made() -> None:
    journal = Journal()
    there = {"location": "ethereum", "chain_id": "1"}
    journal.deposit("USDT", "100", strategy=None, instrument=None, **there)
    journal.reserve("USDT", "40", **there)

    entry = fill(journal, "1", "30")

    assert changes(entry, "balance")[1]["location"] == "binance"
    assert journal.balance("USDT", "ethereum") == ["60", "40", "100"]

    journal.event("rejected", order="binance:O1")
    assert journal.balance("USDT", "ethereum") == ["100", "0", "100"]
    assert journal.hash("chain:1") == {"ethereum:USDT": "0"}
    assert journal.differences() == []
