"""A decoded relay frame to events.

One frame may tell one execution three times: as a fill, as a cumulative result and as a status.
Fills come first, because they are exact, then results, of which the books take only what fills have
not covered, then statuses. A trace anywhere in the frame belongs to all of its events. What cannot
be resolved without guessing is quarantined, each message by itself.

The relay states no units: prices and fees have 8 decimals, quantities as many as the instrument
says, unless the layout carries its own. Fees of 0 are not stated, since senders leave them so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from pm.decimals import Amount, bounded
from pm.events.event_values import FIRST_NANOSECONDS
from pm.events.model import (
    UNATTRIBUTED,
    Event,
    ExecutionResult,
    Fee,
    Fill,
    OrderStatus,
    Quarantined,
    Side,
    Trace,
)
from pm.events.order_context import NOTHING_KNOWN, OrderContext, hint_of, order_hints
from pm.events.wire_instrument import Unresolved, resolve_instrument
from pm.events.wire_report import FILL, STATUS, Report, report_of
from pm.reference.records import Instrument
from pm.reference.snapshot import Reference
from pm.reference.table import MAX_TIME
from pm.wire.frame import Frame
from pm.wire.header import frame_checksum
from pm.wire.layout import Record

WIRE_DECIMALS: Final = 8
_STRATEGY_SHIFT: Final = 48
_NO_TRACE: Final = "0" * 32


def wire_events(
    frame: Frame,
    orders: Mapping[int, OrderContext],
    received_at: int,
    reference: Reference,
    *,
    strategy_from_order_id: bool = False,
) -> list[Event | Quarantined]:
    """Return the events of a frame, in the order in which they are to be applied.

    `orders` tells what was known of its orders before, by order id as sent. With
    `strategy_from_order_id`, an order of unknown strategy belongs to the upper 16 bits of its id.
    """
    reading = _Reading(frame, orders, received_at, reference, strategy_from_order_id)
    found: list[tuple[int, int, Event | Quarantined]] = []
    for index, tlv in enumerate(frame.tlvs):
        report = report_of(tlv.record)
        if report is None:
            continue
        event: Event | Quarantined
        try:
            event = reading.event(report, tlv.record, index)
        except Unresolved as error:
            event = Quarantined(error.reason, error.detail)
        found.append((report.rank, index, event))
    # The index is unique, so events themselves are never compared.
    found.sort()
    return [event for _, _, event in found]


class _Order(NamedTuple):
    """Everything known of the order that a message is about."""

    own: OrderContext
    known: OrderContext
    side: Side | None


class _Reading:
    """One frame, and what is needed to read it."""

    def __init__(
        self,
        frame: Frame,
        orders: Mapping[int, OrderContext],
        received_at: int,
        reference: Reference,
        strategy_from_order_id: bool,
    ) -> None:
        self._orders = orders
        self._reference = reference
        self._strategy_from_order_id = strategy_from_order_id
        self._hints = order_hints(frame)
        self._identity = _identity_of(frame)
        self._frame_time = _first_time(frame.header.timestamp, received_at)
        self._trace = _trace_of(frame)

    def event(self, report: Report, record: Record | None, index: int) -> Event:
        """Return the event of a message; Unresolved if it has to be quarantined."""
        order = self._order(report.order_id, record)
        event_id = f"{self._identity}.{index}"
        if report.rank == STATUS:
            return self._status(report, order, event_id)
        instrument = resolve_instrument(report.order_id, order.own, order.known, self._reference)
        if report.rank == FILL:
            return self._fill(report, order, instrument, event_id)
        return self._result(report, order, instrument, event_id)

    def _order(self, order_id: int, record: Record | None) -> _Order:
        hint = hint_of(record)
        own = NOTHING_KNOWN if hint is None else hint[1]
        contexts = (
            own,
            self._hints.get(order_id, NOTHING_KNOWN),
            self._orders.get(order_id, NOTHING_KNOWN),
        )
        known = own
        for farther in contexts[1:]:
            if known.side is not None and farther.side not in (None, known.side):
                raise Unresolved("side_mismatch", f"order {order_id} is said to buy and to sell")
            known = known.merged(farther)
        return _Order(own, known, known.side)

    def _fill(self, report: Report, order: _Order, instrument: Instrument, event_id: str) -> Fill:
        quantity = _quantity(report, order.side, instrument)
        if quantity == "0":
            raise Unresolved("zero_quantity", f"a fill of order {report.order_id} has quantity 0")
        known = order.known
        venue = known.venue or instrument.venue
        return Fill(
            execution_id=str(report.execution_id) if report.execution_id else event_id,
            order_id=str(report.order_id),
            venue=venue,
            strategy_id=self._strategy(report.order_id, known),
            instrument=instrument.id,
            quantity=quantity,
            price=_price(report),
            executed_at=self._time(report),
            fees=_fees(report),
            decided_at=known.decided_at,
            trace=self._trace,
            chain_id=known.chain_id,
            order_date=self._order_date(venue, known),
        )

    def _result(
        self, report: Report, order: _Order, instrument: Instrument, event_id: str
    ) -> ExecutionResult:
        quantity = _quantity(report, order.side, instrument)
        known = order.known
        venue = known.venue or instrument.venue
        return ExecutionResult(
            event_id=event_id,
            order_id=str(report.order_id),
            venue=venue,
            strategy_id=self._strategy(report.order_id, known),
            instrument=instrument.id,
            quantity=quantity,
            price=None if quantity == "0" else _price(report),
            result=report.result,
            executed_at=self._time(report),
            fees=_fees(report) or None,
            decided_at=known.decided_at,
            trace=self._trace,
            chain_id=known.chain_id,
            order_date=self._order_date(venue, known),
        )

    def _status(self, report: Report, order: _Order, event_id: str) -> OrderStatus:
        """Return a status event; it needs its order's venue, and does without its instrument."""
        known = order.known
        instrument: Instrument | None = None
        try:
            instrument = resolve_instrument(report.order_id, order.own, known, self._reference)
        except Unresolved:
            if known.venue is None:
                raise
        venue = known.venue or (instrument.venue if instrument is not None else "")
        return OrderStatus(
            event_id=event_id,
            order_id=str(report.order_id),
            venue=venue,
            status=report.status,
            executed_at=self._time(report),
            strategy_id=known.strategy_id,
            instrument=None if instrument is None else instrument.id,
            side=order.side,
            trace=self._trace,
            chain_id=known.chain_id,
            order_date=self._order_date(venue, known),
        )

    def _strategy(self, order_id: int, known: OrderContext) -> int:
        if known.strategy_id is not None:
            return known.strategy_id
        return order_id >> _STRATEGY_SHIFT if self._strategy_from_order_id else UNATTRIBUTED

    def _time(self, report: Report) -> int:
        return _first_time(report.time, self._frame_time)

    def _order_date(self, venue: str, known: OrderContext) -> str | None:
        return known.date if self._reference.reuses_order_ids(venue) else None


