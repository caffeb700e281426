"""An archive in memory: the oldest entries of a book's journal, as they were."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import redis

from pm import keys
from pm.books import journal


class Shelf:
    """Entries of one book up to a seq, and the bytes of those that were refused."""

    def __init__(self, book: str, entries: list[dict[str, str]], raws: dict[int, bytes]) -> None:
        self.book, self.entries, self._raws = book, entries, raws

    @classmethod
    def of(cls, client: redis.Redis, book: str, through: int | None = None) -> Shelf:
        """What a server has of a book's journal. `client` must not decode."""
        entries = [dict(entry) for entry in journal.read(client, book, through=through)]
        end = f"{through}-0" if through else "+"
        records: Any = client.xrange(keys.quarantine(book), "-", end)
        raws = {int(entry.partition(b"-")[0]): fields[b"raw"] for entry, fields in records}
        return cls(book, entries, raws)

    @classmethod
    def from_text(cls, text: str) -> Shelf:
        """What `text` gave, in another process."""
        book, entries, raws = json.loads(text)
        return cls(book, entries, {int(seq): bytes.fromhex(raw) for seq, raw in raws.items()})

    def text(self) -> str:
        """All of it as text."""
        raws = {seq: raw.hex() for seq, raw in self._raws.items()}
        return json.dumps([self.book, self.entries, raws])

    def books(self) -> list[str]:
        return [self.book]

    def last_seq(self, book: str) -> int:
        return len(self.entries) if book == self.book else 0

    def read(self, book: str, *, after: int, through: int) -> Iterator[dict[str, str]]:
        for entry in self.entries[after:through]:
            yield dict(entry)

    def first_received(self, book: str, time_ns: int) -> int | None:
        for entry in self.entries:
            if int(json.loads(entry["facts"]).get("received_at", 0)) >= time_ns:
                return int(entry["seq"])
        return None

    def raw(self, book: str, *, after: int, through: int) -> Iterator[tuple[int, bytes]]:
        yield from ((seq, raw) for seq, raw in sorted(self._raws.items()) if after < seq <= through)


def trimmed(client: redis.Redis, book: str, through: int) -> None:
    """Take the journal's entries up to a seq out of the server."""
    client.xtrim(keys.journal(book), minid=f"{through + 1}-0", approximate=False)
