"""Withdrawals, allocations and transfers: what their lines may say, and the facts of them."""

from typing import Any

import pytest

from pm.events.lines import parse_line
from pm.events.model import Allocation, CapitalFlow, EventError, Trace, Transfer
from tests.pure.event_tables import COIN, HEAD, POOL, TIME, facts_of, line, text_of, written

WITHDRAWAL: dict[str, Any] = {
    "kind": "withdrawal",
    "event_id": "E1",
    "token": "USDT",
    "amount": "100",
    "venue": "v",
    "executed_at": TIME,
}
ALLOCATION: dict[str, Any] = {
    "kind": "allocation",
    "event_id": "E1",
    "strategy_id": 7,
    "token": "USDT",
    "amount": "-5",
    "executed_at": TIME,
}
TRANSFER: dict[str, Any] = {
    "kind": "transfer",
    "transfer_id": "T1",
    "step": "whole",
    "token": "BTC",
    "amount": "2",
    "arrived": "1.9",
    "from_venue": "v",
    "to_chain_id": 1,
    "executed_at": TIME,
}
SENT = {key: value for key, value in TRANSFER.items() if key not in ("arrived", "to_chain_id")}
SENT = {**SENT, "step": "sent"}
ARRIVED = {key: value for key, value in TRANSFER.items() if key not in ("amount", "from_venue")}
ARRIVED = {**ARRIVED, "step": "arrived"}
FAILED = {key: value for key, value in SENT.items() if key not in ("amount", "from_venue")}
FAILED = {**FAILED, "step": "failed"}
POSITION = {"strategy_id": 7, "instrument": "v.coin"}
TO_POOL = {"to_instrument": "pools.pool", "to_chain_id": 137}
FROM_BOOK = {"from_book": "other", "cost": "-5", "strategy_id": 7, "to_instrument": "pools.pool"}


def transfer(base: dict[str, Any], **changes: Any) -> Transfer:
    event = parse_line(line(base, **changes))
    assert isinstance(event, Transfer)
    return event


# --- withdrawals and allocations ---


def test_a_withdrawal_is_a_flow_of_a_positive_amount() -> None:
    assert parse_line(line(WITHDRAWAL)) == CapitalFlow(
        kind="withdrawal", event_id="E1", executed_at=TIME, token="USDT", amount="100", venue="v"
    )


def test_a_withdrawal_is_written_in_the_order_of_the_contract() -> None:
    assert written(WITHDRAWAL) == (
        f'{{"kind":"withdrawal",{HEAD},"id":"event/E1","venue":"v","location":"v","chain_id":"0",'
        '"token":"USDT","amount":"100"}'
    )


def test_a_withdrawal_from_a_position_names_its_instrument_and_venue() -> None:
    assert written(WITHDRAWAL, token="bBTC", venue=..., location="vault", **POSITION) == (
        f'{{"kind":"withdrawal",{HEAD},"id":"event/E1","strategy":"7","venue":"v",'
        f'"location":"vault","chain_id":"0",{COIN},"assets":{{"bBTC":"BTC"}},"token":"bBTC",'
        '"amount":"100"}'
    )


def test_an_allocation_is_taken_and_written_as_it_stands() -> None:
    assert parse_line(line(ALLOCATION)) == Allocation("E1", 7, "USDT", "-5", TIME)
    assert written(ALLOCATION) == (
        f'{{"kind":"allocation",{HEAD},"id":"event/E1","strategy":"7","token":"USDT",'
        '"amount":"-5"}'
    )


# --- transfers ---


def test_a_whole_transfer_is_taken_as_it_stands() -> None:
    trace = {"id": "1" * 32, "step": "bridge"}
    assert transfer(TRANSFER, trace=trace, to_token="bBTC") == Transfer(
        transfer_id="T1",
        step="whole",
        token="BTC",
        executed_at=TIME,
        amount="2",
        arrived="1.9",
        from_venue="v",
        to_chain_id=1,
        to_token="bBTC",
        trace=Trace("1" * 32, False, "bridge"),
    )


