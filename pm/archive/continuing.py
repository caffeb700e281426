"""Whether what Redis holds of a book goes on where its archive ends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import redis

from pm import keys
from pm.archive.errors import ArchiveError
from pm.archive.manifest import Manifest
from pm.books import journal
from pm.connect.replies import text_of


def check_continues(client: redis.Redis, root: Path, known: Manifest, seq: int) -> None:
    """ArchiveError unless the book, at `seq`, and its entries in Redis go on from the manifest."""
    book = known.book
    if seq < known.last_seq:
        raise ArchiveError(
            f"book {book} stands at seq {seq}, but the archive in {root} goes to"
            f" {known.last_seq}: the server lost entries, or the archive is another one's"
        )
    first: Any = client.xrange(keys.journal(book), count=1)
    if first and (hot := int(text_of(first[0][0]).partition("-")[0])) > known.last_seq + 1:
        raise ArchiveError(
            f"book {book}: entries {known.last_seq + 1} to {hot - 1} are neither in Redis nor in"
            f" the archive in {root}"
        )
    after = max(0, known.last_seq - 1)
    for entry in journal.read(client, book, after=after, through=known.last_seq):
        if entry["digest"] != known.digest:
            raise ArchiveError(
                f"book {book}: entry {known.last_seq} in the archive in {root} is not the"
                " one in Redis: the archive is another server's"
            )
