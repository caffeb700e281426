"""The whole system at one moment: the server, the workers, every book."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import redis

from pm import keys
from pm.archive.fitting import misfits
from pm.books import opening
from pm.readings.books import BookReading, read_book
from pm.readings.server import ServerReading, read_server
from pm.settings import Settings

WORKER_SILENT_MAX_MS: Final = 5_000
"""A worker announces itself at every third of its lease; one silent for longer counts as gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemReading:
    """Everything that metrics and health are made of, but what was counted; `at` is ns.

    `misfits` tell of books that are not as the archive has them, if it can be seen from here.
    """

    at: int
    server: ServerReading
    workers_live: int
    books: tuple[BookReading, ...]
    misfits: tuple[str, ...] = ()

    @property
    def positions_open(self) -> int:
        """Open positions over all books."""
        return sum(book.positions_open for book in self.books)


def read_system(client: redis.Redis, settings: Settings, now_ns: int) -> SystemReading:
    """Ask the server. `client` must not decode.

    Raises what redis-py does, and ValueError where what is stored cannot be read.
    """
    assert not client.get_encoder().decode_responses, "frames in lanes are no text"
    found = (read_book(client, name) for name in opening.names(client))
    silent_ms = max(3 * settings.workers.lease_ms, WORKER_SILENT_MAX_MS)
    since_ms = now_ns // 1_000_000 - silent_ms
    return SystemReading(
        at=now_ns,
        server=read_server(client),
        workers_live=int(client.zcount(keys.workers(), since_ms, "+inf")),
        books=tuple(book for book in found if book is not None),
        misfits=tuple(misfits(client, settings.archive_path)),
    )
