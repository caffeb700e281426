"""Relay frames to events: every layout, what is learnt of an order, and what is quarantined."""

import json
from pathlib import Path
from typing import Any

import pytest

from pm.events.model import (
    Event,
    ExecutionResult,
    Fee,
    Fill,
    OrderStatus,
    Quarantined,
    Trace,
)
from pm.events.order_context import OrderContext, order_hints
from pm.events.wire import wire_events
from pm.reference.record_reader import read_instrument, read_venue
from pm.reference.snapshot import Reference
from pm.wire.encode import encode_frame
from pm.wire.execution_records import (
    BincodeExecutionResult,
    BincodeOrderRequest,
    ExecutionResult48,
    ExecutionResult63,
    ExecutionResult96,
    Fill32,
    Fill65,
    OrderStatus24,
    OrderStatus25,
)
from pm.wire.frame import DecodePolicy, Frame, decode_frame
from pm.wire.instrument_id import InstrumentId
from pm.wire.layout import Record
from pm.wire.trace_layouts import DocumentedTrace36, Trace32

VECTORS = json.loads((Path(__file__).parents[1] / "wire" / "vectors.json").read_text())["vectors"]
SENT_AT = 1_756_700_000_123_456_789
RECEIVED_AT = 1_756_700_000_200_000_000
ORDER = 5_910_974_510_923_783
BTC = InstrumentId.from_text("kraken.coin.BTC")
KEY = BTC.to_u64()
ETHER = 10**18


def spot(instrument_id: str, **values: Any) -> dict[str, Any]:
    return {"id": instrument_id, "kind": "spot", "base": "BTC", "quote": "USD", **values}


def reference_of(*instruments: dict[str, Any]) -> Reference:
    venues = [read_venue({"id": "daily", "reuses_order_ids": True})]
    return Reference.build(1, [read_instrument(one, {}) for one in instruments], (), venues)


REFERENCE = reference_of(spot("kraken.coin.BTC"))
TWO = reference_of(spot("kraken.coin.BTC"), spot("kraken.coin.ETH", base="ETH"))
KNOWN = OrderContext(strategy_id=21, instrument="kraken.coin.BTC", side="buy")


def frame(*records: Record, timestamp: int = SENT_AT, **header: Any) -> Frame:
    return decode_frame(encode_frame(records, sequence=9, timestamp=timestamp, **header))


def events_of(
    *records: Record, known: OrderContext | None = None, reference: Reference = REFERENCE
) -> list[Event | Quarantined]:
    orders = {} if known is None else {ORDER: known}
    return wire_events(frame(*records), orders, RECEIVED_AT, reference)


def only_fill(*records: Record, **given: Any) -> Fill:
    [event] = events_of(*records, **given)
    assert isinstance(event, Fill), event
    return event


def only_result(*records: Record, **given: Any) -> ExecutionResult:
    [event] = events_of(*records, **given)
    assert isinstance(event, ExecutionResult), event
    return event


def reasons(*records: Record, **given: Any) -> list[str]:
    """The reasons of everything quarantined; anything else fails."""
    found = []
    for event in events_of(*records, **given):
        assert isinstance(event, Quarantined), event
        found.append(event.reason)
    return found


def fill32(quantity: int = 50_000_000, price: int = 6_500_000_000_000, fees: int = 0) -> Fill32:
    return Fill32(ORDER, price, quantity, fees)


def fill65(**changes: Any) -> Fill65:
    return Fill65(501, ORDER, KEY, 1, 30_000_000, 10**12, 5, SENT_AT - 7, 778_899)._replace(
        **changes
    )


def er48(**changes: Any) -> ExecutionResult48:
    return ExecutionResult48(ORDER, BTC, 50_000_000, 6_500_000_000_000, 0, 21, 1, 1)._replace(
        **changes
    )


def er96(**changes: Any) -> ExecutionResult96:
    return ExecutionResult96(
        ORDER, BTC, 2 * ETHER, 3_000_500_000, 7, 0, SENT_AT - 7, 0, 21, 1, 1, 18, 6, 6
    )._replace(**changes)


def er63(**changes: Any) -> ExecutionResult63:
    return ExecutionResult63(ORDER, 1, 50_000_000, 10**8, 0, SENT_AT - 7, 0)._replace(**changes)


