"""The ways a relay tells of one order, each with its own layouts.

A telling yields one message at a time and enters into the ledger, at that moment, what the message
newly says. Fills are entered one by one; a cumulative report replaces the totals it told before,
because its average price is rounded and the books follow the report.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import accumulate
from typing import NamedTuple

from pm.demo.exact import ZERO, fixed
from pm.demo.ledger import Ledger, Trade, TradeName
from pm.demo.market import Execution, Listing, fee_decimals
from pm.wire.execution_records import (
    RESULT_CANCELLED,
    RESULT_FILLED,
    RESULT_PARTIAL,
    RESULT_REJECTED,
    BincodeExecutionResult,
    BincodeOrderRequest,
    ExecutionResult48,
    ExecutionResult96,
    Fill32,
    Fill65,
    OrderStatus25,
)
from pm.wire.instrument_id import InstrumentId
from pm.wire.layout import BUY, SELL, Record
from pm.wire.trace_layouts import DocumentedTrace36

_OPEN_STATUS = 1
_FILLED_STATUS = 2
_PARTLY_FILLED, _FILLED = 1, 2
_LIMIT_ORDER = 1

Clock = Callable[[], int]


class Order(NamedTuple):
    """An order and how it will be executed; the ends of its life are decided beforehand."""

    order_id: int
    strategy: int
    listing: Listing
    buys: bool
    executions: tuple[Execution, ...]
    is_cancelled: bool = False

    @property
    def quantity(self) -> int:
        """All that will be executed, without sign."""
        return sum(execution.quantity for execution in self.executions)

    @property
    def wire_instrument(self) -> InstrumentId:
        """The instrument as the relay names it."""
        return InstrumentId.from_text(self.listing.instrument)

    @property
    def side(self) -> int:
        """The side as most layouts number it."""
        return BUY if self.buys else SELL


class Message(NamedTuple):
    """The records of one frame, and how many executions it is the first to tell of.

    `reserved` is the number of reservations that have been made before it can be told.
    """

    records: tuple[Record, ...]
    executions: int
    reserved: int = 0


class _Total(NamedTuple):
    """An order so far, as a report states it: quantity, average price, fees."""

    quantity: int
    price: int
    fees: int


def told_thrice(order: Order, ledger: Ledger) -> Iterator[Message]:
    """Each execution as a fill, a status and a cumulative result in one frame."""
    left = order.quantity
    for execution, total in zip(order.executions, _totals(order), strict=True):
        left -= execution.quantity
        _enter_fill(ledger, order, execution)
        fill = Fill32(order.order_id, execution.price, execution.quantity, execution.fee)
        status = OrderStatus25(
            order.order_id, _OPEN_STATUS if left else _FILLED_STATUS, total.quantity, left
        )
        result = _result48(order, total, RESULT_PARTIAL if left else RESULT_FILLED)
        yield Message((result, fill, status), 1)


def told_as_fills(order: Order, ledger: Ledger, clock: Clock) -> Iterator[Message]:
    """An acknowledgement that names the instrument, then each execution with an id of its own."""
    yield Message((_result48(order, _Total(0, 0, 0), RESULT_PARTIAL),), 0)
    for number, execution in enumerate(order.executions, 1):
        _enter_fill(ledger, order, execution, TradeName(order.order_id, number))
        fill = Fill65(
            fill_id=number,
            order_id=order.order_id,
            instrument_key=order.wire_instrument.to_u64(),
            side=order.side,
            fill_quantity=execution.quantity,
            fill_price=execution.price,
            fee_amount=execution.fee,
            timestamp_filled_ns=clock(),
            venue_fill_id=order.order_id % 1_000_003 + number,
        )
        yield Message((fill,), 1)


def told_cumulatively(order: Order, ledger: Ledger) -> Iterator[Message]:
    """Reports that grow until the order is filled, or cancelled with what it had."""
    last = _Total(0, 0, 0)
    totals = _totals(order)
    for total in totals:
        is_last = total is totals[-1]
        _enter_report(ledger, order, last, total)
        last = total
        result = RESULT_FILLED if is_last and not order.is_cancelled else RESULT_PARTIAL
        yield Message((_result48(order, total, result),), 1)
    if order.is_cancelled:
        yield Message((_result48(order, last, RESULT_CANCELLED),), 0)


def told_wide(
    order: Order,
    ledger: Ledger,
    clock: Clock,
    trace: DocumentedTrace36 | None = None,
    reserved: int = 0,
) -> Iterator[Message]:
    """Growing reports with 18-decimal amounts, as chains have them, each with its trace if any."""
    last = _Total(0, 0, 0)
    totals = _totals(order)
    for total in totals:
        _enter_report(ledger, order, last, total)
        last = total
        result = RESULT_FILLED if total is totals[-1] else RESULT_PARTIAL
        report = ExecutionResult96(
            order_id=order.order_id,
            instrument=order.wire_instrument,
            quantity_filled=total.quantity,
            average_price=total.price,
            total_fees=total.fees,
            venue_order_id=order.order_id & 0xFFFF_FFFF,
            execution_time=clock(),
            chain_id=ledger.instrument(order.listing.instrument).chain_id,
            strategy_id=order.strategy,
            result_type=result,
            side=order.side,
            quantity_decimals=order.listing.quantity_decimals,
            price_decimals=order.listing.price_decimals,
            fee_decimals=fee_decimals(order.listing, buys=order.buys),
        )
        yield Message((report,) if trace is None else (trace, report), 1, reserved)


def told_in_bincode(order: Order, ledger: Ledger, clock: Clock) -> Iterator[Message]:
    """A request, which alone knows the side, then results that have an order id and no more."""
    request = BincodeOrderRequest(
        order_id=order.order_id,
        instrument_id=order.wire_instrument.to_u64(),
        side=0 if order.buys else 1,
        order_type=_LIMIT_ORDER,
        quantity=order.quantity,
        price=order.executions[0].price,
        timestamp_ns=clock(),
    )
    yield Message((request,), 0)
    last = _Total(0, 0, 0)
    totals = _totals(order)
    for number, total in enumerate(totals, 1):
        _enter_report(ledger, order, last, total)
        last = total
        status = _FILLED if total is totals[-1] else _PARTLY_FILLED
        yield Message(
            (
                BincodeExecutionResult(
                    execution_id=number,
                    order_id=order.order_id,
                    status=status,
                    filled_quantity=total.quantity,
                    average_price=total.price,
                    fees=total.fees,
                    timestamp_ns=clock(),
                ),
            ),
            1,
        )


def told_as_rejected(order: Order) -> Iterator[Message]:
    """A refusal: nothing was executed."""
    yield Message((_result48(order, _Total(0, 0, 0), RESULT_REJECTED),), 0)


def _totals(order: Order) -> list[_Total]:
    quantities = list(accumulate(execution.quantity for execution in order.executions))
    spent = accumulate(execution.quantity * execution.price for execution in order.executions)
    fees = accumulate(execution.fee for execution in order.executions)
    return [
        _Total(quantity, _rounded_half_even(whole, quantity), paid)
        for quantity, whole, paid in zip(quantities, spent, fees, strict=True)
    ]


def _rounded_half_even(numerator: int, denominator: int) -> int:
    quotient, remainder = divmod(numerator, denominator)
    if 2 * remainder > denominator or (2 * remainder == denominator and quotient & 1):
        return quotient + 1
    return quotient


def _result48(order: Order, total: _Total, result: int) -> ExecutionResult48:
    return ExecutionResult48(
        order_id=order.order_id,
        instrument=order.wire_instrument,
        quantity_filled=total.quantity,
        average_price=total.price,
        total_fees=total.fees,
        strategy_id=order.strategy,
        result_type=result,
        side=order.side,
    )


def _enter_fill(
    ledger: Ledger, order: Order, execution: Execution, name: TradeName | None = None
) -> None:
    quantity, notional, price = _amounts(ledger, order, execution.quantity, execution.price)
    fee = fixed(execution.fee, fee_decimals(order.listing, buys=order.buys))
    trade = Trade(quantity, notional, fee, price)
    ledger.trade(order.strategy, order.listing.instrument, trade, buys=order.buys, name=name)


def _enter_report(ledger: Ledger, order: Order, before: _Total, after: _Total) -> None:
    quantity, notional, price = _amounts(ledger, order, after.quantity, after.price)
    told_quantity, told_notional = ZERO, ZERO
    if before.quantity:
        told_quantity, told_notional, _ = _amounts(ledger, order, before.quantity, before.price)
    fee = fixed(after.fees - before.fees, fee_decimals(order.listing, buys=order.buys))
    trade = Trade(quantity - told_quantity, notional - told_notional, fee, price)
    ledger.trade(order.strategy, order.listing.instrument, trade, buys=order.buys)


def _amounts(
    ledger: Ledger, order: Order, quantity: int, price: int
) -> tuple[Fraction, Fraction, Fraction]:
    """Signed quantity, signed notional and price."""
    listing = order.listing
    signed = fixed(quantity if order.buys else -quantity, listing.quantity_decimals)
    unit = fixed(price, listing.price_decimals)
    return signed, ledger.notional(listing.instrument, signed, unit), unit
