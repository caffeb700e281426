"""JSON lines to events: what is taken, what is refused and in which words, and exact numbers."""

import json
from typing import Any

import pytest

from pm.events.lines import MAX_LINE_LENGTH, MarkLine, parse_line, parse_lines
from pm.events.model import (
    CapitalFlow,
    EventError,
    ExecutionResult,
    Fee,
    Fill,
    OrderStatus,
    Rejected,
    Trace,
)

FILL: dict[str, Any] = {
    "kind": "fill",
    "execution_id": "T1",
    "order_id": "O1",
    "strategy_id": 7,
    "instrument": "binance.coin.BTCUSDT",
    "side": "buy",
    "quantity": "0.5",
    "price": "65000.12",
    "venue": "binance",
    "executed_at": 1_700_000_000_000_000_000,
}
RESULT: dict[str, Any] = {
    **{key: value for key, value in FILL.items() if key != "execution_id"},
    "kind": "execution_result",
    "event_id": "E1",
}
ORDER: dict[str, Any] = {
    "event_id": "E1",
    "order_id": "O1",
    "venue": "binance",
    "executed_at": 1_700_000_000_000_000_000,
}
DEPOSIT: dict[str, Any] = {
    "kind": "deposit",
    "event_id": "E1",
    "token": "USDT",
    "amount": "100",
    "venue": "binance",
    "executed_at": 1_700_000_000_000_000_000,
}
OPENED_POSITION = {"strategy_id": 7, "instrument": "x.y", "cost": "500"}


def line(base: dict[str, Any], **changes: Any) -> str:
    """A line of `base` with some keys changed; a change to `...` leaves the key out."""
    merged = {**base, **changes}
    return json.dumps({key: value for key, value in merged.items() if value is not ...})


def fill(**changes: Any) -> Fill:
    event = parse_line(line(FILL, **changes))
    assert isinstance(event, Fill)
    return event


def result(**changes: Any) -> ExecutionResult:
    event = parse_line(line(RESULT, **changes))
    assert isinstance(event, ExecutionResult)
    return event


def flow(**changes: Any) -> CapitalFlow:
    event = parse_line(line(DEPOSIT, **changes))
    assert isinstance(event, CapitalFlow)
    return event


# --- what is taken ---


def test_a_full_fill_is_taken_as_it_stands() -> None:
    event = parse_line(
        '{"kind":"fill","execution_id":"T1","order_id":"O1","strategy_id":7,'
        '"instrument":"binance.coin.BTCUSDT","side":"buy","quantity":"0.5","price":"65000.12",'
        '"fees":[{"token":"USDT","amount":"3.25"}],"venue":"binance",'
        '"executed_at":1700000000000000000,"decided_at":1699999999999000000,'
        '"trace":{"id":"00000000000000000000000000000001","arbitrage":true,"step":"entry"}}'
    )
    assert event == Fill(
        execution_id="T1",
        order_id="O1",
        venue="binance",
        strategy_id=7,
        instrument="binance.coin.BTCUSDT",
        quantity="0.5",
        price="65000.12",
        executed_at=1_700_000_000_000_000_000,
        fees=(Fee("USDT", "3.25"),),
        decided_at=1_699_999_999_999_000_000,
        trace=Trace("00000000000000000000000000000001", True, "entry"),
    )


def test_what_a_fill_may_leave_out_is_not_known() -> None:
    event = fill()
    assert event.fees == ()
    assert (event.quote_amount, event.decided_at, event.trace) == (None, None, None)
    assert (event.account, event.book) == (None, None)


def test_a_null_counts_as_left_out() -> None:
    assert fill(trace=None, decided_at=None) == fill()


@pytest.mark.parametrize(
    ("written", "exact"),
    [
        ("0.1", "0.1"),
        ('"0.1"', "0.1"),
        ("1e-18", "0.000000000000000001"),
        ('"1E-18"', "0.000000000000000001"),
        ("0.30000000000000004", "0.30000000000000004"),
        ("100000000000000000000000000000000000001", "100000000000000000000000000000000000001"),
        ("9007199254740993", "9007199254740993"),
        ("1.50", "1.5"),
        ("5", "5"),
        ("2.0", "2"),
    ],
)
def test_numbers_are_never_floats(written: str, exact: str) -> None:
    event = parse_line(line(FILL, price="PRICE").replace('"PRICE"', written))
    assert isinstance(event, Fill)
    assert event.price == exact


