"""Events to facts: every key in its place, tokens of fees, locations, quarantine and replay."""

import json
from hashlib import sha1
from typing import Any

import pytest

from pm.days import utc_day
from pm.events.facts import (
    Direct,
    Facts,
    Place,
    event_from_facts,
    nothing_facts,
    quarantined_facts,
)
from pm.events.message import pack
from pm.events.model import (
    CapitalFlow,
    Event,
    EventError,
    ExecutionResult,
    Fee,
    Fill,
    OrderStatus,
    Quarantined,
    Rejected,
    Trace,
)
from pm.reference.record_reader import read_instrument, read_token, read_venue
from pm.reference.records import Instrument
from pm.reference.snapshot import Reference

PLACE = Place("executions:relay", "12-0", 1, 3, 1_700_000_000_000_000_009)
TIME = 1_700_000_000_000_000_000


def instrument(instrument_id: str, **values: Any) -> Instrument:
    base = {"id": instrument_id, "kind": "spot", "base": "BTC", "quote": "USDT"}
    return read_instrument({**base, **values}, {})


REFERENCE = Reference.build(
    1,
    [
        instrument("binance.coin.BTCUSDT", dust="0.00001"),
        instrument("v.received", fee_token="received"),
        instrument("v.base", fee_token="base"),
        instrument("v.bnb", fee_token="BNB"),
        instrument("v.pool", base="WETH", quote="USDC.e", chain_id=137),
        instrument("v.inverse", kind="perpetual", quote="USD", inverse=True, contract_size="10"),
    ],
    [
        read_token({"id": "WETH", "asset": "ETH"}),
        read_token({"id": "USDC.e", "asset": "USDC"}),
        read_token({"id": "stETH", "asset": "ETH"}),
    ],
    [
        read_venue({"id": "daily", "reuses_order_ids": True}),
        read_venue({"id": "quickswap", "chain_id": 137}),
    ],
)
FACTS = Facts(REFERENCE)

FILL = Fill(
    execution_id="T1",
    order_id="O1",
    venue="binance",
    strategy_id=7,
    instrument="binance.coin.BTCUSDT",
    quantity="0.5",
    price="65000.12",
    executed_at=TIME,
)
RESULT = ExecutionResult(
    event_id="E1",
    order_id="O1",
    venue="binance",
    strategy_id=7,
    instrument="binance.coin.BTCUSDT",
    quantity="-0.5",
    price="65000",
    result="partial",
    executed_at=TIME,
)
REJECTED = Rejected(event_id="E1", order_id="O1", venue="binance", executed_at=TIME)
STATUS = OrderStatus(
    event_id="E1", order_id="O1", venue="binance", status="expired", executed_at=TIME
)
DEPOSIT = CapitalFlow(
    kind="deposit", event_id="E1", executed_at=TIME, token="USDT", amount="100", venue="binance"
)
TRACE = Trace("0" * 31 + "1", True, "entry")


def facts_of(event: Event | Quarantined) -> dict[str, Any]:
    facts = json.loads(FACTS.text(event, PLACE))
    assert isinstance(facts, dict)
    return facts


def fees_of(event: Event) -> Any:
    return facts_of(event).get("fees")


# --- the text ---


def test_a_full_fill_is_written_in_the_order_of_the_contract() -> None:
    event = FILL._replace(
        fees=(Fee("USDT", "3.25"), Fee("WETH", "0.1", "gas")),
        quote_amount="32500",
        decided_at=TIME - 5,
        trace=TRACE,
    )
    assert FACTS.text(event, PLACE) == (
        '{"kind":"fill","lane":"executions:relay","entry":"12-0","index":"1","of":"3",'
        '"received_at":"1700000000000000009","executed_at":"1700000000000000000",'
        '"day":"2023-11-14","id":"binance/O1/T1","strategy":"7","venue":"binance",'
        '"location":"binance","chain_id":"0","order":"binance:O1",'
        '"instrument":"binance.coin.BTCUSDT","instrument_kind":"spot","base":"BTC","quote":"USDT",'
        '"settlement":"USDT","dust":"0.00001","assets":{"WETH":"ETH"},"quantity":"0.5",'
        '"price":"65000.12","quote_amount":"32500",'
        '"fees":[["USDT","3.25","trading"],["WETH","0.1","gas"]],'
        '"decided_at":"1699999999999999995",'
        '"trace":{"id":"00000000000000000000000000000001","arbitrage":"1","step":"entry"}}'
    )


