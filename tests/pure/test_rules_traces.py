"""Traces: steps, what they net to per asset, and when a trace is complete."""

import json
from typing import Any

import pytest

from pm.rules.journal import Entry
from tests.pure.rules_events import INVERSE, OPTION, SPOT, Journal, figures

ID = "0123456789abcdef0123456789abcdef"
TRACE = {"id": ID}
KRAKEN = SPOT | {"instrument": "kraken.coin.BTCUSDT", "venue": "kraken", "location": "kraken"}


def step(journal: Journal, quantity: str, price: str, **facts: Any) -> Entry:
    return journal.fill(quantity, price, **({"trace": TRACE} | facts))


def read(entry: Entry) -> dict[str, Any]:
    trace: dict[str, Any] = json.loads(entry.trace)
    return trace


def test_a_stranded_arbitrage_nets_its_assets_over_both_venues() -> None:
    journal = Journal()
    step(journal, "1", "100")

    trace = read(step(journal, "-0.6", "102", terms=KRAKEN))

    assert trace["net"] == {"BTC": "0.4", "USDT": "-38.8"}
    assert figures(trace, "status", "numeraire", "steps") == ["open", "USDT", "2"]
    assert trace["step"]["step_type"] == "intermediate"


def test_the_text_of_a_trace_is_in_order() -> None:
    entry = step(Journal(), "1", "100", trace={"id": ID, "arbitrage": "1"}, chain_id="1")

    assert entry.trace == (
        f'{{"id":"{ID}","arbitrage":"1","status":"open","numeraire":"USDT",'
        '"net":{"BTC":"1","USDT":"-100"},'
        '"locations":{"binance:BTC":"1","binance:USDT":"-100"},"traded":["BTC","USDT"],"dust":{},'
        '"first_time":"1700000001000000000","last_time":"1700000001000000000","steps":"1",'
        '"step":{"step_number":"0","step_type":"entry","strategy_id":"7",'
        '"instrument_id":"binance.coin.BTCUSDT","venue":"binance","location":"binance",'
        '"chain_id":"1","quantity_delta":"1","price":"100","timestamp":"1700000001000000000"}}'
    )


def test_a_trace_completes_with_the_fill_that_makes_it_flat_and_a_late_leg_reopens_it() -> None:
    journal = Journal()
    entry = read(step(journal, "1", "100"))
    leave = read(step(journal, "-1", "102", terms=KRAKEN))
    late = read(step(journal, "0.1", "102"))

    assert [trace["step"]["step_type"] for trace in (entry, leave, late)] == [
        "entry",
        "exit",
        "intermediate",
    ]
    assert [trace["status"] for trace in (entry, leave, late)] == ["open", "completed", "open"]
    assert leave["net"] == {"BTC": "0", "USDT": "2"}


def test_the_numeraire_of_a_trace_begun_by_a_sell_is_its_base() -> None:
    journal = Journal()

    assert read(step(journal, "-1", "100"))["numeraire"] == "BTC"

    bought = read(step(journal, "0.99", "100", quote_amount="100"))

    assert figures(bought, "status", "numeraire") == ["completed", "BTC"]


def test_assets_count_as_one_whatever_the_token_and_fees_are_included() -> None:
    journal = Journal()
    chain = SPOT | {"quote": "USDC.e", "settlement": "USDC.e", "assets": {"USDC.e": "USDC"}}
    step(journal, "1", "100", terms=chain, fees=[["USDC.e", "0.5", "trading"]])

    trace = read(step(journal, "-1", "100", terms=SPOT | {"quote": "USDC", "settlement": "USDC"}))

    assert trace["net"] == {"BTC": "0", "USDC": "-0.5"}
    assert (trace["traded"], trace["status"]) == (["BTC", "USDC"], "completed")


def test_gas_does_not_keep_a_trace_from_being_flat() -> None:
    journal = Journal()
    step(journal, "1", "100", fees=[["ETH", "0.01", "gas"]])

    trace = read(step(journal, "-1", "100"))

    assert (trace["net"]["ETH"], trace["status"]) == ("-0.01", "completed")


def test_a_remainder_within_the_largest_dust_seen_is_flat() -> None:
    journal = Journal()
    step(journal, "1", "100", terms=SPOT | {"dust": "0.01"})

    trace = read(step(journal, "-0.99", "100", terms=SPOT | {"dust": "0.001"}))

    assert (trace["dust"], trace["status"]) == ({"BTC": "0.01"}, "completed")


def test_a_first_step_within_dust_completes_nothing() -> None:
    trace = read(step(Journal(), "0.005", "100", terms=SPOT | {"dust": "0.01"}))

    assert (trace["status"], trace["step"]["step_type"]) == ("open", "entry")


def test_derivatives_net_as_if_they_were_exchanged() -> None:
    journal = Journal()

    assert read(step(journal, "2", "5", terms=OPTION))["net"] == {"BTC": "200", "USDT": "-1000"}

    inverse = read(step(journal, "1000", "50000", terms=INVERSE, trace={"id": "f" * 32}, fees=[]))

    assert inverse["net"] == {"BTC": "0.2", "USD": "-10000"}


@pytest.mark.parametrize("given", ["entry", "intermediate", "exit", "bridge"])
def test_a_given_step_type_outranks_all_others(given: str) -> None:
    trace = read(step(Journal(), "1", "100", trace=TRACE | {"step": given}))

    assert trace["step"]["step_type"] == given


def test_arbitrage_once_said_stays() -> None:
    journal = Journal()
    step(journal, "1", "100", trace=TRACE | {"arbitrage": "1"})

    assert read(step(journal, "1", "100"))["arbitrage"] == "1"


def test_an_event_that_moves_no_quantity_is_no_step() -> None:
    journal = Journal()
    journal.result("filled", "1", "100", trace=TRACE)

    covered = journal.fill("1", "100", order="binance:O1", trace=TRACE)
    only_fee = journal.result("filled", "1", "100", fees=[["USDT", "1", "trading"]], trace=TRACE)

    assert (covered.trace, only_fee.trace) == ("", "")
    assert journal.hash(f"trace:{ID}")["steps"] == "1"


def test_a_trace_is_kept_with_its_steps_and_listed_by_its_last_time() -> None:
    journal = Journal()
    step(journal, "1", "100")
    entry = step(journal, "-1", "100")

    held = journal.hash(f"trace:{ID}")

    assert held["step:1"] == json.dumps(read(entry)["step"], separators=(",", ":"))
    assert figures(held, "status", "traded", "steps", "seq") == [
        "completed",
        '["BTC","USDT"]',
        "2",
        "3",
    ]
    assert journal.hash("traces") == {".": "0", ID: "1700000002000"}