@pytest.mark.parametrize(
    ("side", "quantity", "signed"),
    [
        ("buy", "0.5", "0.5"),
        ("sell", "0.5", "-0.5"),
        (..., "0.5", "0.5"),
        (..., "-0.5", "-0.5"),
    ],
)
def test_a_quantity_is_signed_by_its_side_or_by_itself(
    side: Any, quantity: str, signed: str
) -> None:
    assert fill(side=side, quantity=quantity).quantity == signed


def test_a_negative_fee_is_a_rebate_and_gas_is_a_class() -> None:
    fees = [{"token": "BNB", "amount": "-0.01"}, {"token": "ETH", "amount": "1", "kind": "gas"}]
    assert fill(fees=fees).fees == (Fee("BNB", "-0.01"), Fee("ETH", "1", "gas"))


def test_a_fee_may_leave_its_token_to_the_instrument() -> None:
    assert fill(fees=[{"amount": "1"}]).fees == (Fee(None, "1"),)


def test_the_step_of_a_trace_may_be_missing() -> None:
    assert fill(trace={"id": "AB" * 16}).trace == Trace("ab" * 16, False, None)


def test_ids_are_escaped_once() -> None:
    event = fill(execution_id="a:b", order_id="50%", venue="my venue", instrument="BTC/USDT")
    assert event.execution_id == "a%3Ab"
    assert event.order_id == "50%25"
    assert event.venue == "my%20venue"
    assert event.instrument == "BTC%2FUSDT"


def test_an_id_may_be_a_number() -> None:
    assert fill(order_id=18_446_744_073_709_551_615).order_id == "18446744073709551615"


def test_a_result_under_the_names_of_the_execution_engine_is_the_same_result() -> None:
    theirs = result(
        quantity=..., price=..., executed_at=..., instrument=...,
        quantity_filled="0.5", average_price="65000.12", total_fees=[{"amount": "1"}],
        execution_time=FILL["executed_at"], result_type=3, instrument_id=FILL["instrument"],
    )  # fmt: skip
    assert theirs == result(fees=[{"amount": "1"}], result="partial")


def test_a_result_is_filled_unless_it_says_otherwise() -> None:
    assert result().result == "filled"


@pytest.mark.parametrize(
    ("given", "word"),
    [
        (1, "filled"), (2, "rejected"), (3, "partial"), (4, "cancelled"), ("2", "rejected"),
        (0, "unknown"), (9, "unknown"), ("cancelled", "cancelled"), ("unknown", "unknown"),
    ],
)  # fmt: skip
def test_a_result_is_a_word_or_a_number(given: Any, word: str) -> None:
    assert result(result=given).result == word


def test_a_result_without_quantity_needs_no_price() -> None:
    event = result(result="rejected", quantity="0", price=...)
    assert (event.quantity, event.price) == ("0", None)


def test_fees_that_a_result_does_not_state_differ_from_no_fees() -> None:
    assert result().fees is None
    assert result(fees=[]).fees == ()


def test_a_rejection_needs_neither_strategy_nor_instrument() -> None:
    event = parse_line(line(ORDER, kind="rejected", reason="no funds: 5 < 10"))
    assert isinstance(event, Rejected)
    assert (event.strategy_id, event.instrument, event.side) == (None, None, None)
    assert event.reason == "no%20funds%3A%205%20%3C%2010"


def test_a_long_reason_is_cut_and_never_within_an_escape() -> None:
    event = parse_line(line(ORDER, kind="rejected", reason="x" * 127 + "é"))
    assert isinstance(event, Rejected)
    assert event.reason == "x" * 127


@pytest.mark.parametrize(
    ("given", "status"),
    [("FILLED", "filled"), ("Canceled", "cancelled"), ("PARTIALLY_FILLED", "partially_filled")],
)
def test_a_status_is_in_lower_case(given: str, status: str) -> None:
    event = parse_line(line(ORDER, kind="order_status", status=given))
    assert isinstance(event, OrderStatus)
    assert event.status == status


