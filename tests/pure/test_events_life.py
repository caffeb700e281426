"""What happens to instruments: what its lines may say, and the facts of it."""

from typing import Any

import pytest

from pm.events.lines import parse_line
from pm.events.model import (
    Dividend,
    EventError,
    Exercise,
    Expiry,
    Funding,
    Settlement,
    Split,
)
from tests.pure.event_tables import (
    HEAD,
    OPTION,
    PERPETUAL,
    STOCK,
    TIME,
    facts_of,
    line,
    text_of,
    written,
)

COMMON: dict[str, Any] = {"event_id": "E1", "executed_at": TIME}
FUNDING: dict[str, Any] = {
    **COMMON, "kind": "funding", "instrument": "v.perpetual", "amount": "-3.5",
}  # fmt: skip
EX: dict[str, Any] = {
    "kind": "dividend", "dividend_id": "D1", "step": "ex", "instrument": "v.stock", "rate": "0.25",
    "executed_at": TIME,
}  # fmt: skip
PAID: dict[str, Any] = {**EX, "step": "paid", "rate": ...}
WHOLE: dict[str, Any] = {**EX, "step": "whole"}
SPLIT: dict[str, Any] = {
    **COMMON, "kind": "split", "instrument": "v.stock", "numerator": 3, "denominator": 2,
}  # fmt: skip
EXPIRY: dict[str, Any] = {**COMMON, "kind": "expiry", "instrument": "v.call"}
EXERCISE: dict[str, Any] = {**EXPIRY, "kind": "exercise", "intrinsic": "12.50"}
SETTLEMENT: dict[str, Any] = {
    **COMMON, "kind": "settlement", "instrument": "v.perpetual", "price": "65000",
}  # fmt: skip
PHYSICAL = {"intrinsic": ..., "physical": True}
ALL = (FUNDING, EX, PAID, WHOLE, SPLIT, EXPIRY, EXERCISE, SETTLEMENT)


# --- what is taken ---


def test_what_happens_to_an_instrument_is_taken_as_it_stands() -> None:
    assert parse_line(line(FUNDING, rate="0.0001", price="65000")) == Funding(
        "E1", "v.perpetual", TIME, amount="-3.5", rate="0.0001", price="65000"
    )
    assert parse_line(line(EX)) == Dividend("D1", "ex", "v.stock", TIME, rate="0.25")
    assert parse_line(line(PAID, amount="5")) == Dividend("D1", "paid", "v.stock", TIME, amount="5")
    assert parse_line(line(SPLIT, price="1.5")) == Split(
        "E1", "v.stock", "3", "2", TIME, price="1.5"
    )
    assert parse_line(line(EXPIRY, strategy_id=7)) == Expiry("E1", "v.call", TIME, 7)
    assert parse_line(line(EXERCISE)) == Exercise("E1", "v.call", TIME, intrinsic="12.5")
    assert parse_line(line(SETTLEMENT, final=True)) == Settlement(
        "E1", "v.perpetual", "65000", TIME, final=True
    )


def test_a_dividend_without_id_has_that_of_the_event() -> None:
    event = parse_line(line(EX, dividend_id=..., event_id="E1"))
    assert isinstance(event, Dividend)
    assert event.dividend_id == "E1"


# --- the facts ---


def test_funding_is_written_in_the_order_of_the_contract() -> None:
    assert written(FUNDING, rate="-0.0001", price="65000", strategy_id=7) == (
        f'{{"kind":"funding",{HEAD},"id":"event/E1","strategy":"7","venue":"v","location":"v",'
        f'"chain_id":"0",{PERPETUAL},"token":"USDT","amount":"-3.5","rate":"-0.0001",'
        '"price":"65000"}'
    )


def test_an_ex_date_is_written_in_the_order_of_the_contract() -> None:
    assert written(EX) == (
        f'{{"kind":"dividend",{HEAD},"id":"dividend/D1/ex","venue":"v","location":"v",'
        f'"chain_id":"0",{STOCK},"dividend":"D1","step":"ex","rate":"0.25","token":"USD"}}'
    )