def test_a_result_is_written_in_the_order_of_the_contract() -> None:
    event = RESULT._replace(fees=(Fee(None, "1"),), instrument="v.inverse", trace=TRACE)
    assert FACTS.text(event, PLACE) == (
        '{"kind":"execution_result","lane":"executions:relay","entry":"12-0","index":"1","of":"3",'
        '"received_at":"1700000000000000009","executed_at":"1700000000000000000",'
        '"day":"2023-11-14","id":"event/E1","strategy":"7","venue":"binance",'
        '"location":"binance","chain_id":"0","order":"binance:O1","instrument":"v.inverse",'
        '"instrument_kind":"perpetual","base":"BTC","quote":"USD","settlement":"BTC",'
        '"multiplier":"10","inverse":"1","quantity":"-0.5","price":"65000",'
        '"fees":[["BTC","1","trading"]],"result":"partial",'
        '"trace":{"id":"00000000000000000000000000000001","arbitrage":"1","step":"entry"}}'
    )


def test_a_rejection_carries_only_what_is_known() -> None:
    event = REJECTED._replace(reason="no%20funds", fees=(Fee("ETH", "0.1", "gas"),))
    assert FACTS.text(event, PLACE) == (
        '{"kind":"rejected","lane":"executions:relay","entry":"12-0","index":"1","of":"3",'
        '"received_at":"1700000000000000009","executed_at":"1700000000000000000",'
        '"day":"2023-11-14","id":"event/E1","venue":"binance","location":"binance",'
        '"chain_id":"0","order":"binance:O1","fees":[["ETH","0.1","gas"]],"reason":"no%20funds"}'
    )


def test_a_status_carries_only_what_is_known() -> None:
    assert FACTS.text(STATUS._replace(strategy_id=3), PLACE) == (
        '{"kind":"order_status","lane":"executions:relay","entry":"12-0","index":"1","of":"3",'
        '"received_at":"1700000000000000009","executed_at":"1700000000000000000",'
        '"day":"2023-11-14","id":"event/E1","strategy":"3","venue":"binance",'
        '"location":"binance","chain_id":"0","order":"binance:O1","status":"expired"}'
    )


def test_a_deposit_with_a_position_is_written_in_the_order_of_the_contract() -> None:
    event = DEPOSIT._replace(
        strategy_id=7, instrument="binance.coin.BTCUSDT", quantity="1", cost="100", token="WETH"
    )
    assert FACTS.text(event, PLACE) == (
        '{"kind":"deposit","lane":"executions:relay","entry":"12-0","index":"1","of":"3",'
        '"received_at":"1700000000000000009","executed_at":"1700000000000000000",'
        '"day":"2023-11-14","id":"event/E1","strategy":"7","venue":"binance",'
        '"location":"binance","chain_id":"0","instrument":"binance.coin.BTCUSDT",'
        '"instrument_kind":"spot","base":"BTC","quote":"USDT","settlement":"USDT",'
        '"dust":"0.00001","assets":{"WETH":"ETH"},"quantity":"1","token":"WETH","amount":"100",'
        '"cost":"100"}'
    )


def test_what_is_taken_for_granted_is_left_out() -> None:
    facts = facts_of(FILL)
    absent = ("multiplier", "inverse", "assets", "fees", "quote_amount", "decided_at", "trace")
    assert [key for key in absent if key in facts] == []


def test_an_untold_step_and_a_plain_trace_are_left_out() -> None:
    assert facts_of(FILL._replace(trace=Trace("1" * 32)))["trace"] == {"id": "1" * 32}


@pytest.mark.parametrize(
    ("nanoseconds", "day"),
    [
        (1, "1970-01-01"),
        (1_699_919_999_999_999_999, "2023-11-13"),
        (1_699_920_000_000_000_000, "2023-11-14"),
        ((1 << 63) - 1, "2262-04-11"),
    ],
)
def test_a_day_is_the_utc_date(nanoseconds: int, day: str) -> None:
    assert utc_day(nanoseconds) == day


# --- fees ---