@pytest.mark.parametrize("place", ["venue", "account", "location"])
def test_a_deposit_says_where_it_arrives(place: str) -> None:
    event = flow(**{"venue": ..., place: "here"})
    assert getattr(event, place) == "here"


def test_a_deposit_may_arrive_on_a_chain() -> None:
    assert flow(venue=..., chain_id=137).chain_id == 137


def test_a_deposit_may_be_negative() -> None:
    assert flow(amount="-5").amount == "-5"


def test_an_opening_may_be_a_position_without_a_balance() -> None:
    event = flow(
        kind="opening", token=..., amount=..., venue=..., side="sell", quantity="3",
        **OPENED_POSITION,
    )  # fmt: skip
    assert (event.quantity, event.cost, event.token) == ("-3", "500", None)


# --- what is refused, in which words ---

KINDS = (
    "fill, execution_result, rejected, order_status, reserve, release, opening, deposit,"
    " withdrawal, allocation, transfer, funding, dividend, split, expiry, exercise, settlement,"
    " fee_value, trace_expired, trace_archived, bust, correct, adjustment"
)
BAD_FILLS: list[tuple[dict[str, Any], str]] = [
    ({"kind": ...}, "kind: is missing"),
    ({"kind": "fil"}, f"kind: must be one of {KINDS}, not 'fil'"),
    ({"kind": ["fill"]}, f"kind: must be one of {KINDS}, not ['fill']"),
    ({"quantty": "1"}, "fill: quantty: is not a known key, did you mean quantity?"),
    ({"zzz": "1"}, "fill: zzz: is not a known key"),
    ({"event_id": "1"}, "fill: event_id: is not a known key, did you mean execution_id?"),
    ({"execution_id": ...}, "fill: execution_id: is missing"),
    ({"order_id": ...}, "fill: order_id: is missing"),
    ({"order_id": ""}, "fill: order_id: must not be empty"),
    ({"order_id": "x" * 129}, "fill: order_id: is longer than 128 characters"),
    ({"order_id": ":" * 43}, "fill: order_id: is longer than 128 characters"),
    ({"order_id": True}, "fill: order_id: must be text, not True"),
    ({"order_id": ["a"]}, "fill: order_id: must be text, not ['a']"),
    ({"strategy_id": ...}, "fill: strategy_id: is missing"),
    ({"strategy_id": 65536}, "fill: strategy_id: must be 0 to 65535, not 65536"),
    ({"strategy_id": -1}, "fill: strategy_id: must be 0 to 65535, not -1"),
    ({"strategy_id": 7.5}, "fill: strategy_id: must be a whole number, not '7.5'"),
    ({"instrument": ...}, "fill: instrument: is missing"),
    ({"venue": ...}, "fill: venue: is missing"),
    ({"side": "long"}, "fill: side: must be one of buy, sell, not 'long'"),
    ({"quantity": ...}, "fill: quantity: is missing"),
    ({"quantity": "0"}, "fill: quantity: must not be 0"),
    ({"quantity": "-0"}, "fill: quantity: must not be 0"),
    ({"quantity": "-1"}, "fill: quantity: must be more than 0 beside a side, not -1"),
    ({"quantity": "abc"}, "fill: quantity: 'abc' is not a decimal number"),
    ({"quantity": ""}, "fill: quantity: '' is not a decimal number"),
    ({"quantity": " 1"}, "fill: quantity: ' 1' is not a decimal number"),
    ({"quantity": "1_000"}, "fill: quantity: '1_000' is not a decimal number"),
    (
        {"quantity": True},
        "fill: quantity: must be a whole number or a number as text, not True",
    ),
    ({"price": ...}, "fill: price: is missing"),
    ({"price": "-1"}, "fill: price: must be 0 or more, not -1"),
    ({"price": "1e-37"}, "fill: price: 37 decimals, at most 36 are accepted"),
    (
        {"price": "1e40"},
        "fill: price: too large, its digits must stay below 2^128 as an integer",
    ),
    ({"quote_amount": "-1"}, "fill: quote_amount: must be 0 or more, not -1"),
    ({"executed_at": ...}, "fill: executed_at: is missing"),
    (
        {"executed_at": 1_700_000_000},
        "fill: executed_at: must be nanoseconds since 1970, 1700000000 is too small for that",
    ),
    ({"executed_at": 0}, "fill: executed_at: must be 1 to 9223372036854775807, not 0"),
    (
        {"executed_at": 2**63},
        "fill: executed_at: must be 1 to 9223372036854775807, not 9223372036854775808",
    ),
    (
        {"executed_at": "2023-11-14"},
        "fill: executed_at: must be a whole number, not '2023-11-14'",
    ),
    ({"decided_at": -1}, "fill: decided_at: must be 1 to 9223372036854775807, not -1"),
    ({"fees": {}}, "fill: fees: must be a list, not {}"),
    ({"fees": ["x"]}, "fill: fees[0]: must be an object, not 'x'"),
    ({"fees": [{"token": "A"}]}, "fill: fees[0].amount: is missing"),
    (
        {"fees": [{"amount": "1"}, {"amount": "x"}]},
        "fill: fees[1].amount: 'x' is not a decimal number",
    ),
    (
        {"fees": [{"amount": "1", "tokn": "A"}]},
        "fill: fees[0].tokn: is not a known key, did you mean token?",
    ),
    (
        {"fees": [{"amount": "1", "kind": "tip"}]},
        "fill: fees[0].kind: must be one of trading, gas, not 'tip'",
    ),
    (
        {"fees": [{"amount": "1"}] * 33},
        "fill: fees: has 33 entries, at most 32 are accepted",
    ),
    ({"trace": "x"}, "fill: trace: must be an object, not 'x'"),
    ({"trace": {}}, "fill: trace.id: is missing"),
    (
        {"trace": {"id": "1"}},
        "fill: trace.id: must be 32 hex digits that are not all 0, not '1'",
    ),
    (
        {"trace": {"id": "0" * 32}},
        f"fill: trace.id: must be 32 hex digits that are not all 0, not '{'0' * 32}'",
    ),
    (
        {"trace": {"id": "1" * 32, "arbitrage": "yes"}},
        "fill: trace.arbitrage: must be true or false, not 'yes'",
    ),
    (
        {"trace": {"id": "1" * 32, "step": "middle"}},
        "fill: trace.step: must be one of entry, intermediate, exit, bridge, not 'middle'",
    ),
    ({"chain_id": -1}, "fill: chain_id: must be 0 to 4294967295, not -1"),
    (
        {"order_date": "2023-02-30"},
        "fill: order_date: must be a date such as 2023-11-14, not '2023-02-30'",
    ),
]
BAD_RESULTS: list[tuple[dict[str, Any], str]] = [
    ({"event_id": ...}, "execution_result: event_id: is missing"),
    ({"price": ...}, "execution_result: price: is missing"),
    (
        {"average_price": "1"},
        "execution_result: average_price: is another name for price, which is given too",
    ),
    ({"result": 256}, "execution_result: result: must be 0 to 255, not 256"),
    (
        {"result": "done"},
        "execution_result: result: must be one of filled, rejected, partial, cancelled, unknown,"
        " not 'done'",
    ),
    ({"total_fees": "1"}, "execution_result: fees: must be a list, not '1'"),
]
BAD_FLOWS: list[tuple[dict[str, Any], str]] = [
    ({"token": ...}, "deposit: token: is missing beside amount"),
    ({"amount": ...}, "deposit: amount: is missing beside token"),
    ({"token": ..., "amount": ...}, "deposit: token: is missing"),
    ({"venue": ...}, "deposit: location: is missing, or account, venue or chain_id"),
    (
        {"location": "a", "account": "b"},
        "deposit: account: is part of a location, which is given too",
    ),
    ({"cost": "5"}, "deposit: strategy_id: is missing beside cost"),
    (
        {"quantity": "5"},
        "deposit: quantity: needs strategy_id, instrument and cost beside it",
    ),
    ({**OPENED_POSITION, "side": "buy"}, "deposit: side: needs a quantity beside it"),
    (
        {**OPENED_POSITION, "token": ..., "amount": ...},
        "deposit: quantity: is missing",
    ),
    ({"fees": []}, "deposit: fees: is not a known key"),
]


