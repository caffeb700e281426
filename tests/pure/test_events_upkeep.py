"""What the books' own processes find out: its tables, and the facts of it."""

from typing import Any

import pytest

from pm.events.lines import parse_line
from pm.events.model import EventError, FeeValue, TraceArchived, TraceExpired
from tests.pure.event_tables import COIN, HEAD, TIME, facts_of, line, written

FEE_VALUE: dict[str, Any] = {
    "kind": "fee_value",
    "fee_seq": 12,
    "strategy_id": 7,
    "instrument": "v.coin",
    "token": "WETH",
    "amount": "-0.5",
    "value": "-1000",
    "fee_executed_at": TIME - 1,
    "executed_at": TIME,
}
TRACE = "ab" * 16
EXPIRED: dict[str, Any] = {
    "kind": "trace_expired",
    "trace_id": TRACE.upper(),
    "steps": 3,
    "verdict": "stranded",
    "executed_at": TIME,
}
ARCHIVED: dict[str, Any] = {**EXPIRED, "kind": "trace_archived", "verdict": ...}


def test_what_was_found_out_is_taken_as_it_stands() -> None:
    assert parse_line(line(FEE_VALUE)) == FeeValue(
        fee_seq=12,
        strategy_id=7,
        instrument="v.coin",
        token="WETH",
        amount="-0.5",
        value="-1000",
        fee_executed_at=TIME - 1,
        executed_at=TIME,
    )
    assert parse_line(line(EXPIRED)) == TraceExpired(TRACE, 3, "stranded", TIME)
    assert parse_line(line(ARCHIVED)) == TraceArchived(TRACE, 3, TIME)


def test_a_trace_belongs_to_no_strategy() -> None:
    assert parse_line(line(EXPIRED)).strategy_id is None
    assert parse_line(line(ARCHIVED)).strategy_id is None


def test_the_value_of_a_fee_is_written_in_the_order_of_the_contract() -> None:
    assert written(FEE_VALUE) == (
        f'{{"kind":"fee_value",{HEAD},"id":"fee/12/WETH","strategy":"7","venue":"v",{COIN},'
        '"assets":{"WETH":"ETH"},"token":"WETH","amount":"-0.5","value":"-1000",'
        f'"fee_executed_at":"{TIME - 1}"}}'
    )
    assert facts_of(FEE_VALUE, venue="w")["venue"] == "w"


def test_the_end_of_a_trace_is_written_in_the_order_of_the_contract() -> None:
    assert written(EXPIRED) == (
        f'{{"kind":"trace_expired",{HEAD},"id":"trace/{TRACE}/3/expired",'
        f'"trace":{{"id":"{TRACE}"}},"steps":"3","verdict":"stranded"}}'
    )
    assert written(ARCHIVED) == (
        f'{{"kind":"trace_archived",{HEAD},"id":"trace/{TRACE}/3/archived",'
        f'"trace":{{"id":"{TRACE}"}},"steps":"3"}}'
    )


@pytest.mark.parametrize(
    ("base", "changes", "fault"),
    [
        (FEE_VALUE, {"fee_seq": 0}, "fee_value: fee_seq: must be 1 to 9007199254740991, not 0"),
        (FEE_VALUE, {"strategy_id": ...}, "fee_value: strategy_id: is missing"),
        (FEE_VALUE, {"amount": "0"}, "fee_value: amount: must not be 0"),
        (FEE_VALUE, {"value": ...}, "fee_value: value: is missing"),
        (FEE_VALUE, {"fee_executed_at": ...}, "fee_value: fee_executed_at: is missing"),
        (FEE_VALUE, {"seq": 1}, "fee_value: seq: is not a known key, did you mean fee_seq?"),
        (EXPIRED, {"steps": "x"}, "trace_expired: steps: must be a whole number, not 'x'"),
        (
            EXPIRED,
            {"verdict": "open"},
            "trace_expired: verdict: must be one of expired, stranded, completed, not 'open'",
        ),
        (
            EXPIRED,
            {"trace_id": "1"},
            "trace_expired: trace_id: must be 32 hex digits that are not all 0, not '1'",
        ),
        (ARCHIVED, {"verdict": "x"}, "trace_archived: verdict: is not a known key"),
        (ARCHIVED, {"trace_id": ...}, "trace_archived: trace_id: is missing"),
    ],
)
def test_a_bad_table_is_refused_in_one_line_that_names_the_key(
    base: dict[str, Any], changes: dict[str, Any], fault: str
) -> None:
    with pytest.raises(EventError) as raised:
        parse_line(line(base, **changes))
    assert str(raised.value) == fault