@pytest.mark.parametrize(
    ("instrument_id", "quantity", "token"),
    [
        ("binance.coin.BTCUSDT", "1", "USDT"),
        ("v.inverse", "1", "BTC"),
        ("v.base", "-1", "BTC"),
        ("v.received", "1", "BTC"),
        ("v.received", "-1", "USDT"),
        ("v.bnb", "1", "BNB"),
    ],
)
def test_a_fee_without_token_is_in_the_instrument_s_fee_token(
    instrument_id: str, quantity: str, token: str
) -> None:
    event = FILL._replace(instrument=instrument_id, quantity=quantity, fees=(Fee(None, "1"),))
    assert fees_of(event) == [[token, "1", "trading"]]


@pytest.mark.parametrize(("side", "token"), [("buy", "BTC"), ("sell", "USDT")])
def test_a_rejection_knows_what_would_have_been_received(side: Any, token: str) -> None:
    event = REJECTED._replace(instrument="v.received", side=side, fees=(Fee(None, "1"),))
    assert fees_of(event) == [[token, "1", "trading"]]


def test_fees_of_zero_are_left_out() -> None:
    assert fees_of(FILL._replace(fees=(Fee("USDT", "0"),))) is None
    assert fees_of(RESULT._replace(fees=(Fee("USDT", "0"), Fee("BNB", "1")))) == [
        ["BNB", "1", "trading"]
    ]


def test_stated_fees_of_a_result_are_there_even_when_there_are_none() -> None:
    assert fees_of(RESULT._replace(fees=())) == []
    assert fees_of(RESULT) is None


def test_fees_of_one_token_and_class_are_one_fee() -> None:
    fees = (Fee("USDT", "0.1"), Fee("BNB", "1"), Fee(None, "0.2"), Fee("USDT", "1", "gas"))
    assert fees_of(FILL._replace(fees=fees)) == [
        ["USDT", "0.3", "trading"], ["BNB", "1", "trading"], ["USDT", "1", "gas"],
    ]  # fmt: skip


def test_a_fee_and_its_rebate_cancel() -> None:
    assert fees_of(FILL._replace(fees=(Fee("USDT", "0.1"), Fee("USDT", "-0.1")))) is None


# --- assets, locations, orders ---


def test_assets_are_named_where_they_differ_and_in_order() -> None:
    event = FILL._replace(instrument="v.pool", fees=(Fee("stETH", "1"), Fee("BNB", "1")))
    assert list(facts_of(event)["assets"].items()) == [
        ("USDC.e", "USDC"), ("WETH", "ETH"), ("stETH", "ETH"),
    ]  # fmt: skip
    assert list(facts_of(FILL._replace(instrument="v.pool"))["assets"]) == ["USDC.e", "WETH"]


@pytest.mark.parametrize(
    ("changes", "location", "chain_id"),
    [
        ({}, "binance", "0"),
        ({"account": "fund-1"}, "fund-1", "0"),
        ({"instrument": "v.pool"}, "polygon", "137"),
        ({"instrument": "v.pool", "account": "fund-1"}, "fund-1.polygon", "137"),
        ({"instrument": "v.pool", "chain_id": 1}, "ethereum", "1"),
        ({"instrument": "v.pool", "chain_id": 0}, "binance", "0"),
    ],
)
def test_a_fill_settles_at_its_account_or_chain_or_venue(
    changes: dict[str, Any], location: str, chain_id: str
) -> None:
    facts = facts_of(FILL._replace(**changes))
    assert (facts["location"], facts["chain_id"]) == (location, chain_id)


def test_an_event_without_instrument_is_on_the_chain_of_its_venue() -> None:
    assert facts_of(REJECTED._replace(venue="quickswap"))["location"] == "polygon"


@pytest.mark.parametrize(
    ("changes", "location", "chain_id"),
    [
        ({}, "binance", "0"),
        ({"venue": None, "location": "vault"}, "vault", "0"),
        ({"venue": None, "location": "vault.polygon"}, "vault.polygon", "137"),
        ({"venue": None, "location": "vault.ethereum", "chain_id": 1}, "vault.ethereum", "1"),
        ({"venue": None, "location": "chain-5"}, "chain-5", "5"),
        ({"account": "fund-1"}, "fund-1", "0"),
        ({"venue": None, "chain_id": 42161}, "arbitrum", "42161"),
        ({"venue": "quickswap"}, "polygon", "137"),
        ({"venue": None, "instrument": "v.pool"}, "polygon", "137"),
        ({"venue": None, "instrument": "v.bnb"}, "v", "0"),
    ],
)
def test_a_deposit_arrives_where_it_says_or_where_its_instrument_is(
    changes: dict[str, Any], location: str, chain_id: str
) -> None:
    facts = facts_of(DEPOSIT._replace(**changes))
    assert (facts["location"], facts["chain_id"]) == (location, chain_id)


