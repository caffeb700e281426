"""What today's exposures would have gained or lost on each of some past days.

X_d = sum over i of E_i * r_(i,d): current exposures, past returns, no model of their joint
distribution [historical simulation]. First order: an option counts with its delta of today. An
exposure without returns on every day is left out of all days, so that days compare, and its size is
reported.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from pm.decimals import ZERO, Amount
from pm.performance.statistics import FloatArray, as_floats
from pm.risk.daily_returns import DailyReturns
from pm.risk.exposure_totals import UNGROUPED

# What is left where a group's hedges cancel but for the last bits of floats.
_NOISE: Final = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Scenarios:
    """`results` in the reporting currency, gains above zero, one for each of `days`.

    `covered` and `uncovered` are sizes, sums of |E|; `uncovered_names` have none of their exposure
    in the results. Without a covered exposure there are no days unless there is no exposure at all.
    """

    days: tuple[str, ...]
    results: FloatArray
    covered: Amount
    uncovered: Amount
    uncovered_names: tuple[str, ...]


def scenarios(exposures: Mapping[str, Amount], daily: DailyReturns) -> Scenarios:
    """Results of signed exposures (reporting currency) over the days of `daily`."""
    names = sorted(name for name, amount in exposures.items() if amount)
    covered = [name for name in names if name in daily.returns]
    uncovered = [name for name in names if name not in daily.returns]
    days = () if uncovered and not covered else daily.days
    results = np.zeros(len(days))
    if covered:
        amounts = as_floats(exposures[name] for name in covered)
        results = amounts @ np.stack([daily.returns[name] for name in covered])
    return Scenarios(
        days=days,
        results=results,
        covered=sum((abs(exposures[name]) for name in covered), ZERO),
        uncovered=sum((abs(exposures[name]) for name in uncovered), ZERO),
        uncovered_names=tuple(uncovered),
    )


def group_scenarios(
    exposures: Mapping[str, Amount], groups: Mapping[str, int], daily: DailyReturns
) -> dict[str, FloatArray]:
    """Results of each correlation group, by its number as text; the ungrouped (0) are left out.

    Only covered members count. Where a group's hedges cancel, its result is exactly 0.
    """
    members: dict[int, list[str]] = {}
    for name in sorted(exposures):
        group = groups.get(name, UNGROUPED)
        if group != UNGROUPED and exposures[name] and name in daily.returns:
            members.setdefault(group, []).append(name)
    series: dict[str, FloatArray] = {}
    for group in sorted(members):
        names = members[group]
        returns = np.stack([daily.returns[name] for name in names])
        parts = as_floats(exposures[name] for name in names)[:, None] * returns
        result = parts.sum(axis=0)
        noise = _NOISE * np.abs(parts).sum(axis=0)
        series[str(group)] = np.where(np.abs(result) <= noise, 0.0, result)
    return series