@pytest.mark.parametrize(
    ("base", "changes", "fault"),
    [
        *((FILL, changes, fault) for changes, fault in BAD_FILLS),
        *((RESULT, changes, fault) for changes, fault in BAD_RESULTS),
        *((DEPOSIT, changes, fault) for changes, fault in BAD_FLOWS),
        (ORDER, {"kind": "order_status"}, "order_status: status: is missing"),
        (ORDER, {"kind": "rejected", "venue": ...}, "rejected: venue: is missing"),
        (ORDER, {"kind": "rejected", "status": "x"}, "rejected: status: is not a known key"),
    ],
)
def test_a_bad_line_is_refused_in_one_line_that_names_the_key(
    base: dict[str, Any], changes: dict[str, Any], fault: str
) -> None:
    with pytest.raises(EventError) as raised:
        parse_line(line(base, **changes))
    assert str(raised.value) == fault


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{", "is not JSON: Expecting property name enclosed in double quotes at column 2"),
        ("", "is not JSON: Expecting value at column 1"),
        ("[]", "is not a JSON object"),
        ("5", "is not a JSON object"),
        ('{"price":NaN}', "NaN is not a number"),
        ('{"price":-Infinity}', "-Infinity is not a number"),
        ('{"price":1,"price":2}', "'price' is given twice"),
        ("[" * 60_000, "is not JSON: nested too deeply"),
        (" " * MAX_LINE_LENGTH + "{", "is longer than 65536 characters"),
        ('{"kind":"\\ud800"}', f"kind: must be one of {KINDS}, not '\\ud800'"),
    ],
)  # fmt: skip
def test_a_line_that_is_no_table_is_refused(text: str, fault: str) -> None:
    with pytest.raises(EventError) as raised:
        parse_line(text)
    assert str(raised.value) == fault


