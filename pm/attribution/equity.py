"""What the stored equity points and day returns of a strategy say of a range.

Points are made by mark-to-market, under the millisecond they are of. The drawdown of a range is the
deepest fall below the highest level since the range began; the Sharpe ratio is of its daily
returns.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import redis

from pm import keys
from pm.attribution.answer import EquityFigures
from pm.attribution.period import Range
from pm.connect.replies import text_of, texts_of
from pm.decimals import ONE, ZERO, Amount
from pm.performance.statistics import as_floats, drawdowns, net_drawdowns, sharpe
from pm.settings import RiskMetricsSettings

NO_POINTS: Final = (
    "no equity points in the range: marking to market makes them for strategies with capital"
)
CURVE_POINTS_MAX: Final = 500
_RATIO_DECIMALS: Final = 12
_NS_A_MS: Final = 1_000_000
_POINTS_A_READ: Final = 2_000
_BEFORE: Final = 50


@dataclass(frozen=True, slots=True)
class Point:
    """One equity point; `net` is cumulative, `index` grows from 1."""

    at: int
    equity: Amount
    net: Amount | None
    index: Amount


def figures(
    client: redis.Redis, book: str, strategy: str, asked: Range, risk: RiskMetricsSettings
) -> EquityFigures:
    """Sharpe ratio, drawdowns and the equity curve of a range."""
    ratio, ratio_reason = _sharpe(client, book, strategy, asked, risk)
    points = list(_points(client, book, strategy, asked))
    if not points:
        return EquityFigures(
            sharpe_ratio=ratio, sharpe_ratio_reason=ratio_reason, max_drawdown_reason=NO_POINTS
        )
    before = _last_before(client, book, strategy, asked.start)
    return EquityFigures(
        sharpe_ratio=ratio,
        sharpe_ratio_reason=ratio_reason,
        **_drawdowns(points, before),
    )


def _drawdowns(points: Sequence[Point], before: Point | None) -> dict[str, Any]:
    opening = before or Point(0, ZERO, ZERO, ONE)
    nets = [point.net for point in points if point.net is not None]
    amounts = net_drawdowns(nets, opening=ZERO if opening.net is None else opening.net)
    index = opening.index if opening.index.sign > 0 else ONE
    ratios = drawdowns((point.index for point in points), opening=index)
    curve = [(point.at, point.equity, ratio) for point, ratio in zip(points, ratios, strict=True)]
    return {
        "max_drawdown": min(amounts, default=None),
        "max_drawdown_ratio": min(ratios),
        "max_drawdown_reason": "" if amounts else "net P&L is unknown at every equity point",
        "equity_curve": tuple(_thinned(curve)),
    }


def _sharpe(
    client: redis.Redis, book: str, strategy: str, asked: Range, risk: RiskMetricsSettings
) -> tuple[Amount | None, str]:
    stored: Any = client.hgetall(keys.returns(book, strategy))
    returns = {text_of(day): Amount.parse(text_of(value)) for day, value in stored.items()}
    inside = [returns[day] for day in sorted(returns) if asked.first_day <= day <= asked.last_day]
    found = sharpe(
        as_floats(inside),
        risk_free_rate=risk.risk_free_rate,
        annualisation_days=risk.annualisation_days,
    )
    if found.value is None:
        return None, found.reason
    return Amount.parse(f"{found.value:.{_RATIO_DECIMALS}f}"), ""


def _points(client: redis.Redis, book: str, strategy: str, asked: Range) -> Iterator[Point]:
    name = keys.equity(book, strategy)
    start = str(asked.start // _NS_A_MS)
    end = str(asked.end // _NS_A_MS)
    while True:
        entries: Any = client.xrange(name, start, end, count=_POINTS_A_READ)
        for _, fields in entries:
            point = _point(fields)
            if point is not None and asked.start <= point.at < asked.end:
                yield point
        if len(entries) < _POINTS_A_READ:
            return
        start = f"({text_of(entries[-1][0])}"


def _last_before(client: redis.Redis, book: str, strategy: str, start: int) -> Point | None:
    end = str(start // _NS_A_MS)
    entries: Any = client.xrevrange(keys.equity(book, strategy), end, "-", count=_BEFORE)
    known = (_point(fields) for _, fields in entries)
    return next((point for point in known if point is not None and point.at < start), None)


def _point(fields: Any) -> Point | None:
    """A stored point; None of one without equity, which is no point of a curve."""
    told = texts_of(fields)
    if not told.get("equity") or not told.get("index"):
        return None
    net = told.get("net")
    return Point(
        int(told["at"]),
        Amount.parse(told["equity"]),
        Amount.parse(net) if net else None,
        Amount.parse(told["index"]),
    )


def _thinned(curve: Sequence[tuple[int, Amount, Amount]]) -> list[tuple[int, Amount, Amount]]:
    """At most CURVE_POINTS_MAX points: of each stretch the deepest, and the very last."""
    if len(curve) <= CURVE_POINTS_MAX:
        return list(curve)
    stretch = -(-len(curve) // (CURVE_POINTS_MAX - 1))
    parts = [curve[first : first + stretch] for first in range(0, len(curve), stretch)]
    found = [min(part, key=lambda point: point[2]) for part in parts]
    return found if found[-1] == curve[-1] else [*found, curve[-1]]
