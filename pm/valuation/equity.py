"""Equity points: each is folded from the one before it, which holds all that is needed.

A point is only appended when the equity is known; the next one then covers the whole time since the
last, with all capital that came or went in it. A stream begins when there is capital to earn a
return on. When a point is the first of a later UTC day, the returns of the days that ended are
filled in, idle days with 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

import redis

from pm.days import utc_day
from pm.decimals import ZERO, Amount, divide
from pm.performance import points
from pm.performance.daily import daily_returns
from pm.performance.points import INDEX_SCALE, PerformanceState
from pm.valuation.records import EquityPoint

POINTS_MAX: Final = 600_000
"""About a year of a point a minute."""

FIRST: Final = "first"
STALE: Final = "stale"
ASSUMED: Final = "assumed"
_NS_A_MS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Moment:
    """What a point is made of, beside the point before it; `at` and the flows' times in ns."""

    at: int
    seqs: Mapping[str, int]
    equity: Amount
    flows: Sequence[tuple[int, Amount]]
    net_pnl: Amount | None
    unrealized_pnl: Amount | None
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """A point to append, and the returns of the days that ended before it."""

    point: EquityPoint
    returns: Mapping[str, Amount]


def next_step(last: EquityPoint | None, moment: Moment) -> Step | None:
    """The point after `last`; None where there is nothing to begin with, or it is not later."""
    if last is None:
        return Step(_first(moment), {}) if moment.equity.sign > 0 else None
    if moment.at <= last.at:
        return None
    state = points.advance(_state(last), _point(last, moment))
    returns = _ended_days(last, moment.at)
    day_index = last.index if utc_day(moment.at) > utc_day(last.at) else last.day_index
    flow = sum((amount for _, amount in moment.flows), ZERO)
    has_return = points.BASE_NOT_POSITIVE not in state.flags and last.index.sign > 0
    grown = divide(state.index, last.index, INDEX_SCALE) - Amount(1) if has_return else None
    point = EquityPoint(
        at=moment.at,
        seqs=dict(moment.seqs),
        equity=moment.equity,
        flow=flow,
        net=last.net + moment.equity - last.equity - flow,
        period_return=grown,
        index=state.index,
        day_index=day_index,
        peak_index=state.peak_index,
        peak_net=state.peak_net,
        max_drawdown=state.max_drawdown,
        max_drawdown_ratio=state.max_drawdown_ratio,
        net_pnl=moment.net_pnl,
        unrealized_pnl=moment.unrealized_pnl,
        flags=state.flags,
    )
    return Step(point, returns)


def read_last(client: redis.Redis, streams: Sequence[str]) -> list[EquityPoint | None]:
    """The last point of each stream, None where there is none."""
    pipeline = client.pipeline(transaction=False)
    for stream in streams:
        pipeline.xrevrange(stream, count=1)
    found: list[Any] = pipeline.execute()
    return [EquityPoint.from_fields(entries[0][1]) if entries else None for entries in found]


def append(pipeline: Any, stream: str, returns: str, step: Step) -> None:
    """Queue the writing of a step."""
    pipeline.xadd(
        stream,
        step.point.to_fields(),
        id=f"{step.point.at // _NS_A_MS}-*",
        maxlen=POINTS_MAX,
        approximate=True,
    )
    if step.returns:
        pipeline.hset(returns, mapping={day: str(value) for day, value in step.returns.items()})


def day_before(day: str) -> str:
    """The day before one."""
    return (date.fromisoformat(day) - timedelta(days=1)).isoformat()


def _first(moment: Moment) -> EquityPoint:
    return EquityPoint(
        at=moment.at,
        seqs=dict(moment.seqs),
        equity=moment.equity,
        flow=sum((amount for _, amount in moment.flows), ZERO),
        net=ZERO,
        period_return=None,
        index=Amount(1),
        day_index=Amount(1),
        peak_index=Amount(1),
        peak_net=ZERO,
        max_drawdown=ZERO,
        max_drawdown_ratio=ZERO,
        net_pnl=moment.net_pnl,
        unrealized_pnl=moment.unrealized_pnl,
        flags=(FIRST, *moment.flags),
    )


def _state(last: EquityPoint) -> PerformanceState:
    return PerformanceState(
        index=last.index,
        peak_index=last.peak_index,
        net=last.net,
        peak_net=last.peak_net,
        max_drawdown=last.max_drawdown,
        max_drawdown_ratio=last.max_drawdown_ratio,
        at=last.at,
        equity=last.equity,
    )


def _point(last: EquityPoint, moment: Moment) -> points.EquityPoint:
    """As the fold takes it. Capital put where there was none counts from the start: the return of
    the moments it was there would be on a base of almost nothing.
    """
    was_empty = not last.equity
    flows = tuple(points.Flow(last.at if was_empty else at, amount) for at, amount in moment.flows)
    flow = sum((amount for _, amount in moment.flows), ZERO)
    net = last.net + moment.equity - last.equity - flow
    return points.EquityPoint(moment.at, moment.equity, net, flows, moment.flags)


def _ended_days(last: EquityPoint, at: int) -> Mapping[str, Amount]:
    """Returns of the days from that of the last point to the one before `at`."""
    begun, today = utc_day(last.at), utc_day(at)
    if begun >= today or last.day_index.sign <= 0:
        return {}
    closes = {begun: last.index}
    return daily_returns(closes, opening=last.day_index, last_day=day_before(today))