def erbin52(**changes: Any) -> BincodeExecutionResult:
    return BincodeExecutionResult(9001, ORDER, 2, 50_000_000, 10**8, 0, SENT_AT - 7)._replace(
        **changes
    )


# --- the published vectors ---


def vector_events(name: str, known: OrderContext | None = None) -> list[Event | Quarantined]:
    [vector] = [one for one in VECTORS if one["name"] == name]
    orders = {} if known is None else {ORDER: known}
    decoded = decode_frame(bytes.fromhex(vector["hex"]))
    return wire_events(decoded, orders, RECEIVED_AT, REFERENCE)


def test_the_profile_frame_gives_a_fill_then_a_result_then_a_status() -> None:
    fill, result, status = vector_events("fill_report_profile_trace120")
    trace = Trace(f"{88962710306127702866241727433142015:032x}", True)
    assert isinstance(fill, Fill)
    assert isinstance(result, ExecutionResult)
    assert isinstance(status, OrderStatus)
    assert fill == Fill(
        execution_id=fill.execution_id,
        order_id=str(ORDER),
        venue="kraken",
        strategy_id=21,
        instrument="kraken.coin.BTC",
        quantity="0.5",
        price="65000",
        executed_at=SENT_AT,
        fees=(Fee(None, "32.5"),),
        trace=trace,
    )
    assert (result.result, result.quantity, result.price) == ("filled", "0.5", "65000")
    assert (result.venue, result.strategy_id, result.trace) == ("kraken", 21, trace)
    assert (status.status, status.venue, status.strategy_id) == ("wire-2", "kraken", 21)
    assert status.trace == trace


def test_events_of_one_frame_are_identified_by_the_frame_and_their_place_in_it() -> None:
    fill, result, status = vector_events("fill_report_profile_trace120")
    assert isinstance(fill, Fill)
    assert isinstance(result, ExecutionResult)
    assert isinstance(status, OrderStatus)
    identity = fill.execution_id.removesuffix(".0")
    assert identity.startswith("frame.42.")
    assert (status.event_id, result.event_id) == (f"{identity}.1", f"{identity}.2")


@pytest.mark.parametrize(
    ("name", "quantity", "result", "fees"),
    [
        ("er48_filled_buy", "0.5", "filled", (Fee(None, "32.5"),)),
        ("er48_rejected", "0", "rejected", None),
        ("er48_unknown_result_type", "0", "unknown", None),
        ("extended_small_known", "0.5", "filled", (Fee(None, "32.5"),)),
        ("er63_connectors_doc_filled", "0.5", "filled", (Fee(None, "32.5"),)),
        ("erbin52_filled", "0.5", "filled", (Fee(None, "32.5"),)),
    ],
)
def test_each_result_of_the_vectors_is_cumulative(
    name: str, quantity: str, result: str, fees: tuple[Fee, ...] | None
) -> None:
    [event] = vector_events(name, KNOWN)
    assert isinstance(event, ExecutionResult)
    assert (event.quantity, event.result, event.fees) == (quantity, result, fees)


@pytest.mark.parametrize("name", ["er63_connectors_doc_filled", "erbin52_filled",
                                  "fill32_registry_size", "orderstatus25"])  # fmt: skip
def test_a_frame_of_an_order_nobody_knows_is_quarantined(name: str) -> None:
    [event] = vector_events(name)
    assert isinstance(event, Quarantined)
    assert event.reason == "unknown_order"
    assert str(ORDER) in event.detail


def test_a_stage_flag_is_no_arbitrage_flag() -> None:
    [event] = vector_events("trace108_stage_collected_is_not_arbitrage")
    assert isinstance(event, ExecutionResult)
    assert event.trace == Trace("00000000000000000001020304050607", False)


@pytest.mark.parametrize("name", ["empty_payload_domain3", "orderrequest_limit_bincode49",
                                  "cancel16_bincode", "positionupdate48_bincode"])  # fmt: skip
def test_frames_that_report_nothing_give_no_events(name: str) -> None:
    assert vector_events(name) == []


# --- identity ---


def test_a_fill_with_an_id_of_its_own_is_known_by_it() -> None:
    assert only_fill(fill65()).execution_id == "501"


def test_a_fill_id_of_zero_is_no_id() -> None:
    assert only_fill(fill65(fill_id=0)).execution_id.startswith("frame.42.9.")