@pytest.mark.parametrize("base", [TRANSFER, ARRIVED])
def test_a_fee_says_what_arrived(base: dict[str, Any]) -> None:
    assert transfer(base, arrived=..., amount="2", fee="0.01").arrived == "1.99"
    assert transfer(base, arrived=..., amount="2", fee="0").arrived == "2"


def test_a_transfer_without_id_has_that_of_the_event() -> None:
    assert transfer(TRANSFER, transfer_id=..., event_id="a/b").transfer_id == "a%2Fb"
    assert transfer(TRANSFER, event_id="E1").transfer_id == "T1"


def test_a_whole_transfer_is_written_in_the_order_of_the_contract() -> None:
    text = written(
        TRANSFER, to_token="WETH", rate="1.5", trace={"id": "1" * 32}, **POSITION, **TO_POOL
    )
    assert text == (
        f'{{"kind":"transfer",{HEAD},"id":"transfer/T1/whole","strategy":"7","venue":"v",{COIN},'
        '"assets":{"USDC.e":"USDC","WETH":"ETH"},"transfer":"T1","step":"whole",'
        '"from_location":"v","from_chain_id":"0","token":"BTC","amount":"2",'
        '"to_location":"polygon","to_chain_id":"137","to_token":"WETH","arrived":"1.9",'
        f'"to":{{{POOL},"chain_id":"137","location":"polygon"}},"rate":"1.5",'
        f'"trace":{{"id":"{"1" * 32}"}}}}'
    )


def test_what_was_sent_may_not_say_where_it_goes() -> None:
    assert written(SENT, to_book="other") == (
        f'{{"kind":"transfer",{HEAD},"id":"transfer/T1/sent","transfer":"T1","step":"sent",'
        '"from_location":"v","from_chain_id":"0","token":"BTC","amount":"2","to_book":"other"}'
    )
    assert facts_of(SENT, to_location="vault")["to_location"] == "vault"


def test_what_arrived_may_not_say_where_it_came_from() -> None:
    assert written(ARRIVED) == (
        f'{{"kind":"transfer",{HEAD},"id":"transfer/T1/arrived","transfer":"T1","step":"arrived",'
        '"token":"BTC","to_location":"ethereum","to_chain_id":"1","arrived":"1.9"}'
    )


def test_what_arrived_in_another_book_may_say_no_place_at_all() -> None:
    assert written(ARRIVED, to_chain_id=..., to_book="other") == (
        f'{{"kind":"transfer",{HEAD},"id":"transfer/T1/arrived","transfer":"T1","step":"arrived",'
        '"token":"BTC","arrived":"1.9","to_book":"other"}'
    )


def test_what_failed_needs_only_its_id() -> None:
    assert written(FAILED, **POSITION) == (
        f'{{"kind":"transfer",{HEAD},"id":"transfer/T1/failed","strategy":"7","venue":"v",{COIN},'
        '"transfer":"T1","step":"failed","token":"BTC"}'
    )


def test_what_came_from_another_book_brings_its_cost_and_has_the_venue_it_comes_to() -> None:
    assert written(ARRIVED, token="WETH", **{**FROM_BOOK, "to_chain_id": 137}) == (
        f'{{"kind":"transfer",{HEAD},"id":"transfer/T1/arrived","strategy":"7","venue":"pools",'
        '"assets":{"USDC.e":"USDC","WETH":"ETH"},"transfer":"T1","step":"arrived","token":"WETH",'
        '"to_location":"polygon","to_chain_id":"137","arrived":"1.9",'
        f'"to":{{{POOL},"chain_id":"137","location":"polygon"}},"from_book":"other","cost":"-5"}}'
    )


def test_the_same_token_at_the_other_end_is_not_repeated() -> None:
    assert "to_token" not in facts_of(TRANSFER, to_token="BTC")


