"""Value at risk and expected shortfall of a series of daily results.

Two views side by side: the historical one takes the results as they are, the parametric one takes
them as normal with mean 0, because a month's mean is mostly chance and a good month must not lower
the risk. Losses are positive. A negative figure is left as it is: it says that even the tail of the
results is a gain. The square root of time takes days as independent.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from statistics import NormalDist
from typing import Final

import numpy as np

from pm.performance.statistics import FloatArray, insufficient

DAYS_MIN: Final = 30


@dataclass(frozen=True, slots=True)
class ValueAtRisk:
    """Losses in the currency of the results, not reached with `confidence_level`, over
    `holding_period_days`; all None with a reason where `days` results do not suffice.
    """

    confidence_level: float
    holding_period_days: int
    days: int
    historical: float | None = None
    expected_shortfall: float | None = None
    parametric: float | None = None
    parametric_expected_shortfall: float | None = None
    reason: str = ""


def value_at_risk(
    results: FloatArray, *, confidence_level: float = 0.95, holding_period_days: int = 1
) -> ValueAtRisk:
    """VaR and ES of daily results X at confidence c over h days, each times sqrt(h).

    Historical VaR = -percentile(X, 100 (1-c)), linear between neighbours; ES = -mean of the lowest
    floor((n-1)(1-c)) + 1 results. Parametric VaR = z * s and ES = s * pdf(z) / (1-c), with s the
    standard deviation (ddof 1) and z the normal quantile of c. At least 30 results, and one beyond
    the tail (n (1-c) >= 1). ValueError for a level outside 0..1 or a period below 1.
    """
    if not 0 < confidence_level < 1:
        raise ValueError(f"confidence level {confidence_level} is not between 0 and 1")
    if holding_period_days < 1:
        raise ValueError(f"holding period of {holding_period_days} days")
    # The level as it is written: 1 - 0.9 in floats is below 0.1 and would cut a result off the tail
    tail = 1 - Fraction(str(confidence_level))
    days = int(results.size)
    needed = max(DAYS_MIN, math.ceil(1 / tail))
    if days < needed:
        return ValueAtRisk(
            confidence_level, holding_period_days, days, reason=insufficient(needed, days)
        )
    horizon = math.sqrt(holding_period_days)
    lowest = np.sort(results)[: math.floor((days - 1) * tail) + 1]
    deviation = float(results.std(ddof=1))
    normal = NormalDist()
    z = normal.inv_cdf(confidence_level)
    return ValueAtRisk(
        confidence_level=confidence_level,
        holding_period_days=holding_period_days,
        days=days,
        historical=-float(np.percentile(results, float(100 * tail))) * horizon,
        expected_shortfall=-float(lowest.mean()) * horizon,
        parametric=z * deviation * horizon,
        parametric_expected_shortfall=deviation * normal.pdf(z) / float(tail) * horizon,
    )
