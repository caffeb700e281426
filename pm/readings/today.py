"""What a book has booked on one UTC day, from its attribution rows; exact, per token."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import redis

from pm import keys
from pm.attribution.rows import parse_day
from pm.attribution.sums import add
from pm.decimals import Amount


@dataclass(frozen=True, slots=True, kw_only=True)
class TodayReading:
    """Sums of a day: executions, P&L per settlement token, fees per token paid."""

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
        rows = parse_day(book, strategy, day, _texts(stored))
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


def _texts(stored: Mapping[Any, Any]) -> dict[str, str]:
    return {_text(name): _text(value) for name, value in stored.items()}


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
