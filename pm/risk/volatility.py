"""Volatility of each name over a window of daily returns.

The same figure as a strategy's (sample standard deviation, annualised). A name the window does not
cover has no value and keeps the reason why.
"""

from __future__ import annotations

from pm.performance.statistics import ANNUALISATION_DAYS, Statistic, volatility
from pm.risk.daily_returns import DailyReturns


def volatilities(
    daily: DailyReturns, *, annualisation_days: int = ANNUALISATION_DAYS
) -> dict[str, Statistic]:
    """Name -> a year's volatility as a fraction, covered and uncovered names alike, by name."""
    figures = {
        name: volatility(returns, annualisation_days=annualisation_days)
        for name, returns in daily.returns.items()
    }
    for name, reason in daily.uncovered.items():
        figures[name] = Statistic(None, 0, reason)
    return {name: figures[name] for name in sorted(figures)}