def test_frames_without_checksum_are_told_apart_by_their_bytes() -> None:
    policy = DecodePolicy(require_checksum=False)
    ids = set()
    for quantity in (1, 2):
        data = encode_frame([fill32(quantity)], sequence=0, timestamp=SENT_AT, with_checksum=False)
        [event] = wire_events(decode_frame(data, policy), {ORDER: KNOWN}, RECEIVED_AT, REFERENCE)
        assert isinstance(event, Fill)
        ids.add(event.execution_id)
    assert len(ids) == 2


# --- amounts ---


def test_quantities_have_the_decimals_the_instrument_says_and_prices_eight() -> None:
    reference = reference_of(spot("kraken.coin.BTC", wire_decimals=6))
    event = only_fill(fill32(1_500_000, 200_000_000), known=KNOWN, reference=reference)
    assert (event.quantity, event.price) == ("1.5", "2")


def test_a_wide_result_says_its_own_decimals() -> None:
    event = only_result(er96())
    assert (event.quantity, event.price) == ("2", "3000.5")
    assert event.fees == (Fee(None, "0.000007"),)


def test_a_wide_result_is_exact_beyond_64_bits() -> None:
    event = only_result(er96(quantity_filled=-(10**30) - 1, side=2))
    assert event.quantity == "-1000000000000.000000000000000001"


def test_more_decimals_than_the_books_take_are_quarantined() -> None:
    assert reasons(er96(quantity_filled=1, quantity_decimals=37)) == ["amount_out_of_range"]


def test_fees_of_zero_are_not_stated() -> None:
    assert only_result(er48(total_fees=0)).fees is None
    assert only_fill(fill32(fees=0), known=KNOWN).fees == ()


def test_a_negative_fee_is_a_rebate() -> None:
    assert only_fill(fill32(fees=-5), known=KNOWN).fees == (Fee(None, "-0.00000005"),)


def test_a_result_without_quantity_has_no_price() -> None:
    assert only_result(er48(quantity_filled=0)).price is None


def test_a_fill_of_nothing_is_quarantined() -> None:
    assert reasons(fill32(0), known=KNOWN) == ["zero_quantity"]


def test_a_price_below_zero_is_quarantined() -> None:
    assert reasons(fill32(price=-1), known=KNOWN) == ["negative_price"]


# --- sides ---


@pytest.mark.parametrize(
    ("sent", "side", "signed"),
    [(5, 1, "0.00000005"), (5, 2, "-0.00000005"), (-5, 2, "-0.00000005"),
     (5, 0, "0.00000005"), (-5, 0, "-0.00000005")],
)  # fmt: skip
def test_a_side_signs_a_quantity_and_without_one_the_sign_counts(
    sent: int, side: int, signed: str
) -> None:
    assert only_result(er48(quantity_filled=sent, side=side)).quantity == signed


def test_the_side_of_a_thin_fill_is_its_order_s() -> None:
    selling = KNOWN._replace(side="sell")
    assert only_fill(fill32(5), known=selling).quantity == "-0.00000005"


def test_a_thin_fill_of_an_order_of_unknown_side_is_signed_by_itself() -> None:
    unsided = KNOWN._replace(side=None)
    assert only_fill(fill32(-5), known=unsided).quantity == "-0.00000005"


def test_an_unsigned_quantity_needs_a_side() -> None:
    unsided = KNOWN._replace(side=None)
    assert reasons(er63(), known=unsided) == ["unknown_side"]
    assert reasons(erbin52(), known=unsided) == ["unknown_side"]
    assert only_result(er63(quantity_filled=0), known=unsided).quantity == "0"


def test_sides_that_disagree_are_quarantined() -> None:
    selling = KNOWN._replace(side="sell")
    assert reasons(fill32(-5), known=KNOWN) == ["side_mismatch"]
    assert reasons(er48(side=1), known=selling) == ["side_mismatch"]
    assert reasons(er48(side=0), known=selling) == ["side_mismatch"]
    fill, result = events_of(fill32(-5), er48(side=1))
    assert isinstance(fill, Quarantined)
    assert fill.reason == "side_mismatch"
    assert isinstance(result, ExecutionResult)


# --- instruments ---


