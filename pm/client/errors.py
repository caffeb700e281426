"""What can go wrong with a query or a feed beside the server itself; each text is one line."""

from __future__ import annotations

from pm.connect import ServerError


class QueryTimeout(ServerError):
    """The server, or a turn to ask it, took longer than the limit; the client stays usable."""


class FeedError(Exception):
    """The feed cannot go on without leaving updates out."""


class JournalTrimmed(FeedError):
    """The journal no longer holds the entry the feed needs next; `first_available` is the next."""

    def __init__(self, book: str, wanted: int, first_available: int) -> None:
        super().__init__(
            f"book {book}: the journal no longer holds seq {wanted}; "
            f"the first it holds is {first_available}"
        )
        self.book = book
        self.wanted = wanted
        self.first_available = first_available


class JournalRewritten(FeedError):
    """The server lost entries this feed had delivered, or holds others in their place."""

    def __init__(self, book: str, delivered: int, head: int) -> None:
        super().__init__(
            f"book {book}: seq {delivered} was delivered, but the server, now at seq {head}, "
            "does not hold what it was: it lost entries"
        )
        self.book = book
        self.delivered = delivered
        self.head = head