@pytest.mark.parametrize(
    ("changes", "start", "end"),
    [
        ({}, ("v", "0"), ("ethereum", "1")),
        ({"from_account": "fund"}, ("fund", "0"), ("ethereum", "1")),
        ({"from_venue": "pools"}, ("polygon", "137"), ("ethereum", "1")),
        ({"to_account": "cold"}, ("v", "0"), ("cold.ethereum", "1")),
        ({"to_chain_id": ..., "to_location": "cold.base"}, ("v", "0"), ("cold.base", "8453")),
        ({"from_venue": ..., "from_chain_id": 10}, ("optimism", "10"), ("ethereum", "1")),
    ],
)
def test_each_end_of_a_transfer_has_a_place_of_its_own(
    changes: dict[str, Any], start: tuple[str, str], end: tuple[str, str]
) -> None:
    facts = facts_of(TRANSFER, **changes)
    assert (facts["from_location"], facts["from_chain_id"]) == start
    assert (facts["to_location"], facts["to_chain_id"]) == end


@pytest.mark.parametrize(
    "changes",
    [
        {"from_location": "vault", "from_chain_id": 1},
        {"to_location": "vault", "to_chain_id": 1},
        {"from_account": "x.base"},
        {"to_venue": "base", "to_chain_id": 0},
    ],
)
def test_an_end_on_another_chain_than_its_location_is_quarantined(changes: dict[str, Any]) -> None:
    assert facts_of(TRANSFER, **changes)["reason"] == "location_mismatch"


@pytest.mark.parametrize("key", ["instrument", "to_instrument"])
def test_a_transfer_of_an_unknown_instrument_is_quarantined(key: str) -> None:
    facts = facts_of(TRANSFER, **{**POSITION, key: "x.y"})
    assert facts["reason"] == "unknown_instrument"


@pytest.mark.parametrize(
    "event",
    [
        Transfer("T1", "sent", "BTC", TIME, amount="1"),
        Transfer("T1", "whole", "BTC", TIME, amount="1", arrived="1", from_venue="v"),
        Transfer("T1", "arrived", "BTC", TIME, arrived="1"),
    ],
)
def test_a_transfer_from_or_to_nowhere_is_quarantined(event: Transfer) -> None:
    assert '"reason":"unknown_location"' in text_of(event)


# --- what is refused, in which words ---