def test_a_deposit_of_a_position_names_the_venue_of_its_instrument() -> None:
    event = DEPOSIT._replace(venue=None, location="vault", strategy_id=7, instrument="v.bnb")
    assert facts_of(event)["venue"] == "v"
    assert facts_of(event._replace(venue="binance"))["venue"] == "binance"


@pytest.mark.parametrize(
    ("event", "location", "chain_id"),
    [
        (DEPOSIT._replace(location="ethereum", chain_id=0), "ethereum", 0),
        (DEPOSIT._replace(location="vault", chain_id=1), "vault", 1),
        (DEPOSIT._replace(location="vault.polygon", chain_id=1), "vault.polygon", 1),
        (DEPOSIT._replace(location="chain-9999999999"), "chain-9999999999", 9_999_999_999),
        (DEPOSIT._replace(account="x.ethereum"), "x.ethereum", 0),
        (DEPOSIT._replace(venue="ethereum"), "ethereum", 0),
        (FILL._replace(account="x.ethereum"), "x.ethereum", 0),
        (FILL._replace(venue="polygon", instrument="v.bnb"), "polygon", 0),
        (RESULT._replace(account="ethereum"), "ethereum", 0),
        (REJECTED._replace(account="chain-5"), "chain-5", 0),
        (STATUS._replace(account="x.base"), "x.base", 0),
    ],
)
def test_a_location_on_another_chain_than_stated_is_quarantined(
    event: Event, location: str, chain_id: int
) -> None:
    facts = facts_of(event)
    assert (facts["kind"], facts["reason"]) == ("quarantined", "location_mismatch")
    assert facts["detail"] == f"location {location} is not on chain {chain_id}"


def test_an_account_may_be_named_like_a_chain_on_another_chain() -> None:
    facts = facts_of(FILL._replace(account="x.ethereum", chain_id=137))
    assert facts["location"] == "x.ethereum.polygon"


def test_an_order_has_a_date_where_order_ids_are_used_again() -> None:
    facts = facts_of(FILL._replace(venue="daily"))
    assert facts["order"] == "daily:O1.2023-11-14"
    assert facts["id"] == "daily/O1.2023-11-14/T1"


def test_a_stated_order_date_goes_before_the_day() -> None:
    assert facts_of(FILL._replace(venue="daily", order_date="2023-11-13"))["order"] == (
        "daily:O1.2023-11-13"
    )


# --- quarantine ---


def test_an_unknown_instrument_is_quarantined_with_the_hash_of_what_came() -> None:
    assert FACTS.text(FILL._replace(instrument="x.y"), PLACE, b"raw") == (
        '{"kind":"quarantined","lane":"executions:relay","entry":"12-0","index":"1","of":"3",'
        '"received_at":"1700000000000000009","reason":"unknown_instrument",'
        '"detail":"x.y is not in the reference",'
        f'"raw_sha1":"{sha1(b"raw").hexdigest()}"}}'
    )


def test_without_what_came_the_event_s_own_message_is_hashed() -> None:
    event = FILL._replace(instrument="x.y")
    assert facts_of(event)["raw_sha1"] == sha1(pack(event)).hexdigest()


@pytest.mark.parametrize(
    "event",
    [
        REJECTED._replace(fees=(Fee(None, "1"),)),
        REJECTED._replace(fees=(Fee(None, "1"),), instrument="v.received"),
        RESULT._replace(fees=(Fee(None, "1"),), instrument="v.received", quantity="0"),
    ],
)
def test_a_fee_whose_token_cannot_be_known_is_quarantined(event: Event) -> None:
    assert facts_of(event)["reason"] == "unknown_fee_token"


def test_a_deposit_to_nowhere_is_quarantined() -> None:
    assert facts_of(DEPOSIT._replace(venue=None))["reason"] == "unknown_location"


