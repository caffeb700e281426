"""The books' journals in the archive: all of them, and a tail that stays in memory as well."""

from __future__ import annotations

import time
from typing import Final, NamedTuple

import redis

from pm.archive.archiving import Extent, archive_book
from pm.demo.desk import BOOKS
from pm.settings import Settings

_KEPT_ENTRIES: Final = 500


class Archived(NamedTuple):
    """Journal entries in the archive, and the size of its files in bytes."""

    entries: int
    size_bytes: int


def archive_books(client: redis.Redis, settings: Settings) -> Archived:
    """Archive every entry of every book; ArchiveError says what is in the way."""
    extent = Extent(all_but=0, kept_entries=_KEPT_ENTRIES)
    done = [
        archive_book(client, settings, book, now_ns=time.time_ns(), extent=extent) for book in BOOKS
    ]
    return Archived(sum(each.entries for each in done), sum(each.bytes for each in done))
