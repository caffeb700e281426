"""Which worker serves which book. Leases only keep workers from doing the same work twice: two
workers on one book do no harm, because `apply` takes a batch only at the true cursor.

A lease is a key with a time to live that its worker renews; a dead worker's books are free as soon
as it runs out. Live workers announce themselves, and each takes its share of the books; a dead one
stops counting when its leases run out, so that the others' share covers its books by then.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import redis

from pm import keys


@dataclass(slots=True)
class Leases:
    """The leases of one worker, `lease_ms` each."""

    worker: str
    lease_ms: int
    held: set[str] = field(default_factory=set)
    _round_at: float = float("-inf")

    @property
    def round_s(self) -> float:
        """How often leases are renewed and free books looked for."""
        return self.lease_ms / 3000

    def due(self) -> bool:
        """Whether a round is due."""
        return time.monotonic() - self._round_at >= self.round_s

    def round(self, client: redis.Redis, books: Sequence[str], now_ms: int) -> set[str]:
        """Renew what is held, give back what is above the share, take what is free; the result."""
        self._round_at = time.monotonic()
        share = self._share(self._announce(client, now_ms), len(books))
        holders = [_text(client.get(keys.lease(book))) for book in books]
        self.held = set()
        for book, holder in zip(books, holders, strict=True):
            if holder == self.worker and len(self.held) < share:
                client.pexpire(keys.lease(book), self.lease_ms)
                self.held.add(book)
            elif holder == self.worker:
                client.delete(keys.lease(book))
        for book, holder in zip(books, holders, strict=True):
            if holder is None and len(self.held) < share and self._take(client, book):
                self.held.add(book)
        return self.held

    def release(self, client: redis.Redis) -> None:
        """Give everything back, so that others need not wait."""
        client.zrem(keys.workers(), self.worker)
        for book in self.held:
            if _text(client.get(keys.lease(book))) == self.worker:
                client.delete(keys.lease(book))
        self.held = set()

    def _announce(self, client: redis.Redis, now_ms: int) -> list[str]:
        """Tell that this worker lives; the names of all that do, in an order common to all."""
        pipeline = client.pipeline(transaction=False)
        pipeline.zadd(keys.workers(), {self.worker: now_ms})
        pipeline.zremrangebyscore(keys.workers(), "-inf", now_ms - self.lease_ms)
        pipeline.zrange(keys.workers(), 0, -1)
        return sorted(str(_text(name)) for name in pipeline.execute()[2])

    def _share(self, workers: Sequence[str], books: int) -> int:
        """How many books are this worker's: all have as many, the first ones one more."""
        if self.worker not in workers:
            return books
        each, rest = divmod(books, len(workers))
        return each + (workers.index(self.worker) < rest)

    def _take(self, client: redis.Redis, book: str) -> bool:
        return bool(client.set(keys.lease(book), self.worker, nx=True, px=self.lease_ms))


def _text(value: bytes | str | None) -> str | None:
    return value.decode() if isinstance(value, bytes) else value
