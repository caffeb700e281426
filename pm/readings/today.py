"""What a book has booked on one UTC day, from its attribution rows; exact, per token."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import redis

from pm import keys
from pm.attribution.rows import parse_day
from pm.attribution.sums import add
from pm.connect.replies import texts_of
from pm.decimals import Amount

_FIGURES: Final = frozenset({"settlement", "trade_count", "realized_pnl", "fees"})


@dataclass(frozen=True, slots=True, kw_only=True)
class TodayReading:
    """Sums of a book's day: executions, P&L per settlement token, fees per token paid.

    `strategies` are those that booked anything.
    """

    trades: int
    realized_pnl: Mapping[str, Amount]
    fees: Mapping[str, Amount]
    strategies: frozenset[str]


def read_today(client: redis.Redis, book: str, strategies: Sequence[str], day: str) -> TodayReading:
    """The day (YYYY-MM-DD) of a book's strategies."""
    pipeline = client.pipeline(transaction=False)
    for strategy in strategies:
        pipeline.hgetall(keys.attribution(book, strategy, day))
    trades = 0
    realized: dict[str, Amount] = {}
    fees: dict[str, Amount] = {}
    active = set()
    for strategy, stored in zip(strategies, pipeline.execute(), strict=True):
        rows = parse_day(book, strategy, day, texts_of(stored), _FIGURES)
        if rows:
            active.add(strategy)
        for row in rows:
            trades += row.trade_count
            if row.settlement:
                add(realized, row.settlement, row.realized_pnl)
            for token, amount in row.fees.items():
                add(fees, token, amount)
    return TodayReading(
        trades=trades, realized_pnl=realized, fees=fees, strategies=frozenset(active)
    )
