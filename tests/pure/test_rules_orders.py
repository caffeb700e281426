"""Orders: fills and cumulative reports of one order add up once, in whatever order they come."""

from itertools import permutations
from typing import Any

import pytest

from pm.rules.journal import Entry
from tests.pure.rules_events import Journal, changes, contribution, figures, legs

FEE = "0.1"


def usdt(amount: str) -> list[list[str]]:
    return [["USDT", amount, "trading"]]


def fill(journal: Journal, quantity: str, price: str, **facts: Any) -> Entry:
    return journal.fill(quantity, price, order="binance:O1", **facts)


def test_a_fill_opens_its_order() -> None:
    journal = Journal()

    entry = fill(journal, "1", "100", fees=usdt(FEE))

    assert entry.order == (
        '{"key":"binance:O1","strategy":"7","instrument":"binance.coin.BTCUSDT","status":"open",'
        '"quantity":"1","notional":"100","fees":{"USDT":"0.1"},"fill_quantity":"1",'
        '"result_quantity":"0","result_fees":"0","filled_at":"1700000001000000000",'
        '"reservations":{}}'
    )


def test_a_report_after_a_fill_adds_only_the_difference() -> None:
    journal = Journal()
    fill(journal, "1", "100", fees=usdt(FEE))

    entry = journal.result("filled", "3", "110", fees=usdt("0.5"))

    assert legs(entry) == [["2", "230"]]
    assert contribution(entry)["fees"] == {"USDT": "0.4"}
    assert figures(journal.order(), "quantity", "notional", "fees", "status") == [
        "3",
        "330",
        '{"USDT":"0.5"}',
        "filled",
    ]


def test_a_fill_after_a_report_that_covers_it_adds_nothing() -> None:
    journal = Journal()
    journal.result("filled", "3", "110", fees=usdt("0.5"))

    entry = fill(journal, "3", "111", fees=usdt("0.6"))

    assert (entry.result, legs(entry), changes(entry), entry.contribution) == (
        "covered",
        [],
        [],
        "",
    )
    assert figures(journal.order(), "quantity", "notional", "fill_quantity") == ["3", "330", "3"]


def test_a_covered_fill_still_brings_its_fee_when_no_report_stated_any() -> None:
    journal = Journal()
    journal.result("filled", "3", "110")

    entry = fill(journal, "3", "111", fees=usdt("0.6"))

    assert (entry.result, legs(entry)) == ("applied", [])
    assert changes(entry)[0]["type"] == "position_modified"
    assert figures(journal.position(), "quantity", "fee_value", "total_trades") == ["3", "0.6", "1"]
    assert "trade_count" not in contribution(entry)


def test_a_partly_covered_fill_adds_its_share_of_notional_and_fees() -> None:
    journal = Journal()
    journal.result("partial", "2", "101", fees=usdt("0.2"))

    entry = fill(journal, "3", "100", fees=usdt("1"))

    assert legs(entry) == [["1", "100"]]
    assert contribution(entry)["fees"] == {"USDT": "0.333333333333333333"}
    assert figures(journal.order(), "quantity", "notional") == ["3", "302"]


def test_a_partly_covered_fill_brings_its_whole_fee_when_no_report_stated_any() -> None:
    journal = Journal()
    journal.result("partial", "2", "101")

    entry = fill(journal, "3", "100", fees=usdt("1"))

    assert contribution(entry)["fees"] == {"USDT": "1"}


def test_a_sell_is_covered_like_a_buy() -> None:
    journal = Journal()
    journal.result("partial", "-2", "101")

    entry = fill(journal, "-3", "100")

    assert legs(entry) == [["-1", "-100"]]
    assert figures(journal.order(), "quantity", "notional") == ["-3", "-302"]


def test_a_report_of_known_quantity_with_other_fees_changes_fees_alone() -> None:
    journal = Journal()
    fill(journal, "1", "100", fees=usdt("0.5"))

    entry = journal.result("filled", "1", "100", fees=usdt("0.3"))

    assert (entry.result, legs(entry)) == ("applied", [])
    assert contribution(entry) == {
        "strategy": "7",
        "day": "2023-11-14",
        "venue": "binance",
        "instrument": "binance.coin.BTCUSDT",
        "base": "BTC",
        "quote": "USDT",
        "settlement": "USDT",
        "fees": {"USDT": "-0.2"},
        "fee_value": "-0.2",
    }
    assert journal.total("USDT") == "-100.3"