def test_a_paid_dividend_is_written_in_the_order_of_the_contract() -> None:
    assert written(PAID, amount="9", token="USDC.e") == (
        f'{{"kind":"dividend",{HEAD},"id":"dividend/D1/paid","venue":"v","location":"v",'
        f'"chain_id":"0",{STOCK},"assets":{{"USDC.e":"USDC"}},"dividend":"D1","step":"paid",'
        '"token":"USDC.e","amount":"9"}'
    )


def test_a_split_carries_the_decimals_of_its_instrument() -> None:
    assert written(SPLIT, price="10") == (
        f'{{"kind":"split",{HEAD},"id":"event/E1","venue":"v","location":"v","chain_id":"0",'
        f'{STOCK},"numerator":"3","denominator":"2","decimals":"4","price":"10"}}'
    )


def test_an_expiry_is_written_in_the_order_of_the_contract() -> None:
    assert written(EXPIRY) == (
        f'{{"kind":"expiry",{HEAD},"id":"event/E1","venue":"v","location":"v","chain_id":"0",'
        f"{OPTION}}}"
    )


def test_an_exercise_in_cash_is_written_in_the_order_of_the_contract() -> None:
    assert written(EXERCISE, strategy_id=7, quantity="2") == (
        f'{{"kind":"exercise",{HEAD},"id":"event/E1","strategy":"7","venue":"v","location":"v",'
        f'"chain_id":"0",{OPTION},"quantity":"2","intrinsic":"12.5"}}'
    )


def test_a_physical_exercise_names_what_is_delivered() -> None:
    assert written(EXERCISE, **PHYSICAL, account="fund") == (
        f'{{"kind":"exercise",{HEAD},"id":"event/E1","venue":"v","location":"fund",'
        f'"chain_id":"0",{OPTION},"underlying":{{{STOCK},"chain_id":"0","location":"fund"}},'
        '"strike":"90","option_type":"call"}'
    )


def test_what_is_delivered_brings_its_assets_along() -> None:
    facts = facts_of(EXERCISE, **PHYSICAL, underlying="pools.pool")
    assert facts["assets"] == {"USDC.e": "USDC", "WETH": "ETH"}


def test_a_settlement_is_final_only_where_it_says_so() -> None:
    start = (
        f'{{"kind":"settlement",{HEAD},"id":"event/E1","venue":"v","location":"v","chain_id":"0",'
        f'{PERPETUAL},"price":"65000"'
    )
    assert written(SETTLEMENT) == f"{start}}}"
    assert written(SETTLEMENT, final=False) == f"{start}}}"
    assert written(SETTLEMENT, final=True) == f'{start},"final":"1"}}'


@pytest.mark.parametrize("base", ALL)
def test_the_place_is_the_instrument_s_unless_it_is_said(base: dict[str, Any]) -> None:
    pool = facts_of({**base, "instrument": "pools.pool"}, **_cash(base))
    assert (pool["venue"], pool["location"], pool["chain_id"]) == ("pools", "polygon", "137")
    other = facts_of({**base, "instrument": "pools.pool"}, venue="w", location="x", **_cash(base))
    assert (other["venue"], other["location"], other["chain_id"]) == ("w", "x", "0")


@pytest.mark.parametrize("base", ALL)
def test_a_location_on_another_chain_is_quarantined(base: dict[str, Any]) -> None:
    assert facts_of(base, location="ethereum", chain_id=0)["reason"] == "location_mismatch"


@pytest.mark.parametrize("base", ALL)
def test_an_unknown_instrument_is_quarantined(base: dict[str, Any]) -> None:
    assert facts_of(base, instrument="x.y")["reason"] == "unknown_instrument"


def _cash(base: dict[str, Any]) -> dict[str, Any]:
    return {"intrinsic": "1"} if base is EXERCISE else {}


