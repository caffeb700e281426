"""The byte layouts found under the execution types 40 to 59.

No sender agrees with another: the same economic event may come as a struct of registry size, a
bincode image or a struct of the documents. An unknown `result_type` or order `status` is kept as it
is, because a report that is not understood must not take its frame along; an enum that its own
sender could not have written is refused.
"""

from __future__ import annotations

import struct
from typing import Final

from pm.wire.execution_records import (
    BINCODE_ORDER_TYPE_NAMES,
    BINCODE_SIDE_NAMES,
    BINCODE_STATUS_NAMES,
    BincodeExecutionResult,
    BincodeOrderCancel,
    BincodeOrderRequest,
    ExecutionResult48,
    ExecutionResult63,
    ExecutionResult96,
    Fill32,
    Fill65,
    OrderStatus24,
    OrderStatus25,
)
from pm.wire.instrument_id import InstrumentId
from pm.wire.layout import (
    BUY,
    SELL,
    SIDE_FROM_SIGN,
    Layout,
    check_enum,
    check_side_against_sign,
    flat,
    join_u128,
    split_u128,
)

ORDER_REQUEST: Final = 40
ORDER_STATUS: Final = 41
FILL: Final = 42
ORDER_CANCEL: Final = 43
EXECUTION_REPORT: Final = 45
WIDE_EXECUTION_REPORT: Final = 50

_ER48: Final = struct.Struct("<QQqqqHHBBBB")
_ER96: Final = struct.Struct("<QqQQQQQQQQIHHBBBBBBBx")
_FILL65: Final = struct.Struct("<QQQBqqqQQ")
_ERBIN52: Final = struct.Struct("<QQIQqqQ")
_ORDBIN_WITHOUT_PRICE: Final = struct.Struct("<QQIIQBQ")
_ORDBIN_WITH_PRICE: Final = struct.Struct("<QQIIQBqQ")


def _unpack_er48(buffer: bytes, offset: int) -> ExecutionResult48:
    (
        order_id,
        asset,
        quantity,
        price,
        fees,
        venue,
        strategy,
        asset_type,
        reserved,
        result,
        side,
    ) = _ER48.unpack_from(buffer, offset)
    _check_result_side(side, quantity)
    instrument = InstrumentId(asset, venue, asset_type, reserved)
    return ExecutionResult48(order_id, instrument, quantity, price, fees, strategy, result, side)


def _pack_er48(record: ExecutionResult48) -> bytes:
    asset_id, venue, asset_type, reserved = record.instrument
    return _ER48.pack(
        record.order_id,
        asset_id,
        record.quantity_filled,
        record.average_price,
        record.total_fees,
        venue,
        record.strategy_id,
        asset_type,
        reserved,
        record.result_type,
        record.side,
    )


def _unpack_er96(buffer: bytes, offset: int) -> ExecutionResult96:
    (
        quantity_low, quantity_high, price_low, price_high, fees_low, fees_high,
        order_id, venue_order_id, execution_time, asset, chain_id, venue, strategy, asset_type,
        reserved, result, side, quantity_decimals, price_decimals, fee_decimals,
    ) = _ER96.unpack_from(buffer, offset)  # fmt: skip
    quantity = join_u128(quantity_low, quantity_high)
    _check_result_side(side, quantity)
    return ExecutionResult96(
        order_id,
        InstrumentId(asset, venue, asset_type, reserved),
        quantity,
        join_u128(price_low, price_high),
        join_u128(fees_low, fees_high),
        venue_order_id,
        execution_time,
        chain_id,
        strategy,
        result,
        side,
        quantity_decimals,
        price_decimals,
        fee_decimals,
    )


def _pack_er96(record: ExecutionResult96) -> bytes:
    asset_id, venue, asset_type, reserved = record.instrument
    return _ER96.pack(
        *split_u128(record.quantity_filled),
        *split_u128(record.average_price),
        *split_u128(record.total_fees),
        record.order_id,
        record.venue_order_id,
        record.execution_time,
        asset_id,
        record.chain_id,
        venue,
        record.strategy_id,
        asset_type,
        reserved,
        record.result_type,
        record.side,
        record.quantity_decimals,
        record.price_decimals,
        record.fee_decimals,
    )


