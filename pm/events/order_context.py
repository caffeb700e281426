"""What is known of an order beside the message that names only its number.

Relay messages are thin: a fill may carry an order id and nothing else. The rest is learnt from
other messages of the same frame, or of earlier frames (the gateway remembers them). Facts are
merged nearest first, and none replaces one that is nearer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from pm.events.model import Side
from pm.wire.execution_records import (
    BincodeOrderRequest,
    ExecutionResult48,
    ExecutionResult96,
    Fill65,
)
from pm.wire.frame import Frame
from pm.wire.instrument_id import InstrumentId
from pm.wire.layout import BUY, SELL, SIDE_FROM_SIGN, Record


class OrderContext(NamedTuple):
    """Facts about one order; None is unknown.

    `instrument` is a text id, `instrument_key` the lossy u64. The venue is stated only where it is
    not the instrument's. `date` is the trading date, YYYY-MM-DD; `decided_at` is nanoseconds.
    """

    strategy_id: int | None = None
    instrument: str | None = None
    instrument_key: int | None = None
    venue: str | None = None
    side: Side | None = None
    chain_id: int | None = None
    date: str | None = None
    decided_at: int | None = None

    def merged(self, farther: OrderContext) -> OrderContext:
        """Return these facts, completed by those from farther away."""
        if farther is NOTHING_KNOWN:
            return self
        if self is NOTHING_KNOWN:
            return farther
        return OrderContext._make(
            [mine if mine is not None else other for mine, other in zip(self, farther, strict=True)]
        )

    def to_table(self) -> dict[str, Any]:
        """Return the known facts by name, for a lane entry or a registry."""
        return {name: value for name, value in self._asdict().items() if value is not None}

    @classmethod
    def from_table(cls, table: Mapping[str, Any]) -> OrderContext:
        """Undo `to_table`; TypeError for a name that is no fact."""
        return cls(**table)


NOTHING_KNOWN = OrderContext()


def order_hints(frame: Frame) -> dict[int, OrderContext]:
    """Return what a frame tells about each order it names in passing; order ids as sent."""
    hints: dict[int, OrderContext] = {}
    for tlv in frame.tlvs:
        hint = hint_of(tlv.record)
        if hint is not None:
            order_id, context = hint
            hints[order_id] = hints.get(order_id, NOTHING_KNOWN).merged(context)
    return hints


def hint_of(record: Record | None) -> tuple[int, OrderContext] | None:
    """Return what one record tells about its order, None for a record that tells nothing."""
    if isinstance(record, (ExecutionResult48, ExecutionResult96)):
        return record.order_id, _context_of_result(record)
    if isinstance(record, Fill65):
        side: Side = "buy" if record.side == BUY else "sell"
        return record.order_id, OrderContext(instrument_key=record.instrument_key, side=side)
    if isinstance(record, BincodeOrderRequest):
        return record.order_id, OrderContext(
            instrument_key=record.instrument_id,
            side="sell" if record.side else "buy",
            decided_at=record.timestamp_ns or None,
        )
    return None


def _context_of_result(record: ExecutionResult48 | ExecutionResult96) -> OrderContext:
    chain_id = record.chain_id if isinstance(record, ExecutionResult96) else 0
    return OrderContext(
        strategy_id=record.strategy_id or None,
        instrument=record.instrument.to_text() if _is_stated(record.instrument) else None,
        side=_side_of_result(record.side, record.quantity_filled),
        chain_id=chain_id or None,
    )


def _side_of_result(side: int, quantity: int) -> Side | None:
    if side == BUY or (side == SIDE_FROM_SIGN and quantity > 0):
        return "buy"
    if side == SELL or quantity < 0:
        return "sell"
    return None


def _is_stated(instrument: InstrumentId) -> bool:
    """Tell an instrument from a field left at zero."""
    return any(instrument)