# --- what an option is worth ---


@pytest.mark.parametrize(
    ("option", "settlement_price", "intrinsic"),
    [
        ("v.call", "100.25", "10.25"),
        ("v.call", "90", "0"),
        ("v.call", "80", "0"),
        ("v.put", "80", "10"),
        ("v.put", "90", "0"),
        ("v.put", "100", "0"),
        ("v.put", "0", "90"),
        ("v.coin_call", "100", "0.1"),
        ("v.coin_call", "105", "0.142857142857142857"),
        ("v.coin_call", "0", "0"),
        ("v.coin_put", "60", "0.5"),
    ],
)
def test_the_settlement_price_gives_the_intrinsic_value(
    option: str, settlement_price: str, intrinsic: str
) -> None:
    facts = facts_of(EXERCISE, instrument=option, intrinsic=..., settlement_price=settlement_price)
    assert facts["intrinsic"] == intrinsic
    assert "settlement_price" not in facts


@pytest.mark.parametrize(
    ("changes", "reason", "detail"),
    [
        ({**PHYSICAL, "instrument": "v.stock"}, "not_an_option", "v.stock is of kind equity"),
        (
            {"intrinsic": ..., "settlement_price": "1", "instrument": "v.coin"},
            "not_an_option",
            "v.coin is of kind spot",
        ),
        (
            {**PHYSICAL, "instrument": "v.of_nothing"},
            "unknown_underlying",
            "v.of_nothing has no underlying",
        ),
        (
            {**PHYSICAL, "instrument": "v.of_token"},
            "unknown_underlying",
            "ACME, the underlying of v.of_token, is no instrument",
        ),
        (
            {**PHYSICAL, "underlying": "x.y"},
            "unknown_underlying",
            "x.y, the underlying of v.call, is no instrument",
        ),
        (
            {**PHYSICAL, "instrument": "v.no_strike"},
            "unknown_strike",
            "v.no_strike has no strike_price",
        ),
        (
            {"intrinsic": ..., "settlement_price": "1", "instrument": "v.no_type"},
            "unknown_option_type",
            "v.no_type has no option_type",
        ),
        (
            {"intrinsic": ..., "settlement_price": "0", "instrument": "v.coin_put"},
            "unknown_intrinsic",
            "v.coin_put cannot settle at price 0",
        ),
        (
            {"intrinsic": ..., "settlement_price": "1" + "0" * 38, "instrument": "v.far"},
            "amount_out_of_range",
            "intrinsic: too large, its digits must stay below 2^128 as an integer",
        ),
    ],
)
def test_an_exercise_that_reference_data_cannot_complete_is_quarantined(
    changes: dict[str, Any], reason: str, detail: str
) -> None:
    facts = facts_of(EXERCISE, **changes)
    assert (facts["kind"], facts["reason"], facts["detail"]) == ("quarantined", reason, detail)


def test_the_underlying_may_be_said_where_the_reference_names_a_token() -> None:
    facts = facts_of(EXERCISE, **PHYSICAL, instrument="v.of_token", underlying="v.stock")
    assert facts["underlying"]["instrument"] == "v.stock"


def test_an_exercise_by_nothing_is_quarantined() -> None:
    assert '"reason":"unknown_intrinsic"' in text_of(Exercise("E1", "v.put", TIME))


# --- what is refused, in which words ---


@pytest.mark.parametrize("base", ALL)
def test_every_kind_needs_its_instrument_and_time(base: dict[str, Any]) -> None:
    for key in ("instrument", "executed_at"):
        with pytest.raises(EventError) as raised:
            parse_line(line(base, **{key: ...}))
        assert str(raised.value) == f"{base['kind']}: {key}: is missing"


