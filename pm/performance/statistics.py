"""Sharpe ratio, volatility, drawdown and range return: what a series of returns amounts to.

Ratios of sums and square roots have no exact decimal form, so Sharpe ratio and volatility are
floats; ranges and drawdowns are quotients of exact values and stay decimals. A statistic that the
series cannot carry has no value and a reason, never 0 or NaN.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from pm.decimals import ONE, ZERO, Amount, divide
from pm.performance.points import INDEX_SCALE

FloatArray: TypeAlias = npt.NDArray[np.float64]

DAYS_MIN: Final = 2
ANNUALISATION_DAYS: Final = 365

# Returns of a price that grows by the same ratio each day differ in their last bits only.
_NOISE: Final = 1e-12


@dataclass(frozen=True, slots=True)
class Statistic:
    """A figure from `days` returns; without a value there is a reason."""

    value: float | None
    days: int
    reason: str = ""


def as_floats(amounts: Iterable[Amount]) -> FloatArray:
    """The nearest floats, where money becomes statistics."""
    return np.array([amount.mantissa / 10**amount.scale for amount in amounts], dtype=np.float64)


def insufficient(needed: int, there: int) -> str:
    """The reason of a figure that too few days carry."""
    return f"{needed} days of returns needed, {there} there"


def varies(series: FloatArray) -> bool:
    """Whether a series differs from a constant by more than the noise of floats."""
    if not series.size:
        return False
    return float(np.ptp(series)) > _NOISE * float(np.abs(series).max())


def volatility(returns: FloatArray, *, annualisation_days: int = ANNUALISATION_DAYS) -> Statistic:
    """A year's standard deviation as a fraction: stdev(r, ddof 1) * sqrt(annualisation_days)."""
    days = int(returns.size)
    if days < DAYS_MIN:
        return Statistic(None, days, insufficient(DAYS_MIN, days))
    if not varies(returns):
        return Statistic(0.0, days)
    return Statistic(float(returns.std(ddof=1)) * math.sqrt(annualisation_days), days)


def sharpe(
    returns: FloatArray,
    *,
    risk_free_rate: float = 0.0,
    annualisation_days: int = ANNUALISATION_DAYS,
) -> Statistic:
    """mean(r - rf/A) / stdev(r, ddof 1) * sqrt(A); the rate is a year's, a fraction.

    Returns that do not vary have no ratio.
    """
    days = int(returns.size)
    if days < DAYS_MIN:
        return Statistic(None, days, insufficient(DAYS_MIN, days))
    if not varies(returns):
        return Statistic(None, days, "returns do not vary")
    excess = float(returns.mean()) - risk_free_rate / annualisation_days
    return Statistic(excess / float(returns.std(ddof=1)) * math.sqrt(annualisation_days), days)


def time_weighted_return(opening: Amount, closing: Amount) -> Amount | None:
    """The return of a range [GIPS] as a fraction: index at its end / index at its start - 1.

    18 decimals half-even; None where the range starts at an index of 0.
    """
    return divide(closing, opening, INDEX_SCALE) - ONE if opening else None


def drawdowns(indices: Iterable[Amount], *, opening: Amount = ONE) -> list[Amount]:
    """Each index / highest so far - 1, never above 0; the highest starts at `opening`.

    18 decimals half-even. The minimum is the range's max_drawdown_ratio.
    """
    if opening.sign <= 0:
        raise ValueError(f"the opening index {opening} is not above 0")
    peak, series = opening, []
    for index in indices:
        peak = max(peak, index)
        series.append(divide(index, peak, INDEX_SCALE) - ONE)
    return series


def net_drawdowns(nets: Iterable[Amount], *, opening: Amount = ZERO) -> list[Amount]:
    """Each cumulative net - highest so far, an amount, never above 0, from `opening`."""
    peak, series = opening, []
    for net in nets:
        peak = max(peak, net)
        series.append(net - peak)
    return series