def test_what_could_not_be_read_becomes_quarantined_facts() -> None:
    facts = facts_of(Quarantined("unknown_order", "order 5"))
    assert (facts["kind"], facts["reason"], facts["detail"]) == (
        "quarantined", "unknown_order", "order 5",
    )  # fmt: skip


def test_a_detail_needs_no_quoting_and_has_an_end() -> None:
    detail = 'a"b\\c\nd\x7fé' + "x" * 500
    text = quarantined_facts(PLACE, "bad", detail, b"")
    assert "\\" not in text
    assert json.loads(text)["detail"] == "a'b/c?d??" + "x" * 191


def test_an_entry_without_events_is_nothing() -> None:
    assert nothing_facts(PLACE) == (
        '{"kind":"nothing","lane":"executions:relay","entry":"12-0","index":"1","of":"3",'
        '"received_at":"1700000000000000009"}'
    )


# --- events that come by themselves ---


def test_a_submitted_event_has_no_lane() -> None:
    text = FACTS.text(STATUS, Direct(TIME + 5))
    assert text == (
        '{"kind":"order_status","received_at":"1700000000000000005",'
        '"executed_at":"1700000000000000000","day":"2023-11-14","id":"event/E1","venue":"binance",'
        '"location":"binance","chain_id":"0","order":"binance:O1","status":"expired"}'
    )
    assert event_from_facts(text) == event_from_facts(FACTS.text(STATUS, PLACE))


def test_a_submitted_event_that_cannot_be_applied_has_no_lane_either() -> None:
    text = FACTS.text(FILL._replace(instrument="x.y"), Direct(5), b"raw")
    assert text == (
        '{"kind":"quarantined","received_at":"5","reason":"unknown_instrument",'
        f'"detail":"x.y is not in the reference","raw_sha1":"{sha1(b"raw").hexdigest()}"}}'
    )


# --- replay ---


@pytest.mark.parametrize(
    "event",
    [
        FILL._replace(fees=(Fee("USDT", "-1"), Fee("ETH", "2", "gas")), trace=TRACE),
        FILL._replace(quote_amount="3", decided_at=5, trace=Trace("1" * 32)),
        FILL._replace(execution_id="a%2Fb", order_id="x%3Ay"),
        FILL._replace(account="fund-1"),
        FILL._replace(instrument="v.pool", account="fund-1"),
        FILL._replace(instrument="v.pool", fees=(Fee(None, "1"),)),
        FILL._replace(venue="daily"),
        FILL._replace(venue="daily", order_id="O1.2023-11-14"),
        FILL._replace(order_id="O1.2023-11-14"),
        RESULT,
        RESULT._replace(fees=()),
        RESULT._replace(quantity="0", price=None, result="rejected"),
        REJECTED._replace(reason="r", fees=(Fee("ETH", "1", "gas"),), trace=TRACE),
        REJECTED._replace(strategy_id=0, instrument="v.inverse", venue="quickswap"),
        STATUS._replace(strategy_id=5, instrument="v.pool"),
        DEPOSIT,
        DEPOSIT._replace(kind="opening", location="vault.polygon", venue=None),
        DEPOSIT._replace(strategy_id=7, instrument="v.pool", cost="-5", quantity="-1"),
    ],
)
def test_an_event_from_facts_gives_the_same_facts_again(event: Event) -> None:
    text = FACTS.text(event, PLACE)
    again = event_from_facts(text)
    assert type(again) is type(event)
    assert FACTS.text(again, PLACE) == text


def test_an_event_from_facts_can_be_sent_as_a_message() -> None:
    again = event_from_facts(FACTS.text(FILL._replace(venue="a%3Ab"), PLACE))
    assert FACTS.text(again, PLACE, pack(again)) == FACTS.text(FILL._replace(venue="a%3Ab"), PLACE)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (nothing_facts(PLACE), "facts of kind nothing hold no event"),
        ("{", "is not the facts of an event: "),
        ("[]", "is not the facts of an event: "),
        ('{"kind":"fill"}', "is not the facts of an event: 'id'"),
        ('{"kind":["fill"]}', "is not the facts of an event: "),
        ('{"kind":"allocation","id":"event/E1","strategy":"x"}', "is not the facts of an event: "),
    ],
)
def test_what_holds_no_event_cannot_be_replayed(text: str, fault: str) -> None:
    with pytest.raises(EventError) as raised:
        event_from_facts(text)
    assert str(raised.value).startswith(fault)
