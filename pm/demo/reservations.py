"""What an order reserves before it is sent."""

from __future__ import annotations

from typing import NamedTuple


class OrderReservation(NamedTuple):
    """An amount of a token for an order of so much; amounts are decimal text."""

    order_id: int
    strategy: int
    venue: str
    token: str
    amount: str
    quantity: str
