"""Which books a frame concerns, and what their workers are told beside it.

Only messages that the books take up count: fills, results and statuses. The strategy of an order
comes from the frame, else from what earlier frames told, else, where configured, from the upper 16
bits of its id, else it is 0, unattributed. An order of which nothing is known goes to the book of
strategy 0, where it is quarantined; bytes that are no usable frame go to the default book for the
same reason. Nothing that may be an execution is dropped here. A frame for several books goes to
each of them whole, with what is known of all its orders, and each worker takes what is its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import msgpack

from pm.events.model import UNATTRIBUTED
from pm.events.order_context import NOTHING_KNOWN, OrderContext, order_hints
from pm.events.wire_report import report_of
from pm.settings import BooksSettings
from pm.wire.frame import Frame
from workers.order_registry import OrderRegistry
from workers.outbox import HOUR_NS, NewEntry

_STRATEGY_SHIFT: Final = 48
_SIDE: Final = OrderContext._fields.index("side")


class FrameRouting:
    """Turns frames into outbox entries, learning of orders on the way."""

    def __init__(
        self, registry: OrderRegistry, books: BooksSettings, *, strategy_from_order_id: bool
    ) -> None:
        self._registry = registry
        self._books = books
        self._strategy_from_order_id = strategy_from_order_id

    def entries_of(self, frame: Frame, received_at: int) -> list[NewEntry]:
        """The entries of a frame, one for each book it concerns; none if it concerns none.

        `received_at` is nanoseconds.
        """
        hour = received_at // HOUR_NS
        hints = order_hints(frame)
        reports = [report for tlv in frame.tlvs if (report := report_of(tlv.record)) is not None]
        orders = dict.fromkeys(report.order_id for report in reports)
        known = {
            order: self._registry.meet(order, hints.get(order, NOTHING_KNOWN), hour)
            for order in {**orders, **hints}
        }
        books = dict.fromkeys(self._book(order, hints.get(order), known[order]) for order in orders)
        context = _context(orders, hints, known)
        return [NewEntry(book, received_at, frame.raw, context) for book in books]

    def entry_of_piece(self, raw: bytes, received_at: int) -> NewEntry:
        """The entry of bytes that look like a frame but cannot be used as one."""
        return NewEntry(self._books.default_book, received_at, raw, b"")

    def _book(self, order: int, told: OrderContext | None, known: OrderContext) -> str:
        strategy = (told or NOTHING_KNOWN).strategy_id
        if strategy is None:
            strategy = known.strategy_id
        if strategy is None:
            strategy = order >> _STRATEGY_SHIFT if self._strategy_from_order_id else UNATTRIBUTED
        return self._books.book_of(str(strategy))


def _context(
    orders: Iterable[int], hints: Mapping[int, OrderContext], known: Mapping[int, OrderContext]
) -> bytes:
    """Facts by order id as msgpack, without the orders of which nothing has to be told."""
    beside = {order: _beside(known[order], hints.get(order)) for order in orders}
    tables = {order: facts.to_table() for order, facts in beside.items() if any(facts)}
    return bytes(msgpack.packb(tables)) if tables else b""


def _beside(known: OrderContext, told: OrderContext | None) -> OrderContext:
    """What was known without what the frame itself tells, which is nearer and never replaced.

    The side stays: that a frame contradicts it is for the worker to see.
    """
    if told is None:
        return known
    farther = [None if mine is not None else other for mine, other in zip(told, known, strict=True)]
    farther[_SIDE] = known.side
    return OrderContext._make(farther)
