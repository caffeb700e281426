"""Writes records and equity points, each level's at once and in pieces that hold nobody up.

A point continues the one before it, so it is only appended if that is still the last: whoever else
values the same books at the same time does no harm.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

import redis
from redis import exceptions

from pm import keys
from pm.valuation import equity
from pm.valuation.equity import Step
from pm.valuation.records import EquityPoint, RiskRecord

LEVELS_A_TRANSACTION: Final = 10

NextStep = Callable[[EquityPoint | None], Step | None]


@dataclass(frozen=True, slots=True)
class Places:
    """The keys of one level."""

    valuation: str
    equity: str
    returns: str
    risk: str

    @classmethod
    def of_book(cls, book: str, strategy: str | None = None) -> Places:
        """Those of a book, or of one strategy of it."""
        return cls(
            keys.valuation(book, strategy),
            keys.equity(book, strategy),
            keys.returns(book, strategy),
            keys.risk(book, strategy),
        )

    @classmethod
    def of_portfolio(cls) -> Places:
        """Those of all books together."""
        return cls(
            keys.portfolio_valuation(),
            keys.portfolio_equity(),
            keys.portfolio_returns(),
            keys.portfolio_risk(),
        )


@dataclass(frozen=True, slots=True)
class Level:
    """What is to be written of one level; `next_step` makes its point from the last one."""

    places: Places
    record: Any
    risk: RiskRecord
    next_step: NextStep


def publish(client: redis.Redis, levels: Sequence[Level]) -> list[EquityPoint | None]:
    """Write the levels, all in one hash slot; the last point of each now.

    Where somebody else appended a point meanwhile, that group of levels is left as it is.
    """
    points: list[EquityPoint | None] = []
    waiting = iter(levels)
    while group := list(islice(waiting, LEVELS_A_TRANSACTION)):
        points += _publish(client, group)
    return points


def _publish(client: redis.Redis, group: Sequence[Level]) -> list[EquityPoint | None]:
    streams = [level.places.equity for level in group]
    with client.pipeline(transaction=True) as pipeline:
        pipeline.watch(*streams)  # type: ignore[no-untyped-call]
        lasts = equity.read_last(client, streams)
        steps = [level.next_step(last) for level, last in zip(group, lasts, strict=True)]
        pipeline.multi()
        for level, step in zip(group, steps, strict=True):
            pipeline.hset(level.places.valuation, mapping=level.record.to_fields())
            risk: dict[Any, Any] = {**level.risk.to_fields()}
            pipeline.hset(level.places.risk, mapping=risk)
            if step is not None:
                equity.append(pipeline, level.places.equity, level.places.returns, step)
        try:
            pipeline.execute()
        except exceptions.WatchError:
            return lasts
    return [last if step is None else step.point for last, step in zip(lasts, steps, strict=True)]
