"""Applies what waits in a book's lanes from within a command, when no worker does it.

A pool may be at work on the same book: the cursor keeps the two apart, so this only steps in when
the book does not move.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import redis

from pm import keys
from pm.books import lanes
from pm.settings import Settings
from workers.consumer import Stalled
from workers.worker import new_consumer

PATIENCE_S = 2.0


def drain(
    client: redis.Redis,
    settings: Settings,
    book: str,
    lane: str,
    last_entry: str,
    progress: Callable[[str], None] = lambda cursor: None,
) -> None:
    """Return once `last_entry` of the lane is done. `client` must not decode.

    Raises Stalled when the lane cannot go on.
    """
    consumer = new_consumer(settings, book)
    moved_at, cursor = time.monotonic(), ""
    while True:
        present = lanes.cursors(client, book, [lane])[lane]
        if lanes.is_past(present, last_entry):
            return
        if present != cursor:
            moved_at, cursor = time.monotonic(), present
            progress(cursor)
        if client.exists(keys.lease(book)) and time.monotonic() - moved_at < PATIENCE_S:
            time.sleep(0.005)
            continue
        consumer.consume(client)
        if lane in consumer.stalls:
            raise Stalled(f"book {book}: lane {lane} waits: {consumer.stalls[lane]}")
