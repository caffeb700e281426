"""The state of an order: how its fills and its cumulative reports add up to one execution.

A venue may tell of the same quantity twice, as identified fills and as the order's running totals.
The order's quantity is whichever of the two reaches further; only what an event adds to that moves
a position. Fees follow the same idea: once a report has stated an order's fees, a fill brings its
own only for the quantity it adds. A status that is final stays so, executions may still follow.
"""

from collections.abc import Sequence
from typing import NamedTuple

from pm.decimals import ZERO, Amount, multiply_divide
from pm.rules.facts import Fee
from pm.rules.legs import rounding_scale
from pm.rules.reservations import NO_RESERVATIONS, Reservations, reservations_json
from pm.rules.token_amounts import NO_AMOUNTS, TokenAmounts, amounts_json, plus

FINAL_STATUSES = frozenset({"filled", "cancelled", "rejected", "expired"})


class Order(NamedTuple):
    """What is known of an order; `quantity` and `notional` are what the books have applied.

    Strategy and instrument are "" until something tells them, as is the status of an order that
    has only reserved.
    """

    key: str
    strategy: str
    instrument: str
    status: str
    quantity: Amount
    notional: Amount
    fees: TokenAmounts
    fill_quantity: Amount
    result_quantity: Amount
    result_fees: bool
    filled_at: str
    reservations: Reservations = NO_RESERVATIONS

    @property
    def is_ended(self) -> bool:
        """Whether its status is final; executions may still follow."""
        return self.status in FINAL_STATUSES


class Applied(NamedTuple):
    """The part of an execution its order had not had yet, and the order after it."""

    order: Order
    quantity: Amount
    notional: Amount
    fees: tuple[Fee, ...]


def new_order(key: str, strategy: str, instrument: str, status: str = "open") -> Order:
    """An order nothing has been told of yet."""
    return Order(key, strategy, instrument, status, ZERO, ZERO, NO_AMOUNTS, ZERO, ZERO, False, "")


def order_json(order: Order) -> str:
    """The JSON of an order's state, as the journal keeps it."""
    return (
        f'{{"key":"{order.key}","strategy":"{order.strategy}","instrument":"{order.instrument}",'
        f'"status":"{order.status}","quantity":"{order.quantity}","notional":"{order.notional}",'
        f'"fees":{amounts_json(order.fees)},"fill_quantity":"{order.fill_quantity}",'
        f'"result_quantity":"{order.result_quantity}",'
        f'"result_fees":"{"1" if order.result_fees else "0"}","filled_at":"{order.filled_at}",'
        f'"reservations":{reservations_json(order.reservations)}}}'
    )


def opposes(order: Order, quantity: Amount) -> bool:
    """Whether `quantity` is on the other side than what the order has executed."""
    if not quantity or not order.quantity:
        return False
    return quantity.sign != order.quantity.sign


def is_stale(order: Order, quantity: Amount) -> bool:
    """Whether a cumulative `quantity` is behind what the order has executed."""
    return abs(quantity) < abs(order.quantity)


def add_fees(order: Order, fees: Sequence[Fee]) -> Order:
    """The order with fees of its own counted as applied."""
    return order._replace(fees=_plus_fees(order.fees, fees)) if fees else order


def _plus_fees(amounts: TokenAmounts, fees: Sequence[Fee]) -> TokenAmounts:
    for fee in fees:
        amounts = plus(amounts, fee.token, fee.amount)
    return amounts


def apply_fill(
    order: Order, quantity: Amount, notional: Amount, fees: Sequence[Fee], executed_at: str
) -> Applied:
    """Apply a fill, of which only what reports have not covered moves the books."""
    size = abs(quantity)
    fill_quantity = order.fill_quantity + quantity
    reach = max(abs(fill_quantity), abs(order.result_quantity))
    new = reach - abs(order.quantity)
    if new == size:
        part, due = notional, tuple(fees)
    else:
        part = multiply_divide(notional, new, size, rounding_scale(notional)) if new else ZERO
        due = tuple(fees) if not order.result_fees else fee_shares(fees, new, size)
    added = new if quantity.sign > 0 else -new
    after = order._replace(
        status=order.status or "open",
        quantity=order.quantity + added,
        notional=order.notional + part,
        fees=_plus_fees(order.fees, due),
        fill_quantity=fill_quantity,
        filled_at=order.filled_at or (executed_at if new else ""),
    )
    return Applied(after, added, part, due)


def fee_shares(fees: Sequence[Fee], new: Amount, size: Amount) -> tuple[Fee, ...]:
    """The fees of `new` out of `size`."""
    if not new:
        return ()
    shares = (
        Fee(
            fee.token,
            multiply_divide(fee.amount, new, size, rounding_scale(fee.amount)),
            fee.gas,
        )
        for fee in fees
    )
    return tuple(share for share in shares if share.amount)


def apply_result(
    order: Order,
    quantity: Amount,
    notional: Amount | None,
    fees: Sequence[Fee] | None,
    executed_at: str,
) -> Applied:
    """Apply a cumulative report that is not stale: the difference to what was applied.

    `notional` is that of the cumulative quantity and is asked for only when the quantity moved.
    """
    added = quantity - order.quantity
    part = ZERO
    if added:
        assert notional is not None, "a report that moves quantity has a notional"
        part = notional - order.notional
    due = () if fees is None else _fee_differences(order.fees, fees)
    after = order._replace(
        quantity=quantity,
        notional=order.notional + part,
        fees=_plus_fees(order.fees, due),
        result_quantity=quantity,
        result_fees=order.result_fees or fees is not None,
        filled_at=order.filled_at or (executed_at if added else ""),
    )
    return Applied(after, added, part, due)


def _fee_differences(applied: TokenAmounts, fees: Sequence[Fee]) -> tuple[Fee, ...]:
    """Cumulative fees less those applied; a token stated twice counts as its sum."""
    stated: dict[str, Fee] = {}
    for fee in fees:
        first = stated.get(fee.token)
        stated[fee.token] = (
            fee if first is None else Fee(fee.token, first.amount + fee.amount, first.gas)
        )
    differences = (
        Fee(token, fee.amount - applied.get(token, ZERO), fee.gas) for token, fee in stated.items()
    )
    return tuple(fee for fee in differences if fee.amount)


def status_after_result(status: str, result: str) -> str:
    """The status a cumulative report leaves: its result, but partial never ends an ending."""
    return status if result == "partial" and status in FINAL_STATUSES else result


def status_after_notice(status: str, told: str) -> str:
    """The status a rejection or status event leaves: what it tells, unless one is final."""
    return status if status in FINAL_STATUSES else told
