"""Events as msgpack: round trips of every kind of event, and what is refused."""

from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pm.events.message import MAX_MESSAGE_SIZE, pack, unpack
from pm.events.model import (
    STEPS,
    CapitalFlow,
    Event,
    EventError,
    ExecutionResult,
    Fee,
    Fill,
    FlowKind,
    OrderStatus,
    Rejected,
    Trace,
)
from pm.events.read_event import read_event
from pm.events.write_event import event_table
from pm.reference.text_ids import escape_id

FILL = {
    "kind": "fill", "execution_id": "T1", "order_id": "O1", "strategy_id": 7, "instrument": "x.y",
    "quantity": "-1", "price": "2", "venue": "v", "executed_at": 1,
}  # fmt: skip

ids = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=10).map(escape_id)
times = st.integers(1, (1 << 63) - 1)


def amount(low: int, high: int = 10**24) -> st.SearchStrategy[str]:
    """Canonical text of numbers with up to 18 decimals."""
    return st.tuples(st.integers(low, high), st.integers(0, 18)).map(lambda pair: _text(*pair))


def _text(mantissa: int, scale: int) -> str:
    digits = str(abs(mantissa)).zfill(scale + 1)
    whole, fraction = digits[: len(digits) - scale], digits[len(digits) - scale :].rstrip("0")
    text = f"{whole}.{fraction}" if fraction else whole
    return f"-{text}" if mantissa < 0 else text


signed = amount(-(10**24))
not_negative = amount(0)
not_zero = signed.filter(lambda text: text != "0")
fees = st.lists(
    st.builds(Fee, st.none() | ids, signed, st.sampled_from(["trading", "gas"])), max_size=3
).map(tuple)
traces = st.builds(
    Trace,
    st.integers(1, 2**128 - 1).map(lambda number: f"{number:032x}"),
    st.booleans(),
    st.none() | st.sampled_from(STEPS),
)
order_part: dict[str, st.SearchStrategy[Any]] = {
    "order_id": ids,
    "venue": ids,
    "executed_at": times,
    "trace": st.none() | traces,
    "account": st.none() | ids,
    "chain_id": st.none() | st.integers(0, 2**32 - 1),
    "order_date": st.none() | st.dates().map(lambda day: day.isoformat()),
    "book": st.none() | ids,
}
trade_part: dict[str, st.SearchStrategy[Any]] = {
    **order_part,
    "strategy_id": st.integers(0, 65_535),
    "instrument": ids,
    "quote_amount": st.none() | not_negative,
    "decided_at": st.none() | times,
}
untraded_part: dict[str, st.SearchStrategy[Any]] = {
    **order_part,
    "event_id": ids,
    "strategy_id": st.none() | st.integers(0, 65_535),
    "instrument": st.none() | ids,
    "side": st.sampled_from([None, "buy", "sell"]),
    "fees": fees,
}
balance: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"token": ids, "amount": signed, "location": ids}
)
position: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"strategy_id": st.integers(0, 65_535), "instrument": ids, "quantity": signed, "cost": signed}
)
flow_kinds: st.SearchStrategy[FlowKind] = st.sampled_from(["opening", "deposit"])


@st.composite
def flows(draw: st.DrawFn) -> CapitalFlow:
    parts = draw(st.sampled_from([(balance,), (position,), (balance, position)]))
    values: dict[str, Any] = {}
    for part in parts:
        values |= draw(part)
    return CapitalFlow(kind=draw(flow_kinds), event_id=draw(ids), executed_at=draw(times), **values)


events: st.SearchStrategy[Event] = st.one_of(
    st.builds(
        Fill, execution_id=ids, quantity=not_zero, price=not_negative, fees=fees, **trade_part
    ),
    st.builds(
        ExecutionResult,
        event_id=ids,
        quantity=signed,
        price=not_negative,
        fees=st.none() | fees,
        result=st.sampled_from(["filled", "partial", "rejected", "cancelled", "unknown"]),
        **trade_part,
    ),
    st.builds(Rejected, reason=st.none() | ids, **untraded_part),
    st.builds(OrderStatus, status=st.sampled_from(["open", "filled"]), **untraded_part),
    flows(),
)


@given(events)
def test_an_event_survives_its_message(event: Event) -> None:
    again = unpack(pack(event))
    assert type(again) is type(event)
    assert again == event


@given(events)
def test_an_event_survives_its_table(event: Event) -> None:
    assert read_event(event_table(event)) == event


def test_a_table_holds_ids_in_their_outside_spelling() -> None:
    event = read_event({**FILL, "order_id": "a:b"})
    assert isinstance(event, Fill)
    assert event.order_id == "a%3Ab"
    assert event_table(event)["order_id"] == "a:b"


def test_a_message_holds_no_float() -> None:
    with pytest.raises(EventError) as raised:
        unpack(msgpack.packb({**FILL, "price": 0.1}))
    assert str(raised.value) == ("fill: price: must be a whole number or a number as text, not 0.1")


@pytest.mark.parametrize(
    ("message", "fault"),
    [
        (b"", "is not msgpack: "),
        (b"\xc1", "is not msgpack: "),
        (msgpack.packb([1]), "is not a msgpack map"),
        (msgpack.packb({1: 2}), "is not msgpack: "),
        (msgpack.packb({b"": 2}), "key b'' is not text"),
        (b"\x82\xa1a\x01\xa1a\x02", "'a' is given twice"),
        (msgpack.packb(FILL) + b"\x00", "is not msgpack: ExtraData"),
        (msgpack.packb({**FILL, "order_id": b"x"}), "is not msgpack: "),
        (msgpack.packb({"kind": msgpack.ExtType(1, b"x")}), "is not msgpack: "),
        (b"\x81\xa4kind\xdd\xff\xff\xff\xff", "is not msgpack: "),
        (b"\x81\xa1\xff\x01", "is not msgpack: "),
        (b"\x91" * 2000 + b"\x01", "is not msgpack: "),
        (b"\x00" * (MAX_MESSAGE_SIZE + 1), "is longer than 65536 bytes"),
    ],
)
def test_bytes_that_are_no_event_are_refused(message: bytes, fault: str) -> None:
    with pytest.raises(EventError) as raised:
        unpack(message)
    assert str(raised.value).startswith(fault)
    assert "\n" not in str(raised.value)


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_but_an_event_error(message: bytes) -> None:
    with pytest.raises(EventError):
        unpack(message)
