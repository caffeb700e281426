"""The desk that reserves for an order before it goes out, and lets no other go."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pm.books.opening import BookError
from pm.client.capital import Capital, CapitalError, InsufficientBalance
from pm.connect import ServerError
from pm.demo.clearance import clear
from pm.demo.errors import DemoError
from pm.demo.reservations import OrderReservation

_OPEN_ORDERS_MAX: Final = 25


class ReservingDesk:
    """Reserves in the order in which its orders were made; `reserved` is how many it has.

    With some more orders open than a day tells of side by side, none waits for one behind it.
    """

    def __init__(
        self, capital: Capital, orders: Sequence[OrderReservation], clearance: Path
    ) -> None:
        self.reserved = 0
        self._capital = capital
        self._orders = orders
        self._clearance = clearance

    def work(self, open_orders: int) -> None:
        """Reserve for some more, `open_orders` of them having something reserved now.

        What the books cannot do at the moment is tried again the next time.
        """
        end = self.reserved + max(0, _OPEN_ORDERS_MAX - open_orders)
        before = self.reserved
        try:
            for order in self._orders[before:end]:
                self._reserve(order)
                self.reserved += 1
        except (InsufficientBalance, ServerError, BookError):
            pass
        except CapitalError as error:
            raise DemoError(f"order {order.order_id} cannot reserve: {error}") from None
        if self.reserved > before:
            clear(self._clearance, self.reserved)

    def _reserve(self, order: OrderReservation) -> None:
        self._capital.reserve(
            order.order_id,
            order.venue,
            order.token,
            order.amount,
            strategy=order.strategy,
            quantity=order.quantity,
        )