def test_an_unknown_key_cannot_break_the_line_of_its_message() -> None:
    with pytest.raises(EventError) as raised:
        parse_line(line(FILL, **{"a\nb": 1}))
    assert str(raised.value) == "fill: 'a\\nb': is not a known key"


def test_a_wrong_value_is_shown_only_in_part() -> None:
    with pytest.raises(EventError) as raised:
        parse_line(line(FILL, side="x" * 10_000))
    assert len(str(raised.value)) < 120


# --- files ---


def test_a_file_gives_its_events_in_order_and_skips_blank_lines() -> None:
    lines = [line(FILL), "\n", "", line(RESULT) + "\n"]
    assert [event.kind for event in parse_lines(lines)] == ["fill", "execution_result"]


def test_the_first_bad_line_of_a_file_is_named_by_its_number() -> None:
    with pytest.raises(EventError) as raised:
        parse_lines([line(FILL), "", line(FILL, price="x"), "{"])
    assert str(raised.value) == "line 3: fill: price: 'x' is not a decimal number"


# --- marks ---

MARK = {"kind": "mark", "subject": "BTC", "quote": "USDT", "price": 65000.10, "time": 5}


def test_a_mark_is_no_event_of_a_book() -> None:
    with pytest.raises(EventError) as raised:
        parse_line(line(MARK))
    assert str(raised.value) == "mark: is no event of a book"


def test_a_file_of_events_must_not_hold_marks() -> None:
    with pytest.raises(EventError) as raised:
        parse_lines([line(FILL), line(MARK)])
    assert str(raised.value) == "line 2: mark: is no event of a book"


def test_marks_are_set_apart_as_they_stand_for_who_asks_for_them() -> None:
    marks: list[MarkLine] = []
    events = parse_lines(["", line(MARK), line(FILL), '{"kind":"mark","price":1e-3}'], marks)
    assert [event.kind for event in events] == ["fill"]
    assert marks == [
        MarkLine(2, {**MARK, "price": "65000.1", "time": "5"}),
        MarkLine(4, {"kind": "mark", "price": "1e-3"}),
    ]


def test_a_mark_that_is_no_table_is_refused_like_any_line() -> None:
    with pytest.raises(EventError) as raised:
        parse_lines(['{"kind":"mark","price":NaN}'], [])
    assert str(raised.value) == "line 1: NaN is not a number"
