"""What stored equity points and day returns say of a range."""

from __future__ import annotations

import redis

from pm import keys
from pm.attribution import equity
from pm.attribution.answer import EquityFigures
from pm.attribution.period import Range, parse_moment
from pm.days import DAY_NS, midnight_ns
from pm.decimals import Amount
from pm.settings import RiskMetricsSettings
from pm.valuation.equity import Step, append
from pm.valuation.records import EquityPoint
from tests.attribution.desk import Desk, texts

DAY = midnight_ns("2025-03-02")
HOUR_NS = 3_600_000_000_000


def put(client: redis.Redis, *points: tuple[int, str, str, str], days: str = "") -> None:
    """Store points of (time, equity, net, index) and returns of days from 2025-03-01 on."""
    stream, returns = keys.equity("main", "7"), keys.returns("main", "7")
    with client.pipeline() as pipeline:
        for at, held, net, index in points:
            append(pipeline, stream, returns, Step(_point(at, held, net, index), {}))
        for number, value in enumerate(days.split()):
            pipeline.hset(returns, f"2025-03-{number + 1:02d}", value)
        pipeline.execute()


def _point(at: int, held: str, net: str, index: str) -> EquityPoint:
    return EquityPoint(
        at=at,
        seqs={"main": 1},
        equity=Amount.parse(held),
        flow=Amount(0),
        net=Amount.parse(net),
        period_return=None,
        index=Amount.parse(index),
        day_index=Amount(1),
        peak_index=Amount(1),
        peak_net=Amount(0),
        max_drawdown=Amount(0),
        max_drawdown_ratio=Amount(0),
    )


def figures(client: redis.Redis, start: str = "2025-03-02", days: int = 1) -> EquityFigures:
    asked = Range(midnight_ns(start), midnight_ns(start) + days * DAY_NS)
    return equity.figures(client, "main", "7", asked, RiskMetricsSettings())


def test_without_points_there_is_a_reason_and_no_zero(desk: Desk) -> None:
    found = figures(desk.client)
    assert (found.max_drawdown, found.sharpe_ratio) == (None, None)
    assert found.max_drawdown_reason == equity.NO_POINTS
    assert found.sharpe_ratio_reason == "2 days of returns needed, 0 there"


def test_the_drawdown_of_a_range_is_from_its_own_highest_level(desk: Desk) -> None:
    put(
        desk.client,
        (DAY - 2 * HOUR_NS, "2000", "1000", "2"),
        (DAY - HOUR_NS, "1500", "500", "1.5"),
        (DAY + HOUR_NS, "1600", "600", "1.6"),
        (DAY + 2 * HOUR_NS, "1520", "520", "1.52"),
        (DAY + DAY_NS, "1", "-999", "0.001"),
    )

    found = figures(desk.client)

    assert (texts(found.max_drawdown), texts(found.max_drawdown_ratio)) == ("-80", "-0.05")
    assert [texts(point[1]) for point in found.equity_curve] == ["1600", "1520"]


def test_a_fall_since_before_the_range_counts_from_its_start(desk: Desk) -> None:
    put(
        desk.client,
        (DAY - HOUR_NS, "1500", "500", "1.5"),
        (DAY + HOUR_NS, "1350", "350", "1.35"),
    )
    found = figures(desk.client)
    assert (texts(found.max_drawdown), texts(found.max_drawdown_ratio)) == ("-150", "-0.1")


def test_the_sharpe_ratio_is_of_the_days_in_the_range(desk: Desk) -> None:
    put(desk.client, days="0.5 0.01 0.03 -0.5")
    found = figures(desk.client, days=2)
    assert texts(found.sharpe_ratio) == "27.018512172213"


def test_a_long_curve_is_thinned_and_keeps_its_deepest_point(desk: Desk) -> None:
    count = 3 * equity.CURVE_POINTS_MAX
    deepest = parse_moment("2025-03-02T12:00:00", "at")
    step = DAY_NS // (2 * count)
    times = [DAY + number * step for number in range(count)]
    put(desk.client, *((at, "100", "0", "1") for at in times), (deepest, "50", "-50", "0.5"))
    put(desk.client, *((deepest + (n + 1) * step, "100", "0", "1") for n in range(count - 1)))

    found = figures(desk.client)

    assert len(found.equity_curve) <= equity.CURVE_POINTS_MAX
    assert (deepest, "50", "-0.5") in [
        (at, texts(held), texts(fall)) for at, held, fall in found.equity_curve
    ]
    assert found.equity_curve[-1][0] == deepest + (count - 1) * step
