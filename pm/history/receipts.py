"""Where in a book's history a time is, found without reading all of it."""

from __future__ import annotations

import json
from typing import Any, Final

import redis

from pm import keys
from pm.history.history import History

_PROBE_ENTRIES: Final = 50


def first_received(history: History, book: str, time_ns: int, *, through: int) -> int:
    """About the first seq up to `through` that was received at `time_ns` or later, by halving.

    `through` + 1 when all are earlier. Entries are in the order they were applied and only roughly
    in that of receipt.
    """
    low, high = 1, through + 1
    if history.archive is not None:
        archived = history.archive.first_received(book, time_ns)
        if archived is not None:
            return min(archived, high)
        low = min(history.archive.last_seq(book) + 1, high)
    while history.client is not None and low < high:
        middle = (low + high) // 2
        received_at = _received_at(history.client, book, middle, through)
        if received_at is None or received_at >= time_ns:
            high = middle
        else:
            low = middle + 1
    return low


def _received_at(client: redis.Redis, book: str, seq: int, through: int) -> int | None:
    """When the entry of `seq`, or the next one that knows, was received (ns)."""
    found: Any = client.xrange(keys.journal(book), f"{seq}-0", f"{through}-0", count=_PROBE_ENTRIES)
    for _, fields in found:
        text = fields.get("facts") or fields.get(b"facts")
        received_at = json.loads(text).get("received_at")
        if received_at:
            return int(received_at)
    return None
