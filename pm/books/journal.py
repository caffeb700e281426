"""The journal as it is stored: every entry, in order, in bounded reads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import redis

from pm import keys
from pm.connect.replies import text_of, texts_of

ENTRIES_A_READ = 500


def read(
    client: redis.Redis, book: str, *, after: int = 0, through: int | None = None
) -> Iterator[dict[str, str]]:
    """Entries with a seq above `after` up to `through` (default: the end), each with its "seq".

    An entry's id is `<seq>-0`; under another it is none: whoever asks for its seq misses it.
    """
    end = "+" if through is None else f"{through}-0"
    start = f"({after}-{2**64 - 1}"
    while True:
        entries: Any = client.xrange(keys.journal(book), start, end, count=ENTRIES_A_READ)
        for entry, fields in entries:
            seq, _, number = text_of(entry).partition("-")
            if number == "0":
                yield {"seq": seq, **texts_of(fields)}
        if len(entries) < ENTRIES_A_READ:
            return
        start = f"({text_of(entries[-1][0])}"
