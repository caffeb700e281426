"""Correlation of series over a window: instruments, groups or strategies.

Pearson's coefficient of every pair. A series that does not vary has none with anything, itself
included: its cells are None, not NaN, which JSON cannot carry, and not 0, which would claim
independence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from pm.performance.statistics import DAYS_MIN, FloatArray, insufficient, varies


@dataclass(frozen=True, slots=True)
class CorrelationMatrix:
    """`rows` in the order of `names`, symmetric, -1 to 1, None where there is no coefficient."""

    names: tuple[str, ...]
    rows: tuple[tuple[float | None, ...], ...]
    days: int
    reason: str = ""

    def between(self, left: str, right: str) -> float | None:
        """The coefficient of two names; ValueError if one is not in the matrix."""
        return self.rows[self.names.index(left)][self.names.index(right)]


def correlation_matrix(series: Mapping[str, FloatArray]) -> CorrelationMatrix:
    """Correlate series of the same days; ValueError if they differ in length.

    Fewer than two days correlate nothing: every cell is None, with the reason.
    """
    names = tuple(sorted(series))
    lengths = {int(series[name].size) for name in names}
    if len(lengths) > 1:
        raise ValueError(f"series of {min(lengths)} to {max(lengths)} days cannot be correlated")
    days = lengths.pop() if lengths else 0
    enough = days >= DAYS_MIN
    varying = [name for name in names if enough and varies(series[name])]
    rows: list[list[float | None]] = [[None] * len(names) for _ in names]
    if varying:
        coefficients = _coefficients(np.stack([series[name] for name in varying]))
        places = [names.index(name) for name in varying]
        for row, place in enumerate(places):
            for column, other in enumerate(places):
                # One triangle mirrored, so that no last bit breaks the symmetry.
                rows[place][other] = float(coefficients[max(row, column), min(row, column)])
    reason = "" if enough or not names else insufficient(DAYS_MIN, days)
    return CorrelationMatrix(names, tuple(map(tuple, rows)), days, reason)


def _coefficients(values: FloatArray) -> FloatArray:
    centred = values - values.mean(axis=1, keepdims=True)
    # Scaled before it is squared, lest small results vanish.
    centred /= np.abs(centred).max(axis=1, keepdims=True)
    centred /= np.linalg.norm(centred, axis=1, keepdims=True)
    coefficients: FloatArray = np.clip(centred @ centred.T, -1.0, 1.0)
    np.fill_diagonal(coefficients, 1.0)
    return coefficients
