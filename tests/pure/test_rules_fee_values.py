"""Values of fees that become known late."""

import json
from typing import Any

from pm.rules.journal import Entry
from tests.pure.rules_events import STARTED_NS, Journal, changes, contribution, figures

BNB = [["BNB", "0.2", "trading"]]
FEE_FIGURES = ("fee_value", "fees_unvalued", "trip_fee_value")


def value(journal: Journal, amount: str = "0.2", worth: str = "60", **facts: Any) -> Entry:
    paid_at = str(STARTED_NS + 10**9)
    stated = {"token": "BNB", "amount": amount, "value": worth, "fee_executed_at": paid_at}
    return journal.event("fee_value", **(stated | facts))


def test_a_fee_gets_its_value_and_makes_the_outcome_known() -> None:
    journal = Journal()
    journal.fill("1", "100", fees=BNB)

    entry = value(journal)

    assert figures(journal.position(), *FEE_FIGURES) == ["60", "{}", "60"]
    assert figures(journal.position(), "fees_paid", "first_trade_time", "total_trades") == [
        '{"BNB":"0.2"}',
        str(STARTED_NS + 10**9),
        "1",
    ]
    assert [row["type"] for row in json.loads(entry.changes)] == ["position_modified"]
    assert figures(contribution(entry), "fee_value", "fees_unvalued") == ["60", {"BNB": "-0.2"}]
    held = journal.hash("strategy:7")
    assert figures(held, "fee_value", "fees_unvalued") == ['{"USDT":"60"}', '{"BNB":"0"}']
    assert journal.differences() == []

    assert contribution(journal.fill("-1", "159"))["trip"] == "lost"


def test_a_fee_of_an_earlier_trip_does_not_burden_the_current_one() -> None:
    journal = Journal()
    journal.fill("1", "100", fees=BNB)
    journal.fill("-1", "100")
    journal.fill("1", "100", fees=BNB)

    value(journal)
    assert figures(journal.position(), *FEE_FIGURES) == ["60", '{"BNB":"0.2"}', "0"]

    value(journal, fee_executed_at=str(STARTED_NS + 3 * 10**9))
    assert figures(journal.position(), *FEE_FIGURES) == ["120", "{}", "60"]


def test_the_fee_of_a_closed_trip_is_still_its_own() -> None:
    journal = Journal()
    journal.fill("1", "100", fees=BNB)
    journal.fill("-1", "200")

    entry = value(journal)

    assert changes(entry)[0]["type"] == "position_modified"
    assert figures(journal.position(), "quantity", "trip_realized_pnl", "trip_fee_value") == [
        "0",
        "100",
        "60",
    ]
    assert "trip" not in contribution(entry)


def test_what_has_no_unvalued_fee_is_noted() -> None:
    journal = Journal()
    absent = value(journal)
    journal.fill("1", "100", fees=[["USDT", "1", "trading"]])

    assert [entry.reason for entry in (absent, value(journal))] == ["nothing_unvalued"] * 2
