"""A server with books and marks, and the questions asked of it at some moment."""

from __future__ import annotations

import redis

from pm.attribution.answer import PerformanceAttribution
from pm.attribution.explanation import Explanation
from pm.attribution.period import parse_moment
from pm.attribution.reports import Asked, Granularity, Source, explanation, performance
from pm.decimals import Amount
from pm.marks import store
from pm.marks.mark import Mark
from pm.reference.snapshot import Reference
from pm.settings import Settings, ValuationSettings
from tests.attribution.told_books import NO_REFERENCE, ToldBook

SECOND_NS = 1_000_000_000


class Desk:
    """Books are put in as they stand; `now` is the text of the moment questions are asked at."""

    def __init__(self, client: redis.Redis) -> None:
        self.client = client
        self.books: list[str] = []
        self.reference: Reference = NO_REFERENCE
        self.settings = Settings(valuation=ValuationSettings(reporting_currency="USD"))

    def put(self, *books: ToldBook) -> None:
        """Put books into the server."""
        for book in books:
            book.store(self.client)
            self.books.append(book.name)

    def mark(self, subject: str, quote: str, price: str, at: str) -> None:
        """Record a mark made at a time."""
        time_ns = parse_moment(at, "at")
        mark = Mark(subject, quote, Amount.parse(price), time_ns, "test", "mark", time_ns)
        assert store.record(self.client, [mark]).accepted

    def source(self, now: str) -> Source:
        """What a command would read from."""
        return Source(
            self.client, self.settings, self.reference, self.books, parse_moment(now, "now")
        )

    def performance(
        self,
        now: str,
        start: str | None = None,
        end: str | None = None,
        *,
        strategy: str = "7",
        granularity: Granularity = "trade_level",
        detailed: bool = True,
    ) -> PerformanceAttribution:
        """How a strategy did."""
        asked = Asked(start=start, end=end, granularity=granularity, detailed=detailed)
        return performance(self.source(now), strategy, asked)

    def explain(self, now: str, day: str, strategy: str | None = None) -> Explanation:
        """Why a day was as it was."""
        return explanation(self.source(now), day, strategy)


def texts(amounts: object) -> object:
    """Amounts of a mapping, or one, as text; None stays."""
    if isinstance(amounts, dict):
        return {name: texts(amount) for name, amount in amounts.items()}
    return None if amounts is None else str(amounts)