def test_a_key_that_fits_one_instrument_is_that_instrument() -> None:
    assert only_fill(fill65()).instrument == "kraken.coin.BTC"


def test_a_key_that_fits_two_is_quarantined() -> None:
    [event] = events_of(fill65(), reference=TWO)
    assert isinstance(event, Quarantined)
    assert event.reason == "ambiguous_instrument"
    assert "kraken.coin.BTC, kraken.coin.ETH" in event.detail


def test_a_key_that_fits_two_is_settled_by_the_order() -> None:
    ether = KNOWN._replace(instrument="kraken.coin.ETH")
    assert only_fill(fill65(), known=ether, reference=TWO).instrument == "kraken.coin.ETH"


def test_a_key_that_fits_two_is_settled_by_a_result_in_the_frame() -> None:
    fill, _ = events_of(er48(), fill65(), reference=TWO)
    assert isinstance(fill, Fill)
    assert fill.instrument == "kraken.coin.BTC"


def test_an_order_request_names_an_instrument_for_later_fills() -> None:
    request = BincodeOrderRequest(ORDER, KEY, 1, 1, 50_000_000, None, SENT_AT - 1000)
    event = only_fill(request, fill32())
    assert (event.instrument, event.quantity) == ("kraken.coin.BTC", "-0.5")
    assert event.decided_at == SENT_AT - 1000


def test_an_instrument_that_is_not_in_the_reference_is_quarantined() -> None:
    other = InstrumentId.from_text("kraken.coin.XRP")
    assert reasons(er48(instrument=other)) == ["unknown_instrument"]
    assert reasons(fill65(instrument_key=1)) == ["unknown_instrument"]


def test_an_instrument_of_another_id_is_found_by_its_wire_id() -> None:
    reference = reference_of(spot("mine.btc", wire_id=BTC.to_bytes().hex()))
    event = only_result(er48(), reference=reference)
    assert (event.instrument, event.venue) == ("mine.btc", "mine")


# --- orders ---


def test_a_strategy_on_the_wire_goes_before_one_that_was_known() -> None:
    known = KNOWN._replace(strategy_id=5)
    assert only_result(er48(strategy_id=21), known=known).strategy_id == 21
    assert only_result(er48(strategy_id=0), known=known).strategy_id == 5


def test_a_strategy_nobody_knows_is_unattributed_or_in_the_order_id() -> None:
    thin = frame(er48(strategy_id=0))
    [plain] = wire_events(thin, {}, RECEIVED_AT, REFERENCE)
    [coded] = wire_events(thin, {}, RECEIVED_AT, REFERENCE, strategy_from_order_id=True)
    assert isinstance(plain, ExecutionResult)
    assert isinstance(coded, ExecutionResult)
    assert (plain.strategy_id, coded.strategy_id) == (0, ORDER >> 48)


def test_an_order_known_to_be_unattributed_stays_so() -> None:
    known = OrderContext(strategy_id=0, instrument="kraken.coin.BTC", side="buy")
    [event] = wire_events(
        frame(fill32()), {ORDER: known}, RECEIVED_AT, REFERENCE, strategy_from_order_id=True
    )
    assert isinstance(event, Fill)
    assert event.strategy_id == 0


def test_the_venue_of_an_order_goes_before_its_instrument_s() -> None:
    assert only_fill(fill32(), known=KNOWN._replace(venue="otc")).venue == "otc"
    assert only_fill(fill32(), known=KNOWN).venue == "kraken"


def test_an_order_has_a_date_only_where_ids_are_used_again() -> None:
    dated = KNOWN._replace(date="2025-09-01")
    assert only_fill(fill32(), known=dated).order_date is None
    daily = dated._replace(venue="daily")
    assert only_fill(fill32(), known=daily).order_date == "2025-09-01"


def test_a_chain_on_the_wire_holds_for_the_other_messages_of_the_order() -> None:
    fill, result = events_of(fill32(), er96(chain_id=137))
    assert isinstance(fill, Fill)
    assert isinstance(result, ExecutionResult)
    assert (fill.chain_id, result.chain_id) == (137, 137)


def test_a_status_needs_no_instrument_where_the_venue_is_known() -> None:
    [event] = events_of(OrderStatus24(ORDER, 0, 5), known=OrderContext(venue="kraken"))
    assert isinstance(event, OrderStatus)
    assert (event.instrument, event.strategy_id, event.venue) == (None, None, "kraken")


