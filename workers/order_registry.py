"""What earlier frames told about orders, for the frames that name an order by number only.

Kept in the outbox, in the same commit as the frames that told it, with the recently used ones in
memory. Facts of one order add up, the newest first. A number that comes with another strategy or
instrument is a new order under an old number: nothing of the old one counts for it.

Some venues give a number again every trading day. Every order therefore gets the UTC date on which
it was first seen, and keeps it past midnight while it is talked of; a number heard again on a later
date, after hours of silence, gets that date. Where a venue does not reuse numbers, no date is read.
"""

from __future__ import annotations

from collections import OrderedDict
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, NamedTuple

import msgpack

from pm.events.order_context import NOTHING_KNOWN, OrderContext
from workers.outbox import Outbox

REMEMBERED_ORDERS: Final = 100_000
SILENT_HOURS: Final = 6
_IDENTIFYING: Final = ("strategy_id", "instrument", "instrument_key", "chain_id")


class _Kept(NamedTuple):
    """Facts, and the hour since the epoch when the order was last seen."""

    facts: OrderContext
    hour: int


_NOTHING_KEPT: Final = _Kept(NOTHING_KNOWN, 0)


class OrderRegistry:
    """Facts by order id as sent; `changed` gives what the next commit has to keep."""

    def __init__(self, outbox: Outbox, remembered: int = REMEMBERED_ORDERS) -> None:
        self._outbox = outbox
        self._remembered = remembered
        self._recent: OrderedDict[int, _Kept] = OrderedDict()
        self._changed: dict[int, _Kept] = {}
        self._highest = outbox.highest_order()

    def meet(self, order_id: int, told: OrderContext, hour: int) -> OrderContext:
        """Learn what a frame tells of an order; return what was known beside it.

        `hour` is when the frame came, in hours since the epoch.
        """
        before = self._find(order_id)
        facts = NOTHING_KNOWN if _is_another(told, before.facts) else before.facts
        if facts is NOTHING_KNOWN and not any(told):
            return facts
        known = _dated(facts, before.hour, hour)
        after = _Kept(told.merged(known), max(hour, before.hour))
        if after != before:
            self._changed[order_id] = after
            self._remember(order_id, after)
        return known

    def changed(self) -> dict[int, tuple[bytes, int]]:
        """What has to be kept: packed facts and hour, by order id."""
        return {
            order: (bytes(msgpack.packb(kept.facts.to_table())), kept.hour)
            for order, kept in self._changed.items()
        }

    def kept(self) -> None:
        """Say that what `changed` gave is committed."""
        self._changed.clear()

    def _find(self, order_id: int) -> _Kept:
        found = self._recent.get(order_id)
        if found is not None:
            self._recent.move_to_end(order_id)
            return found
        found = self._changed.get(order_id)
        if found is None:
            found = self._read(order_id)
        self._remember(order_id, found)
        return found

    def _read(self, order_id: int) -> _Kept:
        # Most orders are new, and most numbers are counted up: those need no question.
        if order_id > self._highest:
            self._highest = order_id
            return _NOTHING_KEPT
        row = self._outbox.known_order(order_id)
        return _NOTHING_KEPT if row is None else _Kept(_unpack(row[0]), row[1])

    def _remember(self, order_id: int, kept: _Kept) -> None:
        self._recent[order_id] = kept
        self._recent.move_to_end(order_id)
        if len(self._recent) > self._remembered:
            self._recent.popitem(last=False)


def _unpack(packed: bytes) -> OrderContext:
    return OrderContext.from_table(msgpack.unpackb(packed))


def _is_another(told: OrderContext, before: OrderContext) -> bool:
    for name in _IDENTIFYING:
        mine, other = getattr(told, name), getattr(before, name)
        if mine is not None and other is not None and mine != other:
            return True
    return False


def _dated(facts: OrderContext, last_hour: int, hour: int) -> OrderContext:
    if facts.date is not None and hour - last_hour < SILENT_HOURS:
        return facts
    first_met = _first_met(hour // 24)
    return first_met if facts is NOTHING_KNOWN else facts._replace(date=first_met.date)


@lru_cache(maxsize=8)
def _first_met(day: int) -> OrderContext:
    return OrderContext(date=datetime.fromtimestamp(day * 86_400, UTC).date().isoformat())
