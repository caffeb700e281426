"""What the days of the past year would do to the exposures of now, and what moves together.

The vector of daily results is stored, not a figure of it: value at risk of any level, horizon and
lookback is then read at a constant cost. Names whose history begins at different days are kept
apart, so that every window a reader chooses counts the same exposures on each of its days.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Final

import numpy as np

from pm.decimals import Amount
from pm.performance.statistics import FloatArray, as_floats
from pm.risk.correlation import CorrelationMatrix, correlation_matrix
from pm.risk.daily_returns import DailyReturns, aligned_returns
from pm.risk.scenarios import group_scenarios
from pm.valuation.records import LaterScenarios, RiskRecord
from pm.valuation.return_history import ASSET, ReturnHistory

LARGEST: Final = 20
BEGINNINGS_MAX: Final = 12
_SIGNIFICANT_DIGITS: Final = 12


@dataclass(frozen=True, slots=True)
class Exposed:
    """Exposures in the reporting currency of one level.

    `scenario` is what the results are of, by the name its returns are known under; `instruments`
    is what is correlated, with the group of each.
    """

    scenario: Mapping[str, Amount]
    instruments: Mapping[str, Amount]
    groups: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class _Part:
    first_day: str
    names: tuple[str, ...]


def risk_record(
    exposed: Exposed,
    history: ReturnHistory,
    strategy_returns: Mapping[str, Mapping[str, Amount]],
    *,
    at: int,
    reporting_currency: str,
    correlation_days: int,
) -> RiskRecord:
    """The record of one level. Returns of all its names must have been read into `history`."""
    sizes = {name: amount for name, amount in exposed.scenario.items() if amount}
    covered = [name for name in sorted(sizes) if history.returns[name].size]
    uncovered = {_shown(name): _float(sizes[name]) for name in sizes if name not in covered}
    parts = _by_beginning(covered, history)
    vectors = [_results(part, sizes, history) for part in parts]
    instruments = _instrument_correlation(exposed, history, correlation_days)
    groups = _group_correlation(exposed, history, correlation_days)
    aligned = aligned_returns(strategy_returns, history.last_day, correlation_days)
    strategies = correlation_matrix(aligned.returns)
    return RiskRecord(
        at=at,
        reporting_currency=reporting_currency,
        days=_days(vectors[0].size, history.last_day) if vectors else (),
        results=_listed(vectors[0]) if vectors else (),
        later=tuple(
            LaterScenarios(
                first_day=part.first_day,
                exposures={_shown(name): _float(sizes[name]) for name in part.names},
                results=_listed(vector),
            )
            for part, vector in zip(parts[1:], vectors[1:], strict=True)
        ),
        exposures={_shown(name): _float(amount) for name, amount in sizes.items()},
        uncovered=uncovered,
        correlation_days=max(instruments.days, groups.days, strategies.days),
        instruments=instruments.names,
        instrument_correlation=instruments.rows,
        groups=groups.names,
        group_correlation=groups.rows,
        strategies=strategies.names,
        strategy_correlation=strategies.rows,
    )


def _by_beginning(names: Sequence[str], history: ReturnHistory) -> list[_Part]:
    """Names by the first day of their returns. With many such days some count from a later one."""
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(history.first_day(name), []).append(name)
    ordered = sorted(found)
    while len(ordered) > BEGINNINGS_MAX:
        # of neighbours the two with the fewest names become one, from the later day on
        pairs = [
            (len(found[left]) + len(found[right]), left, right)
            for left, right in pairwise(ordered[1:])
        ]
        _, left, right = min(pairs)
        found[right] += found.pop(left)
        ordered.remove(left)
    return [_Part(first, tuple(sorted(found[first]))) for first in ordered]


def _results(part: _Part, sizes: Mapping[str, Amount], history: ReturnHistory) -> FloatArray:
    last = date.fromisoformat(history.last_day)
    count = (last - date.fromisoformat(part.first_day)).days + 1
    amounts = as_floats(sizes[name] for name in part.names)
    results: FloatArray = amounts @ np.stack(
        [history.returns[name][-count:] for name in part.names]
    )
    return results


def _window(names: Sequence[str], history: ReturnHistory, days: int) -> DailyReturns:
    """The last days of those names that have returns on all of them."""
    longest = max((int(history.returns[name].size) for name in names), default=0)
    count = min(days, longest)
    returns = {
        name: history.returns[name][-count:]
        for name in names
        if count and history.returns[name].size >= count
    }
    return DailyReturns(_days(count, history.last_day), returns, {})


def _instrument_correlation(
    exposed: Exposed, history: ReturnHistory, days: int
) -> CorrelationMatrix:
    by_size = sorted(
        (name for name, amount in exposed.instruments.items() if amount),
        key=lambda name: (-abs(exposed.instruments[name]), name),
    )
    return correlation_matrix(_window(by_size[:LARGEST], history, days).returns)


def _group_correlation(exposed: Exposed, history: ReturnHistory, days: int) -> CorrelationMatrix:
    grouped = [name for name in exposed.instruments if exposed.groups.get(name)]
    daily = _window(grouped, history, days)
    return correlation_matrix(group_scenarios(exposed.instruments, exposed.groups, daily))


def _days(count: int, last_day: str) -> tuple[str, ...]:
    last = date.fromisoformat(last_day)
    return tuple((last - timedelta(days=back)).isoformat() for back in reversed(range(int(count))))


def _shown(name: str) -> str:
    return name.removeprefix(ASSET)


def _float(amount: Amount) -> float:
    return float(as_floats([amount])[0])


def _listed(results: FloatArray) -> tuple[float, ...]:
    return tuple(float(f"{result:.{_SIGNIFICANT_DIGITS}g}") for result in results)
