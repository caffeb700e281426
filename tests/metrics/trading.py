"""Executions of this very day, for gauges that are about today."""

from __future__ import annotations

import time
from collections.abc import Iterable

from pm.decimals import Amount
from pm.events.message import pack
from pm.events.model import Event
from pm.marks import store
from pm.marks.mark import Mark
from tests.workers.desk import Desk
from tests.workers.lane_contents import LaneContent, fill


def lane_of(events: Iterable[Event]) -> LaneContent:
    """The entries of events, received now."""
    now_ns = time.time_ns()
    return [
        (f"{number}-0", {"event": pack(event), "received_at": now_ns})
        for number, event in enumerate(events, 1)
    ]


def bought_and_sold() -> LaneContent:
    """One bitcoin bought at 100 and two fifths of it sold at 150, today; 3.25 USDT fee each."""
    now_ns = time.time_ns()
    buy = fill(1, quantity="1", price="100")._replace(executed_at=now_ns)
    sell = fill(2, quantity="-0.4", price="150")._replace(executed_at=now_ns)
    return lane_of((buy, sell))


def price(desk: Desk, token: str, quote: str, amount: str) -> None:
    """Mark a token now."""
    now_ns = time.time_ns()
    mark = Mark(token, quote, Amount.parse(amount), now_ns, "test", "mark", now_ns)
    store.record(desk.client, [mark])
