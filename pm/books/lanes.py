"""Lanes: the streams executions come in by, and where reading them stands.

A cursor is the id of the last entry that is done, or `<id>:<k>` when only its first k events are
(an entry may hold several, and a call may have been cut off between them).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import redis

from pm import keys
from pm.connect.replies import text_of

START = "0-0"


class Cursor(NamedTuple):
    """Where a lane stands: `entry` is done, or only `events_done` of its events if not 0."""

    entry: str
    events_done: int

    @classmethod
    def parse(cls, text: str) -> Cursor:
        """Read the text kept in the book."""
        entry, _, done = text.partition(":")
        return cls(entry, int(done) if done else 0)

    def read_after(self) -> str:
        """The id to read after, so that an entry that is done in part comes again."""
        return _before(self.entry) if self.events_done else self.entry


class LaneEntry(NamedTuple):
    """One entry of a lane: its id and its fields, bytes as they came."""

    lane: str
    id: str
    fields: Mapping[bytes, bytes]


def of_book(client: redis.Redis, book: str) -> list[str]:
    """The lanes of a book: the producers' lane, the replay lane, and those gateways opened."""
    members: Any = client.zrange(keys.lanes(book), 0, -1)
    opened = map(text_of, members)
    return sorted({keys.DEFAULT_LANE, keys.QUARANTINE_LANE, *opened} - {keys.SENTINEL})


def cursors(client: redis.Redis, book: str, lanes: Sequence[str]) -> dict[str, str]:
    """The cursor text of each lane; a lane never read stands at the start."""
    found: Any = client.hmget(keys.book(book), [f"cursor:{lane}" for lane in lanes])
    return {lane: text_of(text or START) for lane, text in zip(lanes, found, strict=True)}


def read(
    client: redis.Redis,
    book: str,
    places: Mapping[str, str],
    *,
    count: int,
    block_ms: int | None = None,
) -> dict[str, list[LaneEntry]]:
    """Entries after each lane's cursor text, up to `count` a lane; one call (one slot).

    `block_ms` waits for the first entry; None answers at once. The client must not decode.
    """
    streams: dict[Any, Any] = {
        keys.lane(book, lane): Cursor.parse(text).read_after() for lane, text in places.items()
    }
    by_key = {keys.lane(book, lane).encode(): lane for lane in places}
    reply: Any = client.xread(streams, count=count, block=block_ms)
    found: dict[str, list[LaneEntry]] = {}
    for key, entries in reply.items():
        lane = by_key[key]
        found[lane] = [LaneEntry(lane, entry.decode(), fields) for entry, fields in entries]
    return found


def publish(
    client: redis.Redis, book: str, payloads: Iterable[bytes], received_at: int
) -> list[str]:
    """Add msgpack events to the producers' lane, one entry each; the ids of the entries.

    `received_at` is in ns. The execution ids tell repeated events apart.
    """
    pipeline = client.pipeline(transaction=False)
    for payload in payloads:
        pipeline.xadd(
            keys.lane(book, keys.DEFAULT_LANE), {"event": payload, "received_at": received_at}
        )
    return [text_of(entry) for entry in pipeline.execute()]


def is_past(cursor: str, entry: str) -> bool:
    """Whether a cursor text stands at or after an entry that is done completely."""
    place = Cursor.parse(cursor)
    done, wanted = order_of(place.entry), order_of(entry)
    return done > wanted or (done == wanted and not place.events_done)


def order_of(entry: str) -> tuple[int, int]:
    """What entry ids are ordered by."""
    milliseconds, _, number = entry.partition("-")
    return int(milliseconds), int(number)


def _before(entry: str) -> str:
    milliseconds, _, number = entry.partition("-")
    if int(number) > 0:
        return f"{milliseconds}-{int(number) - 1}"
    return f"{int(milliseconds) - 1}-{2**64 - 1}"