def test_a_differing_notional_at_known_quantity_is_ignored() -> None:
    journal = Journal()
    fill(journal, "3", "33.3333")

    entry = journal.result("filled", "3", "33.33")

    assert entry.result == "covered"
    assert figures(journal.order(), "notional", "status") == ["99.9999", "filled"]


def test_a_report_that_states_no_fees_leaves_those_of_the_fills() -> None:
    journal = Journal()
    fill(journal, "1", "100", fees=usdt(FEE))

    entry = journal.result("filled", "2", "100")

    assert "fees" not in contribution(entry)
    assert figures(journal.order(), "fees", "result_fees") == ['{"USDT":"0.1"}', "0"]


def test_a_token_a_report_does_not_state_keeps_its_fees() -> None:
    journal = Journal()
    fill(journal, "1", "100", fees=[["ETH", "0.01", "gas"], ["USDT", "0.1", "trading"]])

    journal.result("filled", "1", "100", fees=usdt("0.3"))

    assert journal.order()["fees"] == '{"ETH":"0.01","USDT":"0.3"}'


def test_fees_stated_as_none_count_as_stated() -> None:
    journal = Journal()
    journal.result("partial", "1", "100", fees=[])

    entry = fill(journal, "1", "100", fees=usdt(FEE))

    assert entry.result == "covered"


def test_a_stale_report_of_an_end_changes_only_the_status() -> None:
    journal = Journal()
    fill(journal, "2", "100")

    entry = journal.result("cancelled", "1", "90", fees=usdt("5"))

    assert (entry.result, changes(entry), entry.contribution) == ("applied", [], "")
    assert figures(journal.order(), "status", "quantity", "result_quantity", "fees") == [
        "cancelled",
        "2",
        "0",
        "{}",
    ]


@pytest.mark.parametrize(
    ("events", "status"),
    [
        (["partial"], "partial"),
        (["partial", "filled"], "filled"),
        (["filled", "partial"], "filled"),
        (["cancelled", "partial"], "cancelled"),
        (["partial", "cancelled"], "cancelled"),
        (["cancelled", "filled"], "filled"),
    ],
)
def test_a_final_status_is_not_replaced_by_partial(events: list[str], status: str) -> None:
    journal = Journal()
    for result in events:
        journal.result(result, "1", "100")

    assert journal.order()["status"] == status


def test_a_late_fill_of_a_cancelled_order_applies() -> None:
    journal = Journal()
    journal.result("cancelled", "0")

    entry = fill(journal, "1", "100")

    assert entry.result == "applied"
    assert figures(journal.order(), "status", "quantity") == ["cancelled", "1"]


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_fills_and_reports_give_one_quantity_and_one_fee_in_every_order(
    order: tuple[int, ...],
) -> None:
    journal = Journal()

    for step in order:
        match step:
            case 0:
                fill(journal, "1", "100", fees=usdt("0.1"))
            case 1:
                fill(journal, "2", "103", fees=usdt("0.2"))
            case 2:
                journal.result("partial", "1", "100", fees=usdt("0.1"))
            case 3:
                journal.result("filled", "3", "102", fees=usdt("0.3"))

    held = journal.position()
    assert figures(held, "quantity", "fee_value") == ["3", "0.3"]
    assert held["cost"] == journal.order()["notional"]
    assert journal.order()["status"] == "filled"
    assert journal.differences() == []


def test_an_order_counts_as_filled_once_with_its_latency() -> None:
    journal = Journal()

    first = fill(journal, "1", "100", decided_at="1700000000999999000")
    second = fill(journal, "1", "100", decided_at="1700000000999999000")

    assert (contribution(first)["order"], contribution(first)["latency_ns"]) == ("filled", "1000")
    assert "order" not in contribution(second)
    assert "latency_ns" not in contribution(second)