@pytest.mark.parametrize(
    ("base", "changes", "fault"),
    [
        (FUNDING, {"event_id": ...}, "funding: event_id: is missing"),
        (FUNDING, {"amount": ...}, "funding: amount: is missing, or rate and price"),
        (FUNDING, {"rate": "1"}, "funding: price: is missing beside rate"),
        (FUNDING, {"price": "1"}, "funding: rate: is missing beside price"),
        (FUNDING, {"rate": "1", "price": "-1"}, "funding: price: must be 0 or more, not -1"),
        (FUNDING, {"amont": "1"}, "funding: amont: is not a known key, did you mean amount?"),
        (
            FUNDING,
            {"location": "a", "account": "b"},
            "funding: account: is part of a location, which is given too",
        ),
        (EX, {"step": ...}, "dividend: step: is missing"),
        (EX, {"step": "due"}, "dividend: step: must be one of ex, paid, whole, not 'due'"),
        (EX, {"dividend_id": ...}, "dividend: dividend_id: is missing"),
        (EX, {"rate": ...}, "dividend: rate: is missing"),
        (EX, {"rate": "0"}, "dividend: rate: must be more than 0, not 0"),
        (EX, {"amount": "1"}, "dividend: amount: belongs to step paid or whole, not ex"),
        (PAID, {"rate": "1"}, "dividend: rate: belongs to step ex or whole, not paid"),
        (WHOLE, {"amount": "x"}, "dividend: amount: 'x' is not a decimal number"),
        (SPLIT, {"numerator": ...}, "split: numerator: is missing"),
        (SPLIT, {"denominator": ...}, "split: denominator: is missing"),
        (SPLIT, {"numerator": "0"}, "split: numerator: must be more than 0, not 0"),
        (SPLIT, {"denominator": "-2"}, "split: denominator: must be more than 0, not -2"),
        (SPLIT, {"price": "-1"}, "split: price: must be 0 or more, not -1"),
        (SPLIT, {"event_id": ...}, "split: event_id: is missing"),
        (EXPIRY, {"price": "0"}, "expiry: price: is not a known key"),
        (EXPIRY, {"event_id": ...}, "expiry: event_id: is missing"),
        (
            EXERCISE,
            {"intrinsic": ...},
            "exercise: intrinsic: is missing, or settlement_price, or physical",
        ),
        (
            EXERCISE,
            {"intrinsic": ..., "physical": False},
            "exercise: intrinsic: is missing, or settlement_price, or physical",
        ),
        (EXERCISE, {"intrinsic": "-1"}, "exercise: intrinsic: must be 0 or more, not -1"),
        (
            EXERCISE,
            {"settlement_price": "1"},
            "exercise: settlement_price: cannot stand beside intrinsic",
        ),
        (EXERCISE, {"physical": True}, "exercise: physical: cannot stand beside intrinsic"),
        (EXERCISE, {"physical": "yes"}, "exercise: physical: must be true or false, not 'yes'"),
        (EXERCISE, {"underlying": "x"}, "exercise: underlying: needs physical beside it"),
        (EXERCISE, {"quantity": "1"}, "exercise: strategy_id: is missing beside quantity"),
        (
            EXERCISE,
            {"quantity": "-1", "strategy_id": 7},
            "exercise: quantity: must be more than 0, not -1",
        ),
        (EXERCISE, {"strike": "1"}, "exercise: strike: is not a known key"),
        (SETTLEMENT, {"price": ...}, "settlement: price: is missing"),
        (SETTLEMENT, {"price": "-1"}, "settlement: price: must be 0 or more, not -1"),
        (SETTLEMENT, {"final": 2}, "settlement: final: must be true or false, not '2'"),
        (SETTLEMENT, {"fnal": True}, "settlement: fnal: is not a known key, did you mean final?"),
    ],
)
def test_a_bad_line_is_refused_in_one_line_that_names_the_key(
    base: dict[str, Any], changes: dict[str, Any], fault: str
) -> None:
    with pytest.raises(EventError) as raised:
        parse_line(line(base, **changes))
    assert str(raised.value) == fault
