"""The batch that is disturbed in other tests does all it is made for."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from pm.functions import library
from tests.servers import Server
from tests.state.books import journal_of
from tests.state.scene import Scene


@pytest.fixture
def entries(valkey_server: Server) -> list[dict[str, str]]:
    """The journal of the batch."""
    client = valkey_server.client(decode=False, timeout_s=30.0)
    library.load(client)
    scene = Scene.on(valkey_server, client)
    entries = journal_of(scene.stage.undisturbed)[1][1 + scene.past :]
    return [
        {name.decode(): text.decode() for name, text in fields.items()} for _, fields in entries
    ]


def test_events_end_as_they_are_meant_to(entries: list[dict[str, str]]) -> None:
    found = Counter(entry["result"] for entry in entries)
    assert found == {"applied": 50, "refused": 4, "duplicate": 1, "declined": 1, "noted": 1}
    kinds = {entry["event"] for entry in entries if entry["result"] == "applied"}
    assert kinds == {
        "fill", "execution_result", "rejected", "order_status", "deposit", "withdrawal",
        "allocation", "reserve", "release", "transfer", "dividend", "funding", "split",
        "settlement", "exercise", "expiry", "fee_value", "trace_expired", "trace_archived",
        "bust", "correct", "correction_failed", "restatement", "adjustment",
    }  # fmt: skip


def test_every_effect_and_every_change_is_there(entries: list[dict[str, str]]) -> None:
    effects = {(told["type"], told.get("status", "")) for told in _all(entries, "effects")}
    of_pendings = {(told, status) for told, status in effects if told == "pending"}
    assert {status for _, status in of_pendings} == {
        "in_flight", "arrived", "failed", "receivable", "paid", "open", "restated",
    }  # fmt: skip
    assert {told for told, _ in effects - of_pendings} == {
        "rescale", "settle", "declined", "in_flight", "receivable",
    }  # fmt: skip
    assert {told["type"] for told in _all(entries, "changes")} == {
        "position_opened", "position_modified", "position_closed", "balance_changed",
        "trace_stranded",
    }  # fmt: skip


def test_reservations_are_made_consumed_and_given_back(entries: list[dict[str, str]]) -> None:
    left = {
        (told["key"], record[1])
        for entry in entries
        if entry["order"]
        for told in [json.loads(entry["order"])]
        for record in told["reservations"].values() or [("", "0")]
    }
    assert {
        ("binance:O20", "100"), ("binance:O20", "0"), ("binance:O21", "0.15"),
        ("binance:O22", "50"), ("binance:O22", "30"), ("binance:O24", "10"), ("binance:O24", "0"),
    } <= left  # fmt: skip


def test_traces_end_and_are_begun_anew(entries: list[dict[str, str]]) -> None:
    told = [json.loads(entry["trace"]) for entry in entries if entry["trace"]]
    course = [(trace["id"][-1], trace["status"], trace["steps"]) for trace in told]
    of_a = [step[1:] for step in course if step[0] == "a"]
    assert of_a[-3:] == [("stranded", "4"), ("archived", "4"), ("open", "1")]
    assert [step[1:] for step in course if step[0] == "b"] == [("open", "1")]
    assert [step[1:] for step in course if step[0] == "c"] == [("archived", "2")]
    assert [step[1:] for step in course if step[0] == "d"] == [("open", "1"), ("expired", "1")]


def test_a_basis_goes_into_another_instrument(entries: list[dict[str, str]]) -> None:
    legs = [leg for entry in entries if entry["event"] == "transfer" for leg in _told(entry)]
    assert legs == [
        ["0.39", "39", "7:kraken.coin.BTCUSDT"],
        ["-0.2", "-20", "9:binance.coin.BTCUSDT"],
        ["0.2", "20", "9:binance.coin.BTCUSDT"],
        ["-0.1", "-10", "9:binance.coin.BTCUSDT"],
        ["0.09", "9", "9:kraken.coin.BTCUSDT"],
    ]


def _told(entry: dict[str, str]) -> Any:
    return json.loads(entry["legs"])


def _all(entries: list[dict[str, str]], field: str) -> list[dict[str, Any]]:
    return [told for entry in entries for told in json.loads(entry[field])]