def test_a_decision_after_the_execution_has_no_latency() -> None:
    entry = fill(Journal(), "1", "100", decided_at="1700000009000000000")

    assert contribution(entry)["order"] == "filled"
    assert "latency_ns" not in contribution(entry)


def test_a_rejection_counts_once_and_pays_its_gas() -> None:
    journal = Journal()
    gas = [["ETH", "0.01", "gas"]]

    first = journal.event("rejected", order="binance:O1", fees=gas)
    again = journal.event("rejected", order="binance:O1")
    reported = journal.result("rejected", "0", fees=gas)

    assert contribution(first)["order"] == "rejected"
    assert contribution(first)["failed_fees"] == {"ETH": "0.01"}
    assert (again.result, again.contribution) == ("applied", "")
    assert (reported.result, reported.contribution) == ("applied", "")
    assert journal.total("ETH") == "-0.01"
    assert journal.hash("positions").keys() == {"."}


def test_a_rejection_after_a_fill_is_no_rejected_order() -> None:
    journal = Journal()
    fill(journal, "1", "100")

    entry = journal.event("rejected", order="binance:O1")

    assert entry.contribution == ""
    assert journal.order()["status"] == "rejected"


@pytest.mark.parametrize("result", ["rejected", "cancelled"])
def test_fees_of_a_report_of_an_unfilled_end_are_failed_fees(result: str) -> None:
    journal = Journal()

    entry = journal.result(result, "0", fees=[["ETH", "0.01", "gas"]])

    assert contribution(entry)["failed_fees"] == {"ETH": "0.01"}
    assert contribution(entry)["order"] == result
    assert changes(entry) == []
    assert journal.order()["fees"] == '{"ETH":"0.01"}'


def test_fees_of_a_rejected_order_with_executions_belong_to_its_position() -> None:
    journal = Journal()
    fill(journal, "1", "100", fees=usdt(FEE))

    entry = journal.result("rejected", "1", "100", fees=usdt("0.4"))

    assert contribution(entry)["fees"] == {"USDT": "0.3"}
    assert journal.position()["fee_value"] == "0.4"


def test_an_unfilled_cancel_counts_once_however_it_is_told() -> None:
    journal = Journal()

    entries = [
        journal.event("order_status", order="binance:O1", status="cancelled"),
        journal.result("cancelled", "0"),
        journal.event("order_status", order="binance:O1", status="cancelled"),
    ]

    assert [contribution(entry).get("order") for entry in entries] == ["cancelled", None, None]
    assert [entry.result for entry in entries] == ["applied", "applied", "noted"]


def test_a_cancel_after_a_fill_is_no_cancelled_order() -> None:
    journal = Journal()
    fill(journal, "1", "100")

    assert journal.result("cancelled", "1", "100").contribution == ""


def test_a_status_is_noted_kept_and_never_replaces_a_final_one() -> None:
    journal = Journal()

    noted = journal.event("order_status", order="binance:O1", status="new")
    assert (noted.result, noted.reason, journal.order()["status"]) == ("noted", "", "new")

    journal.event("order_status", order="binance:O1", status="expired")
    journal.event("order_status", order="binance:O1", status="new")

    assert journal.order()["status"] == "expired"


def test_a_status_with_fees_is_applied() -> None:
    journal = Journal()

    entry = journal.event(
        "order_status", order="binance:O1", status="new", fees=[["ETH", "0.01", "gas"]]
    )

    assert entry.result == "applied"
    assert contribution(entry)["failed_fees"] == {"ETH": "0.01"}


def test_a_fill_without_an_order_is_whole_and_counts_no_order() -> None:
    journal = Journal()

    entry = journal.fill("1", "100")

    assert (entry.order, legs(entry)) == ("", [["1", "100"]])
    assert "order" not in contribution(entry)


def test_an_order_learns_its_instrument_from_the_first_event_that_names_one() -> None:
    journal = Journal()
    journal.event("order_status", terms={}, order="binance:O1", status="new")
    assert journal.order()["instrument"] == ""

    fill(journal, "1", "100")

    assert journal.order()["instrument"] == "binance.coin.BTCUSDT"
