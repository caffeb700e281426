"""The last mark-to-market of the day, and what the books say they are worth after it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import redis

from pm.client.client import Client
from pm.client.totals import PortfolioSummary, StrategyPortfolio
from pm.demo.desk import BOOKS, DEFAULT_BOOK, STRATEGY_NAMES
from pm.settings import Settings
from pm.valuation.mark_to_market import run_pass


class Appraisal(NamedTuple):
    """The portfolio, its books and its strategies, as a reader is answered."""

    whole: PortfolioSummary
    books: Mapping[str, PortfolioSummary]
    strategies: Mapping[int, StrategyPortfolio]


def appraise(client: redis.Redis, settings: Settings) -> Appraisal:
    """Mark everything to market and read what it comes to; the client must decode."""
    run_pass(client, settings)
    reader = Client(
        client,
        book=DEFAULT_BOOK,
        books=BOOKS,
        book_of=settings.books.book_of,
        settings=settings,
    )
    return Appraisal(
        reader.portfolio_summary(),
        {book: reader.portfolio_summary(book) for book in BOOKS},
        {strategy: reader.strategy_portfolio(strategy) for strategy in STRATEGY_NAMES},
    )