def _unpack_fill65(buffer: bytes, offset: int) -> Fill65:
    fill = Fill65._make(_FILL65.unpack_from(buffer, offset))
    check_enum("side", fill.side, BUY, SELL)
    check_side_against_sign(fill.side, fill.fill_quantity)
    return fill


def _pack_fill65(record: Fill65) -> bytes:
    return _FILL65.pack(*record)


def _unpack_erbin52(buffer: bytes, offset: int) -> BincodeExecutionResult:
    result = BincodeExecutionResult._make(_ERBIN52.unpack_from(buffer, offset))
    check_enum("status", result.status, 0, len(BINCODE_STATUS_NAMES) - 1)
    return result


def _pack_erbin52(record: BincodeExecutionResult) -> bytes:
    return _ERBIN52.pack(*record)


def _unpack_ordbin_without_price(buffer: bytes, offset: int) -> BincodeOrderRequest:
    *common, tag, timestamp = _ORDBIN_WITHOUT_PRICE.unpack_from(buffer, offset)
    return _checked_order(BincodeOrderRequest._make((*common, None, timestamp)), tag, 0)


def _unpack_ordbin_with_price(buffer: bytes, offset: int) -> BincodeOrderRequest:
    *common, tag, price, timestamp = _ORDBIN_WITH_PRICE.unpack_from(buffer, offset)
    return _checked_order(BincodeOrderRequest._make((*common, price, timestamp)), tag, 1)


def _pack_ordbin(record: BincodeOrderRequest) -> bytes:
    *common, price, timestamp = record
    if price is None:
        return _ORDBIN_WITHOUT_PRICE.pack(*common, 0, timestamp)
    return _ORDBIN_WITH_PRICE.pack(*common, 1, price, timestamp)


def _checked_order(order: BincodeOrderRequest, tag: int, expected_tag: int) -> BincodeOrderRequest:
    check_enum("side", order.side, 0, len(BINCODE_SIDE_NAMES) - 1)
    check_enum("order_type", order.order_type, 0, len(BINCODE_ORDER_TYPE_NAMES) - 1)
    # The tag says whether a price follows, so it must agree with the length.
    check_enum("has_price", tag, expected_tag, expected_tag)
    return order


def _check_result_side(side: int, quantity: int) -> None:
    check_enum("side", side, SIDE_FROM_SIGN, SELL)
    check_side_against_sign(side, quantity)


EXECUTION_LAYOUTS: Final[tuple[Layout, ...]] = (
    Layout(
        "ORDBIN",
        "OrderRequest",
        (ORDER_REQUEST,),
        _ORDBIN_WITHOUT_PRICE.size,
        BincodeOrderRequest,
        _unpack_ordbin_without_price,
        _pack_ordbin,
    ),
    Layout(
        "ORDBIN",
        "OrderRequest",
        (ORDER_REQUEST,),
        _ORDBIN_WITH_PRICE.size,
        BincodeOrderRequest,
        _unpack_ordbin_with_price,
        _pack_ordbin,
    ),
    flat("OS24", "OrderStatus", (ORDER_STATUS,), "Qqq", OrderStatus24),
    flat("OS25", "OrderStatus", (ORDER_STATUS,), "QBqq", OrderStatus25),
    flat("FILL32", "Fill", (FILL,), "Qqqq", Fill32),
    Layout(
        "ERBIN52",
        "ExecutionResult",
        (FILL,),
        _ERBIN52.size,
        BincodeExecutionResult,
        _unpack_erbin52,
        _pack_erbin52,
    ),
    # 41 is the number an older document gives to fills.
    Layout(
        "FILL65", "Fill", (FILL, ORDER_STATUS), _FILL65.size, Fill65, _unpack_fill65, _pack_fill65
    ),
    flat("CANBIN16", "OrderCancel", (ORDER_CANCEL,), "QQ", BincodeOrderCancel),
    Layout(
        "ER48",
        "ExecutionResult",
        (EXECUTION_REPORT,),
        _ER48.size,
        ExecutionResult48,
        _unpack_er48,
        _pack_er48,
    ),
    flat("ER63", "ExecutionResult", (EXECUTION_REPORT,), "QBQqQQQ14x", ExecutionResult63),
    Layout(
        "ER96",
        "ExecutionResult",
        (WIDE_EXECUTION_REPORT,),
        _ER96.size,
        ExecutionResult96,
        _unpack_er96,
        _pack_er96,
    ),
)
