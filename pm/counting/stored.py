"""How counts and gauges lie in their hashes: `name|label=value,…`, and for a histogram `…|bound`.

A bucket holds its own observations only, so that one observation adds to one field; a reader adds
them up. Sums are microseconds. `from|<process>` tells when a process last added, in milliseconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pm.connect.replies import texts_of
from pm.counting.catalogue import BUCKETS, METRICS, Series

SOURCE: Final = "from|"
_SUM: Final = "sum_us"


@dataclass(slots=True)
class Histogram:
    """Observations by bucket, in the order of BUCKETS, and their sum in microseconds."""

    counts: list[int] = field(default_factory=lambda: [0] * len(BUCKETS))
    sum_us: int = 0

    @property
    def count(self) -> int:
        """How many observations."""
        return sum(self.counts)

    def __add__(self, other: Histogram) -> Histogram:
        """Both together."""
        counts = [one + two for one, two in zip(self.counts, other.counts, strict=True)]
        return Histogram(counts, self.sum_us + other.sum_us)


@dataclass(frozen=True, slots=True)
class Counted:
    """What all processes have counted together."""

    counters: Mapping[Series, int]
    histograms: Mapping[Series, Histogram]
    sources: Mapping[str, int]

    def total(self, name: str) -> Histogram:
        """A histogram over all its labels."""
        found = (told for series, told in self.histograms.items() if series.name == name)
        return sum(found, Histogram())


def counter_field(series: Series) -> str:
    """The field of a counter or a gauge."""
    labels = METRICS[series.name].labels
    if not labels:
        return series.name
    pairs = zip(labels, series.labels, strict=True)
    return f"{series.name}|{','.join(f'{label}={value}' for label, value in pairs)}"


def bucket_field(series: Series, bound: str) -> str:
    """The field of one bucket of a histogram."""
    return f"{counter_field(series)}|{bound}"


def sum_field(series: Series) -> str:
    """The field of a histogram's sum."""
    return f"{counter_field(series)}|{_SUM}"


def series_of(text: str) -> Series | None:
    """The series a field `name|label=value,…` names; None for what this program does not know."""
    name, _, told = text.partition("|")
    metric = METRICS.get(name)
    if metric is None:
        return None
    values = dict(pair.partition("=")[::2] for pair in told.split(",") if pair)
    if tuple(values) != metric.labels:
        return None
    return Series(name, tuple(values.values()))


def read_counted(stored: Mapping[Any, Any]) -> Counted:
    """The hash of counters; fields of other versions of this program are left out."""
    counters: dict[Series, int] = {}
    histograms: dict[Series, Histogram] = {}
    sources: dict[str, int] = {}
    for name, count in texts_of(stored).items():
        if name.startswith(SOURCE):
            sources[name.removeprefix(SOURCE)] = int(count)
            continue
        head, _, part = name.rpartition("|")
        series = series_of(name)
        if series is not None and METRICS[series.name].kind == "counter":
            counters[series] = int(count)
            continue
        series = series_of(head)
        if series is None or METRICS[series.name].kind != "histogram":
            continue
        found = histograms.setdefault(series, Histogram())
        if part == _SUM:
            found.sum_us = int(count)
        elif part in BUCKETS:
            found.counts[BUCKETS.index(part)] = int(count)
    return Counted(counters, histograms, sources)
