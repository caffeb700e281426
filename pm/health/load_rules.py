"""Health by figures: latencies of the last minutes, number of positions."""

from __future__ import annotations

from typing import Final

from pm.counting.catalogue import QUERY_SECONDS, UPDATE_SECONDS
from pm.health.verdict import CAPACITY_WARN, Level, Situation, Verdict
from pm.readings.windows import Window

UPDATE_P99_S: Final = "0.01"
QUERY_P99_S: Final = "0.001"
SHARE_ABOVE_MAX: Final = 0.01
OBSERVATIONS_MIN: Final = 100
"""Of fewer a single slow one would be more than the share that may be above."""


def position_updates(situation: Situation) -> Verdict:
    """How long executions take from their receipt into the books."""
    return _p99(situation.windows[UPDATE_SECONDS], UPDATE_P99_S, "updates")


def query_performance(situation: Situation) -> Verdict:
    """How long queries take."""
    return _p99(situation.windows[QUERY_SECONDS], QUERY_P99_S, "queries")


def position_capacity(situation: Situation) -> Verdict:
    """How many positions there are of those planned for."""
    most = situation.settings.portfolio_manager.max_positions
    count = situation.system.positions_open
    level: Level = "degraded" if count > CAPACITY_WARN * most else "healthy"
    return level, f"{count} open positions of {most} planned for (max_positions)"


def _p99(window: Window, limit_s: str, what: str) -> Verdict:
    count = window.histogram.count
    since = "since counting began" if window.seconds is None else f"in {window.seconds} s"
    if not count:
        return "healthy", f"no {what} {since}"
    if count < OBSERVATIONS_MIN:
        return "healthy", f"{count} {what} {since}: judged from {OBSERVATIONS_MIN} on"
    p99 = window.bound_of(1 - SHARE_ABOVE_MAX)
    text = f"99 % of {count} {what} {since} took {_at_most(p99)}; the limit is {_ms(limit_s)}"
    return ("degraded" if window.share_above(limit_s) > SHARE_ABOVE_MAX else "healthy"), text


def _at_most(bound: str) -> str:
    return "more than 10 s" if bound == "+Inf" else f"at most {_ms(bound)}"


def _ms(seconds: str) -> str:
    return f"{float(seconds) * 1000:g} ms"