BAD_TRANSFERS: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    (TRANSFER, {"step": ...}, "step: is missing"),
    (TRANSFER, {"step": "lost"}, "step: must be one of sent, arrived, failed, whole, not 'lost'"),
    (TRANSFER, {"transfer_id": ...}, "transfer_id: is missing"),
    (TRANSFER, {"token": ...}, "token: is missing"),
    (TRANSFER, {"amount": ...}, "amount: is missing"),
    (TRANSFER, {"amount": "0"}, "amount: must be more than 0, not 0"),
    (TRANSFER, {"amount": "-1"}, "amount: must be more than 0, not -1"),
    (TRANSFER, {"arrived": ...}, "arrived: is missing"),
    (TRANSFER, {"arrived": "0"}, "arrived: must be more than 0, not 0"),
    (TRANSFER, {"fee": "1"}, "fee: says the same as arrived, which is given too"),
    (TRANSFER, {"arrived": ..., "fee": "-1"}, "fee: must be 0 or more, not -1"),
    (TRANSFER, {"arrived": ..., "fee": "2"}, "fee: must be less than the amount, 2, not 2"),
    (
        TRANSFER,
        {"arrived": ..., "amount": "1" + "0" * 38, "fee": "1e-36"},
        "fee: too large, its digits must stay below 2^128 as an integer",
    ),
    (TRANSFER, {"executed_at": ...}, "executed_at: is missing"),
    (
        TRANSFER,
        {"from_venue": ...},
        "from_location: is missing, or from_account, from_venue or from_chain_id",
    ),
    (
        TRANSFER,
        {"to_chain_id": ...},
        "to_location: is missing, or to_account, to_venue or to_chain_id",
    ),
    (
        TRANSFER,
        {"from_location": "a", "from_account": "b"},
        "from_account: is part of a location, which is given too",
    ),
    (
        TRANSFER,
        {"to_location": "a", "to_account": "b"},
        "to_account: is part of a location, which is given too",
    ),
    (TRANSFER, {"instrument": "v.coin"}, "strategy_id: is missing beside instrument"),
    (TRANSFER, {"rate": "1"}, "rate: needs to_instrument beside it"),
    (TRANSFER, {**TO_POOL, "rate": "0"}, "rate: must be more than 0, not 0"),
    (TRANSFER, {"to_book": "b"}, "to_book: belongs to step sent or arrived, not whole"),
    (TRANSFER, {"from_book": "b"}, "from_book: belongs to step arrived, not whole"),
    (TRANSFER, {"cost": "1"}, "cost: belongs to step arrived, not whole"),
    (TRANSFER, {"location": "a"}, "location: is not a known key, did you mean to_location?"),
    (TRANSFER, {"from_chain": 1}, "from_chain: is not a known key, did you mean from_chain_id?"),
    (SENT, {"arrived": "1"}, "arrived: belongs to step arrived or whole, not sent"),
    (SENT, {"fee": "1"}, "fee: belongs to step arrived or whole, not sent"),
    (SENT, TO_POOL, "to_instrument: belongs to step arrived or whole, not sent"),
    (SENT, {"rate": "1"}, "rate: belongs to step arrived or whole, not sent"),
    (SENT, {"amount": ...}, "amount: is missing"),
    (ARRIVED, {"amount": "2"}, "amount: belongs to step sent or whole, not arrived"),
    (ARRIVED, {"arrived": ..., "fee": "1"}, "amount: is missing"),
    (ARRIVED, {"to_book": "b", "from_book": "c"}, "from_book: cannot stand beside to_book"),
    (ARRIVED, {"to_book": "b", **TO_POOL}, "to_instrument: cannot stand beside to_book"),
    (ARRIVED, {"to_book": "b", "rate": "2"}, "rate: cannot stand beside to_book"),
    (ARRIVED, {"cost": "1"}, "cost: needs from_book beside it"),
    (ARRIVED, {**FROM_BOOK, "cost": ...}, "cost: is missing beside to_instrument"),
    (ARRIVED, {**FROM_BOOK, "to_instrument": ...}, "to_instrument: is missing beside cost"),
    (ARRIVED, {**FROM_BOOK, "strategy_id": ...}, "strategy_id: is missing beside cost"),
    (FAILED, {"amount": "1"}, "amount: belongs to step sent or whole, not failed"),
    (FAILED, {"amount": "1", "fee": "0"}, "fee: belongs to step arrived or whole, not failed"),
]


@pytest.mark.parametrize(
    ("base", "changes", "fault"),
    [
        *((base, changes, f"transfer: {fault}") for base, changes, fault in BAD_TRANSFERS),
        (WITHDRAWAL, {"amount": "-1"}, "withdrawal: amount: must be more than 0, not -1"),
        (WITHDRAWAL, {"amount": "0"}, "withdrawal: amount: must be more than 0, not 0"),
        (WITHDRAWAL, {"amount": ...}, "withdrawal: amount: is missing"),
        (WITHDRAWAL, {"token": ...}, "withdrawal: token: is missing"),
        (WITHDRAWAL, {"cost": "1"}, "withdrawal: cost: is not a known key"),
        (
            WITHDRAWAL,
            {"venue": ...},
            "withdrawal: location: is missing, or account, venue or chain_id",
        ),
        (
            WITHDRAWAL,
            {"strategy_id": 7},
            "withdrawal: instrument: is missing beside strategy_id",
        ),
        (
            WITHDRAWAL,
            {"instrument": "v.coin"},
            "withdrawal: strategy_id: is missing beside instrument",
        ),
        (ALLOCATION, {"amount": "0"}, "allocation: amount: must not be 0"),
        (ALLOCATION, {"strategy_id": ...}, "allocation: strategy_id: is missing"),
        (ALLOCATION, {"token": ...}, "allocation: token: is missing"),
        (ALLOCATION, {"venue": "v"}, "allocation: venue: is not a known key"),
    ],
)
def test_a_bad_line_is_refused_in_one_line_that_names_the_key(
    base: dict[str, Any], changes: dict[str, Any], fault: str
) -> None:
    with pytest.raises(EventError) as raised:
        parse_line(line(base, **changes))
    assert str(raised.value) == fault
