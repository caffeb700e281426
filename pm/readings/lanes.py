"""How far the lanes of a book are behind: entries that wait, and since when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import redis

from pm import keys
from pm.books.decoding import entry_received_at
from pm.books.lanes import Cursor, LaneEntry

WAITING_MAX: Final = 1_000
"""A lane whose ids are not dense is counted up to here: counting reads every entry."""


class LaneReading(NamedTuple):
    """Entries of a lane that are not done, and since when (ns) the first of them waits."""

    lane: str
    waiting: int
    since: int | None


def read_lanes(
    client: redis.Redis, book: str, names: Sequence[str], head: Mapping[str, str]
) -> tuple[LaneReading, ...]:
    """The lanes of a book whose hash is `head`; `client` must not decode."""
    cursors = {lane: Cursor.parse(head.get(f"cursor:{lane}", "0-0")) for lane in names}
    pipeline = client.pipeline(transaction=False)
    for lane, cursor in cursors.items():
        pipeline.hget(keys.lane_source(book, lane), "top")
        pipeline.xrange(keys.lane(book, lane), _from(cursor), "+", count=1)
    replies = pipeline.execute()
    found = []
    for place, (lane, cursor) in enumerate(cursors.items()):
        top, first = replies[2 * place : 2 * place + 2]
        if not first:
            found.append(LaneReading(lane, 0, None))
            continue
        since = _since(LaneEntry(lane, first[0][0].decode(), first[0][1]))
        found.append(LaneReading(lane, _waiting(client, book, lane, cursor, top), since))
    return tuple(found)


def _since(entry: LaneEntry) -> int:
    # What is replayed keeps the time it was first received at; it waits since it was put here.
    if entry.lane == keys.QUARANTINE_LANE:
        return int(entry.id.partition("-")[0]) * 1_000_000
    return entry_received_at(entry)


def _waiting(client: redis.Redis, book: str, lane: str, cursor: Cursor, top: bytes | None) -> int:
    if top is not None:
        done = int(cursor.entry.partition("-")[0]) - (1 if cursor.events_done else 0)
        return max(1, int(top) - done)
    entries: Any = client.xrange(keys.lane(book, lane), _from(cursor), "+", count=WAITING_MAX)
    return max(1, len(entries))


def _from(cursor: Cursor) -> str:
    return cursor.entry if cursor.events_done else f"({cursor.entry}"
