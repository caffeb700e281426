"""Reserve and release: what their lines may say, and the facts of them."""

from typing import Any

import pytest

from pm.events.lines import parse_line
from pm.events.model import EventError, Release, Reservation
from tests.pure.event_tables import HEAD, TIME, facts_of, line, written

RELEASE: dict[str, Any] = {
    "kind": "release",
    "event_id": "E1",
    "order_id": "O1",
    "venue": "v",
    "token": "USDT",
    "executed_at": TIME,
}
RESERVE: dict[str, Any] = {**RELEASE, "kind": "reserve", "amount": "200.50"}


def test_a_reservation_is_taken_as_it_stands() -> None:
    event = parse_line(line(RESERVE, quantity=2, strategy_id=7, account="fund", book="b"))
    assert event == Reservation(
        event_id="E1",
        order_id="O1",
        venue="v",
        token="USDT",
        amount="200.5",
        executed_at=TIME,
        quantity="2",
        strategy_id=7,
        account="fund",
        book="b",
    )


def test_a_release_needs_no_amount() -> None:
    event = parse_line(line(RELEASE))
    assert isinstance(event, Release)
    assert event.amount is None


def test_a_reservation_is_written_in_the_order_of_the_contract() -> None:
    assert written(RESERVE, quantity="2", strategy_id=7, token="WETH") == (
        f'{{"kind":"reserve",{HEAD},"id":"event/E1","strategy":"7","venue":"v","location":"v",'
        '"chain_id":"0","order":"v:O1","assets":{"WETH":"ETH"},"token":"WETH","amount":"200.5",'
        '"quantity":"2"}'
    )


def test_a_release_is_written_in_the_order_of_the_contract() -> None:
    assert written(RELEASE, amount="5", strategy_id=7) == (
        f'{{"kind":"release",{HEAD},"id":"event/E1","venue":"v","location":"v","chain_id":"0",'
        '"order":"v:O1","token":"USDT","amount":"5"}'
    )


@pytest.mark.parametrize(
    ("changes", "location", "chain_id"),
    [
        ({"account": "fund"}, "fund", "0"),
        ({"venue": "pools"}, "polygon", "137"),
        ({"venue": "pools", "account": "fund"}, "fund.polygon", "137"),
        ({"chain_id": 1}, "ethereum", "1"),
        ({"location": "vault.polygon"}, "vault.polygon", "137"),
    ],
)
def test_a_balance_is_reserved_where_the_order_settles(
    changes: dict[str, Any], location: str, chain_id: str
) -> None:
    facts = facts_of(RESERVE, **changes)
    assert (facts["location"], facts["chain_id"]) == (location, chain_id)


@pytest.mark.parametrize("base", [RESERVE, RELEASE])
def test_an_order_has_a_date_where_order_ids_are_used_again(base: dict[str, Any]) -> None:
    assert facts_of(base, venue="daily")["order"] == "daily:O1.2023-11-14"
    assert facts_of(base, venue="daily", order_date="2023-11-13")["order"] == "daily:O1.2023-11-13"


@pytest.mark.parametrize("base", [RESERVE, RELEASE])
def test_a_location_on_another_chain_is_quarantined(base: dict[str, Any]) -> None:
    assert facts_of(base, location="vault", chain_id=1)["reason"] == "location_mismatch"
    assert facts_of(base, account="x.ethereum")["reason"] == "location_mismatch"


@pytest.mark.parametrize(
    ("base", "changes", "fault"),
    [
        (RESERVE, {"amount": ...}, "reserve: amount: is missing"),
        (RESERVE, {"amount": "0"}, "reserve: amount: must be more than 0, not 0"),
        (RESERVE, {"amount": "-1"}, "reserve: amount: must be more than 0, not -1"),
        (RESERVE, {"quantity": "-2"}, "reserve: quantity: must be more than 0, not -2"),
        (RESERVE, {"quantity": "0"}, "reserve: quantity: must be more than 0, not 0"),
        (RESERVE, {"venue": ...}, "reserve: venue: is missing"),
        (RESERVE, {"order_id": ...}, "reserve: order_id: is missing"),
        (RESERVE, {"event_id": ...}, "reserve: event_id: is missing"),
        (RESERVE, {"token": ...}, "reserve: token: is missing"),
        (RESERVE, {"executed_at": ...}, "reserve: executed_at: is missing"),
        (
            RESERVE,
            {"location": "a", "account": "b"},
            "reserve: account: is part of a location, which is given too",
        ),
        (RESERVE, {"tokn": "A"}, "reserve: tokn: is not a known key, did you mean token?"),
        (RELEASE, {"amount": "0"}, "release: amount: must be more than 0, not 0"),
        (RELEASE, {"quantity": "2"}, "release: quantity: is not a known key"),
        (RELEASE, {"order_id": ...}, "release: order_id: is missing"),
    ],
)
def test_a_bad_line_is_refused_in_one_line_that_names_the_key(
    base: dict[str, Any], changes: dict[str, Any], fault: str
) -> None:
    with pytest.raises(EventError) as raised:
        parse_line(line(base, **changes))
    assert str(raised.value) == fault
