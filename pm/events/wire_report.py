"""What the execution layouts say, in one shape: a fill, a cumulative result, or a status.

Integers stay as sent. `decimals` are those of quantity, price and fees where a layout carries them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Literal, NamedTuple

from pm.events.event_values import RESULT_OF_NUMBER
from pm.events.model import Result
from pm.wire.execution_records import (
    RESULT_NONE,
    RESULT_OF_BINCODE_STATUS,
    BincodeExecutionResult,
    ExecutionResult48,
    ExecutionResult63,
    ExecutionResult96,
    Fill32,
    Fill65,
    OrderStatus24,
    OrderStatus25,
)
from pm.wire.layout import Record

FILL: Final = 0
RESULT: Final = 1
STATUS: Final = 2


class Report(NamedTuple):
    """One message about one order; `rank` is FILL, RESULT or STATUS.

    A quantity that is not `is_signed` needs a side. `time` is as sent and perhaps no time at all,
    0 where the header's counts. Fees are 0 where they are not stated.
    """

    rank: Literal[0, 1, 2]
    order_id: int
    quantity: int = 0
    is_signed: bool = True
    price: int = 0
    fees: int = 0
    decimals: tuple[int, int, int] | None = None
    time: int = 0
    execution_id: int = 0
    result: Result = "unknown"
    status: str = ""


def report_of(record: Record | None) -> Report | None:
    """Return what a record says; None for one that is not about what became of an order."""
    read = _READERS.get(type(record))
    return None if read is None else read(record)


def _fill32(record: Fill32) -> Report:
    return Report(FILL, record.order_id, record.quantity, price=record.price, fees=record.fees)


def _fill65(record: Fill65) -> Report:
    return Report(
        FILL,
        record.order_id,
        record.fill_quantity,
        price=record.fill_price,
        fees=record.fee_amount,
        time=record.timestamp_filled_ns,
        execution_id=record.fill_id,
    )


def _er48(record: ExecutionResult48) -> Report:
    return Report(
        RESULT,
        record.order_id,
        record.quantity_filled,
        price=record.average_price,
        fees=record.total_fees,
        result=RESULT_OF_NUMBER.get(record.result_type, "unknown"),
    )


def _er63(record: ExecutionResult63) -> Report:
    return Report(
        RESULT,
        record.order_id,
        record.quantity_filled,
        is_signed=False,
        price=record.average_price,
        fees=record.total_fees,
        time=record.execution_time,
        result=RESULT_OF_NUMBER.get(record.result_type, "unknown"),
    )


def _er96(record: ExecutionResult96) -> Report:
    return Report(
        RESULT,
        record.order_id,
        record.quantity_filled,
        price=record.average_price,
        fees=record.total_fees,
        decimals=(record.quantity_decimals, record.price_decimals, record.fee_decimals),
        time=record.execution_time,
        result=RESULT_OF_NUMBER.get(record.result_type, "unknown"),
    )


def _erbin52(record: BincodeExecutionResult) -> Report:
    number = RESULT_OF_BINCODE_STATUS[record.status]
    if number == RESULT_NONE:
        return Report(STATUS, record.order_id, time=record.timestamp_ns, status="pending")
    return Report(
        RESULT,
        record.order_id,
        record.filled_quantity,
        is_signed=False,
        price=record.average_price,
        fees=record.fees,
        time=record.timestamp_ns,
        result=RESULT_OF_NUMBER[number],
    )


def _os24(record: OrderStatus24) -> Report:
    status = "open"
    if record.filled_quantity:
        status = "partial" if record.remaining_quantity else "filled"
    return Report(STATUS, record.order_id, status=status)


def _os25(record: OrderStatus25) -> Report:
    # What the numbers mean is nowhere defined, so the number itself is kept.
    return Report(STATUS, record.order_id, status=f"wire-{record.status}")


_READERS: Final[dict[type, Callable[[Any], Report]]] = {
    Fill32: _fill32,
    Fill65: _fill65,
    ExecutionResult48: _er48,
    ExecutionResult63: _er63,
    ExecutionResult96: _er96,
    BincodeExecutionResult: _erbin52,
    OrderStatus24: _os24,
    OrderStatus25: _os25,
}