def _identity_of(frame: Frame) -> str:
    """Return what tells this frame from every other, in characters that ids have."""
    header = frame.header
    # Without a stated checksum, frames of one sender and one moment would all look the same.
    checksum = header.checksum or frame_checksum(frame.raw)
    return f"frame.{header.source}.{header.sequence}.{header.timestamp}.{checksum:08x}"


def _trace_of(frame: Frame) -> Trace | None:
    context = frame.trace
    if context is None or context.trace_id == _NO_TRACE:
        return None
    return Trace(context.trace_id, bool(context.arbitrage))


def _first_time(sent: int, otherwise: int) -> int:
    """Return `sent` if it can be nanoseconds since the epoch, else `otherwise`."""
    return sent if FIRST_NANOSECONDS <= sent <= MAX_TIME else otherwise


def _quantity(report: Report, side: Side | None, instrument: Instrument) -> str:
    """Return the signed quantity. A sell may be sent with either sign, a buy only as positive."""
    sent = report.quantity
    if sent < 0 and side == "buy":
        raise Unresolved("side_mismatch", f"order {report.order_id} buys, but the sign says sell")
    if sent > 0 and side is None and not report.is_signed:
        raise Unresolved("unknown_side", f"nothing is known of the side of order {report.order_id}")
    magnitude = abs(sent)
    is_sell = sent < 0 or side == "sell"
    decimals = instrument.wire_decimals if report.decimals is None else report.decimals[0]
    return _amount(-magnitude if is_sell else magnitude, decimals, "quantity")


def _price(report: Report) -> str:
    if report.price < 0:
        raise Unresolved("negative_price", f"the price of order {report.order_id} is below 0")
    decimals = WIRE_DECIMALS if report.decimals is None else report.decimals[1]
    return _amount(report.price, decimals, "price")


def _fees(report: Report) -> tuple[Fee, ...]:
    if not report.fees:
        return ()
    decimals = WIRE_DECIMALS if report.decimals is None else report.decimals[2]
    return (Fee(None, _amount(report.fees, decimals, "fees")),)


def _amount(mantissa: int, decimals: int, name: str) -> str:
    try:
        return str(bounded(Amount(mantissa, decimals), name))
    except ValueError as error:
        raise Unresolved("amount_out_of_range", str(error)) from None
