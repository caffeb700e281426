"""Events as msgpack: round trips of every kind of event, and what is refused."""

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pm.events.message import MAX_MESSAGE_SIZE, pack, unpack
from pm.events.model import Event, EventError, Fill
from pm.events.read_event import read_event
from pm.events.write_event import event_table
from tests.pure.event_strategies import ANYTHING

FILL = {
    "kind": "fill", "execution_id": "T1", "order_id": "O1", "strategy_id": 7, "instrument": "x.y",
    "quantity": "-1", "price": "2", "venue": "v", "executed_at": 10**18,
}  # fmt: skip

events = ANYTHING.events()


@given(events)
def test_an_event_survives_its_message(event: Event) -> None:
    again = unpack(pack(event))
    assert type(again) is type(event)
    assert again == event


@given(events)
def test_an_event_survives_its_table(event: Event) -> None:
    assert read_event(event_table(event)) == event


@given(events)
def test_every_event_says_what_routing_asks(event: Event) -> None:
    assert event.kind == event_table(event)["kind"]
    assert event.executed_at > 0
    assert event.strategy_id is None or event.strategy_id >= 0
    assert event.book is None or event.book


def test_a_table_holds_ids_in_their_outside_spelling() -> None:
    event = read_event({**FILL, "order_id": "a:b"})
    assert isinstance(event, Fill)
    assert event.order_id == "a%3Ab"
    assert event_table(event)["order_id"] == "a:b"


def test_a_table_holds_no_flag_that_is_not_set() -> None:
    values = {"kind": "settlement", "event_id": "E1", "instrument": "x.y", "price": "1"}
    assert "final" not in event_table(read_event({**values, "executed_at": 10**18}))
    assert (
        event_table(read_event({**values, "executed_at": 10**18, "final": True}))["final"] is True
    )


def test_a_table_says_what_arrived_and_not_the_fee() -> None:
    values = {
        "kind": "transfer", "transfer_id": "T", "step": "whole", "token": "A", "amount": "2",
        "from_location": "a", "to_location": "b", "executed_at": 10**18,
    }  # fmt: skip
    assert event_table(read_event({**values, "fee": "0.5"})) == {**values, "arrived": "1.5"}


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
