"""What stored series amount to: performance of daily returns, losses of scenario results.

Statistics are floats inside and rounded decimals outside: ratios to 6 decimals, money to 2 more
than any currency has. Too few days give no figure and the reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Final

import numpy as np

from pm.client.amounts import parse_amount
from pm.client.totals import Correlations, LossEstimates, Performance
from pm.decimals import ONE, ZERO, Amount
from pm.performance.statistics import as_floats, sharpe, volatility
from pm.risk.value_at_risk import value_at_risk
from pm.settings import RiskMetricsSettings
from pm.valuation.records import EquityPoint

_RATIO_DECIMALS: Final = 6
_MONEY_DECIMALS: Final = 4
_DAY: Final = timedelta(days=1)


def performance_of(
    point: EquityPoint, returns: Mapping[str, str], conventions: RiskMetricsSettings
) -> Performance:
    """The performance up to an equity point; `returns` are of UTC days, those missing were idle.

    Volatility is of the last `volatility_window_days`, the Sharpe ratio of all days.
    """
    series = as_floats(_without_gaps(returns))
    year = conventions.annualisation_days
    ratio = sharpe(series, risk_free_rate=conventions.risk_free_rate, annualisation_days=year)
    window = series[-conventions.volatility_window_days :]
    spread = volatility(window, annualisation_days=year)
    return Performance(
        valued_at=point.at,
        seqs=point.seqs,
        equity=point.equity,
        earned=point.net,
        total_return=point.index - ONE,
        max_drawdown=point.max_drawdown,
        max_drawdown_ratio=point.max_drawdown_ratio,
        sharpe_ratio=_ratio(ratio.value),
        volatility=_ratio(spread.value),
        days=ratio.days,
        insufficient=ratio.reason or spread.reason,
    )


def losses_of(results: Sequence[float], conventions: RiskMetricsSettings) -> LossEstimates:
    """Value at risk and expected shortfall from the results of past days."""
    level = conventions.var_confidence_level
    found = value_at_risk(
        np.array(results, dtype=np.float64),
        confidence_level=level,
        holding_period_days=conventions.var_holding_period_days,
    )
    return LossEstimates(
        confidence_level=_ratio(level) or ZERO,
        holding_period_days=found.holding_period_days,
        days=found.days,
        value_at_risk=money(found.historical),
        expected_shortfall=money(found.expected_shortfall),
        parametric_value_at_risk=money(found.parametric),
        parametric_expected_shortfall=money(found.parametric_expected_shortfall),
        insufficient=found.reason,
    )


def correlations_of(names: tuple[str, ...], rows: Sequence[Sequence[float | None]]) -> Correlations:
    """A stored matrix with rounded coefficients."""
    return Correlations(names=names, rows=tuple(tuple(map(_ratio, row)) for row in rows))


def money_of(amounts: Mapping[str, float]) -> dict[str, Amount]:
    """Amounts of money by name, the largest first."""
    names = sorted(amounts, key=lambda name: -abs(amounts[name]))
    return {name: money(amounts[name]) or ZERO for name in names}


def money(value: float | None) -> Amount | None:
    """A float as a rounded amount of money."""
    return _rounded(value, _MONEY_DECIMALS)


def share(part: Mapping[str, float], whole: Mapping[str, float]) -> Amount | None:
    """The size of some exposures as a fraction of the size of all; None where there is none."""
    size = sum(map(abs, whole.values()))
    return _ratio(sum(map(abs, part.values())) / size) if size else None


def _without_gaps(returns: Mapping[str, str]) -> list[Amount]:
    if not returns:
        return []
    day, last = date.fromisoformat(min(returns)), date.fromisoformat(max(returns))
    series = []
    while day <= last:
        series.append(parse_amount(returns.get(day.isoformat(), "0")))
        day += _DAY
    return series


def _ratio(value: float | None) -> Amount | None:
    return _rounded(value, _RATIO_DECIMALS)


def _rounded(value: float | None, decimals: int) -> Amount | None:
    return None if value is None else Amount.parse(f"{value:.{decimals}f}")
