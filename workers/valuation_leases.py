"""Which process marks the books to market. One holds them all, so that it can value the portfolio;
others stand by. Leases only avoid wasted work: two processes at once do no harm.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import redis

from pm import keys


@dataclass(slots=True)
class ValuationLeases:
    """The leases of one process, `lease_ms` each; who has the first book's goes for the others."""

    client: redis.Redis
    name: str
    lease_ms: int
    held: list[str] = field(default_factory=list)

    def round(self, books: Sequence[str]) -> list[str]:
        """Renew or take what can be had, in order; none once the first is somebody else's."""
        self.held = []
        for book in books:
            if self._renew(book) or self._take(book):
                self.held.append(book)
            elif not self.held:
                return []
        return self.held

    def release(self) -> None:
        """Give everything back, so that others need not wait."""
        for book in self.held:
            if self.client.get(keys.valuation_lease(book)) == self.name:
                self.client.delete(keys.valuation_lease(book))
        self.held = []

    def _renew(self, book: str) -> bool:
        key = keys.valuation_lease(book)
        return self.client.get(key) == self.name and bool(self.client.pexpire(key, self.lease_ms))

    def _take(self, book: str) -> bool:
        key = keys.valuation_lease(book)
        return bool(self.client.set(key, self.name, nx=True, px=self.lease_ms))
