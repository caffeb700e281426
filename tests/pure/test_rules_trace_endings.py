"""Traces that end from outside: expired, stranded, put away."""

import json
from typing import Any

from pm.rules.journal import Entry
from tests.pure.rules_events import SPOT, Journal, figures

ID = "0123456789abcdef0123456789abcdef"
TRACE = {"trace": {"id": ID}}
KRAKEN = SPOT | {"instrument": "kraken.coin.BTCUSDT", "venue": "kraken", "location": "kraken"}


def end(journal: Journal, kind: str, steps: str, **facts: Any) -> Entry:
    stated = {"id": f"trace/{ID}/{steps}/{kind}", "strategy": None, "venue": None}
    return journal.event(f"trace_{kind}", {}, steps=steps, **(stated | TRACE | facts))


def stranded(journal: Journal) -> Journal:
    journal.fill("1", "100", **TRACE)
    journal.fill("-0.6", "102", terms=KRAKEN, **TRACE)
    return journal


def test_a_stranded_trace_tells_what_is_left_and_where() -> None:
    journal = stranded(Journal())
    before = journal.book.expected_state()

    entry = end(journal, "expired", "2", verdict="stranded")

    assert json.loads(entry.changes) == [
        {
            "type": "trace_stranded",
            "trace_id": ID,
            "stranded": {"BTC": "0.4", "USDT": "-38.8"},
            "locations": {
                "binance:BTC": "1",
                "binance:USDT": "-100",
                "kraken:BTC": "-0.6",
                "kraken:USDT": "61.2",
            },
        }
    ]
    assert journal.hash(f"trace:{ID}")["status"] == "stranded"
    assert figures(journal.hash("book"), "traces_stranded", "traces_expired") == ["1", "0"]
    after = journal.book.expected_state()
    moved = {key for key in after if after[key] != before.get(key)}
    assert moved == {"book", f"trace:{ID}", "seen:0"}


def test_an_end_from_outside_is_no_step() -> None:
    journal = stranded(Journal())
    last_time = journal.hash(f"trace:{ID}")["last_time"]

    entry = end(journal, "expired", "2", verdict="expired")

    trace = json.loads(entry.trace)
    assert ("step" in trace, trace["steps"], trace["status"]) == (False, "2", "expired")
    assert (entry.changes, trace["last_time"]) == ("[]", last_time)
    assert figures(journal.hash("book"), "traces_stranded", "traces_expired") == ["0", "1"]


def test_what_is_within_dust_is_not_stranded() -> None:
    journal = Journal()
    dusty = SPOT | {"dust": "0.01"}
    journal.fill("1", "100", terms=dusty, fees=[["ETH", "0.1", "gas"]], **TRACE)
    journal.fill("-0.99", "102", terms=dusty | {"quote": "EUR", "settlement": "EUR"}, **TRACE)

    change = json.loads(end(journal, "expired", "2", verdict="stranded").changes)[0]

    assert change["stranded"] == {"EUR": "100.98", "USDT": "-100"}
    assert change["locations"] == {"binance:EUR": "100.98", "binance:USDT": "-100"}


def test_a_late_step_reopens_an_ended_trace() -> None:
    journal = stranded(Journal())
    end(journal, "expired", "2", verdict="stranded")

    late = journal.fill("-0.4", "103", **TRACE)

    assert json.loads(late.trace)["status"] == "completed"
    assert journal.hash("book")["traces_stranded"] == "1"


def test_a_trace_that_moved_meanwhile_does_not_end() -> None:
    journal = stranded(Journal())
    found = [end(journal, "expired", "1", verdict="expired")]
    found.append(end(journal, "expired", "2", verdict="expired", trace={"id": "b" * 32}))
    found.append(end(journal, "archived", "2"))
    end(journal, "expired", "2", verdict="completed", id="x")
    found.append(end(journal, "expired", "2", verdict="expired", id="y"))
    found.append(end(journal, "archived", "1"))

    assert [(entry.result, entry.reason) for entry in found] == [("noted", "trace_moved")] * 5
    assert journal.hash(f"trace:{ID}")["status"] == "completed"
    assert figures(journal.hash("book"), "traces_stranded", "traces_expired") == ["0", "0"]


def test_an_archived_trace_is_gone_and_its_id_begins_anew() -> None:
    journal = stranded(Journal())
    end(journal, "expired", "2", verdict="expired")

    entry = end(journal, "archived", "2")

    assert json.loads(entry.trace)["status"] == "archived"
    assert f"trace:{ID}" not in journal.book.expected_state()
    assert journal.hash("traces") == {".": "0"}
    assert end(journal, "archived", "2", id="again").reason == "trace_moved"

    again = json.loads(journal.fill("2", "10", **TRACE).trace)
    assert figures(again, "steps", "net") == ["1", {"BTC": "2", "USDT": "-20"}]
    assert again["locations"] == {"binance:BTC": "2", "binance:USDT": "-20"}