@pytest.mark.parametrize(
    ("record", "status"),
    [
        (OrderStatus24(ORDER, 0, 5), "open"),
        (OrderStatus24(ORDER, 5, 5), "partial"),
        (OrderStatus24(ORDER, 5, 0), "filled"),
        (OrderStatus25(ORDER, 3, 5, 0), "wire-3"),
        (erbin52(status=0, filled_quantity=0), "pending"),
    ],
)
def test_statuses_are_told_as_far_as_they_are_defined(record: Record, status: str) -> None:
    [event] = events_of(record, known=KNOWN)
    assert isinstance(event, OrderStatus)
    assert event.status == status


@pytest.mark.parametrize(
    ("status", "result"), [(1, "partial"), (2, "filled"), (3, "cancelled"), (4, "rejected")]
)
def test_statuses_of_bincode_results_are_results(status: int, result: str) -> None:
    assert only_result(erbin52(status=status), known=KNOWN).result == result


@pytest.mark.parametrize(
    ("number", "result"),
    [(0, "unknown"), (1, "filled"), (2, "rejected"), (3, "partial"), (4, "cancelled")],
)
def test_result_types_are_results(number: int, result: str) -> None:
    assert only_result(er48(result_type=number)).result == result


# --- times ---


def test_the_time_of_an_execution_is_its_own_where_it_has_one() -> None:
    assert only_fill(fill65()).executed_at == SENT_AT - 7
    assert only_fill(fill32(), known=KNOWN).executed_at == SENT_AT


@pytest.mark.parametrize("time", [0, 17_000_000, 1_756_700_000_123, 2**64 - 1])
def test_a_time_that_is_not_in_nanoseconds_is_replaced_by_the_frame_s(time: int) -> None:
    assert only_result(er63(execution_time=time), known=KNOWN).executed_at == SENT_AT


def test_a_frame_without_time_happened_when_it_was_received() -> None:
    [event] = wire_events(frame(fill32(), timestamp=0), {ORDER: KNOWN}, RECEIVED_AT, REFERENCE)
    assert isinstance(event, Fill)
    assert event.executed_at == RECEIVED_AT


# --- order in the frame, traces, hints ---


def test_fills_come_before_results_before_statuses_wherever_they_stand() -> None:
    found = events_of(OrderStatus24(ORDER, 5, 0), er48(), fill32(1), fill65(), fill32(2))
    assert [type(event) for event in found] == [Fill, Fill, Fill, ExecutionResult, OrderStatus]
    quantities = [event.quantity for event in found if isinstance(event, Fill)]
    assert quantities == ["0.00000001", "0.3", "0.00000002"]


def test_one_bad_message_does_not_quarantine_its_neighbours() -> None:
    stranger = Fill32(1, 1, 1, 0)
    bad, good = events_of(stranger, fill32(), known=KNOWN)
    assert isinstance(bad, Quarantined)
    assert isinstance(good, Fill)


def test_an_empty_trace_id_is_no_trace() -> None:
    none = Trace32(1, 1, 42, 0, 1, bytes(8))
    assert only_fill(fill32(), none, known=KNOWN).trace is None


def test_the_trace_that_knows_about_arbitrage_is_taken() -> None:
    ours = Trace32(1, 1, 42, 0, 1, b"12345678")
    theirs = DocumentedTrace36(255, 5, 4, 1, 2)
    assert only_fill(fill32(), ours, theirs, known=KNOWN).trace == Trace(f"{255:032x}", True)


def test_hints_tell_what_a_frame_says_of_its_orders() -> None:
    request = BincodeOrderRequest(77, KEY, 1, 1, 5, None, SENT_AT)
    hints = order_hints(frame(fill32(), er48(), request))
    assert hints == {
        ORDER: OrderContext(strategy_id=21, instrument="kraken.coin.BTC", side="buy"),
        77: OrderContext(instrument_key=KEY, side="sell", decided_at=SENT_AT),
    }


def test_hints_survive_their_table() -> None:
    context = OrderContext(strategy_id=0, side="sell", chain_id=137)
    table = context.to_table()
    assert table == {"strategy_id": 0, "side": "sell", "chain_id": 137}
    assert OrderContext.from_table(table) == context
