"""What the execution TLVs say, one record per struct that is in circulation.

Amounts are integers as sent; only ExecutionResult96 says how many decimals they have. A
cumulative result repeats what earlier results of its order said, a fill does not.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from pm.wire.instrument_id import InstrumentId

RESULT_NONE: Final = 0
RESULT_FILLED: Final = 1
RESULT_REJECTED: Final = 2
RESULT_PARTIAL: Final = 3
RESULT_CANCELLED: Final = 4

BINCODE_STATUS_NAMES: Final = ("Pending", "PartiallyFilled", "Filled", "Cancelled", "Rejected")
RESULT_OF_BINCODE_STATUS: Final = (
    RESULT_NONE,
    RESULT_PARTIAL,
    RESULT_FILLED,
    RESULT_CANCELLED,
    RESULT_REJECTED,
)
BINCODE_SIDE_NAMES: Final = ("Buy", "Sell")
BINCODE_ORDER_TYPE_NAMES: Final = ("Market", "Limit", "StopLoss", "TakeProfit")


class Fill32(NamedTuple):
    """A fill of registry size; instrument, side and strategy are the order's."""

    order_id: int
    price: int
    quantity: int
    fees: int


class Fill65(NamedTuple):
    """A fill with an id of its own; the instrument is the lossy u64 key, side 1 buy or 2 sell."""

    fill_id: int
    order_id: int
    instrument_key: int
    side: int
    fill_quantity: int
    fill_price: int
    fee_amount: int
    timestamp_filled_ns: int
    venue_fill_id: int


class OrderStatus24(NamedTuple):
    """Filled and remaining quantity of an order."""

    order_id: int
    filled_quantity: int
    remaining_quantity: int


class OrderStatus25(NamedTuple):
    """As OrderStatus24, with a status byte whose values are nowhere defined."""

    order_id: int
    status: int
    filled_quantity: int
    remaining_quantity: int


class ExecutionResult48(NamedTuple):
    """A cumulative result in 8 decimals, with its instrument; its time is the header's."""

    order_id: int
    instrument: InstrumentId
    quantity_filled: int
    average_price: int
    total_fees: int
    strategy_id: int
    result_type: int
    side: int


class ExecutionResult63(NamedTuple):
    """A cumulative result without instrument, side or strategy; on chain its time is a block."""

    order_id: int
    result_type: int
    quantity_filled: int
    average_price: int
    total_fees: int
    execution_time: int
    venue_order_id: int


class ExecutionResult96(NamedTuple):
    """A cumulative result for 18-decimal amounts, which says its decimals and its chain."""

    order_id: int
    instrument: InstrumentId
    quantity_filled: int
    average_price: int
    total_fees: int
    venue_order_id: int
    execution_time: int
    chain_id: int
    strategy_id: int
    result_type: int
    side: int
    quantity_decimals: int
    price_decimals: int
    fee_decimals: int


class BincodeExecutionResult(NamedTuple):
    """A cumulative result with an execution id; `status` is an index of BINCODE_STATUS_NAMES."""

    execution_id: int
    order_id: int
    status: int
    filled_quantity: int
    average_price: int
    fees: int
    timestamp_ns: int


class BincodeOrderRequest(NamedTuple):
    """An order as it was requested; `price` is None for an order without one. Side 0 is buy."""

    order_id: int
    instrument_id: int
    side: int
    order_type: int
    quantity: int
    price: int | None
    timestamp_ns: int


class BincodeOrderCancel(NamedTuple):
    """A request to cancel an order."""

    order_id: int
    timestamp_ns: int
