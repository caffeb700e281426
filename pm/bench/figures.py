"""Figures and how they are shown: medians and percentiles, tables for people, rows for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

Figure = str | int | float
Row = Mapping[str, Figure]


@dataclass(frozen=True, slots=True)
class Result:
    """The table of one part; every row has the same columns, named with their unit."""

    part: str
    title: str
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Latency:
    """Percentiles of times, in µs."""

    p50: float
    p99: float
    worst: float

    @classmethod
    def of(cls, times_ns: Sequence[int]) -> Latency:
        """The percentiles of times in ns, at least one."""
        ordered = sorted(times_ns)
        return cls(
            percentile(ordered, 0.5) / 1000, percentile(ordered, 0.99) / 1000, ordered[-1] / 1000
        )

    @classmethod
    def medians(cls, rounds: Sequence[Latency]) -> Latency:
        """The median of each percentile over several rounds."""
        return cls(
            median(found.p50 for found in rounds),
            median(found.p99 for found in rounds),
            median(found.worst for found in rounds),
        )


def percentile(ordered: Sequence[int], part: float) -> int:
    """The value that `part` of the ordered values are not above."""
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


def shown(figure: Figure) -> str:
    """A figure with about three digits; text as it is."""
    if isinstance(figure, str):
        return figure
    if isinstance(figure, int):
        return f"{figure:,}"
    if abs(figure) < 10:
        return f"{figure:.2f}"
    return f"{figure:.1f}" if abs(figure) < 100 else f"{figure:,.0f}"
