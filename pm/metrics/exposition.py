"""Counters and gauges in the form Prometheus reads.

Prometheus knows floats only: amounts here are rounded, the exact ones are in Redis.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import accumulate
from typing import Any

import redis
from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from pm import keys
from pm.counting.catalogue import BUCKETS, METRICS, Series
from pm.counting.stored import Counted, Histogram, read_counted
from pm.metrics.collecting import current_gauges
from pm.settings import Settings

Family = CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily


class RedisCollector(Collector):
    """Reads the server at every scrape. `client` must not decode."""

    def __init__(self, client: redis.Redis, settings: Settings) -> None:
        self._client = client
        self._settings = settings

    def describe(self) -> Iterator[Metric]:
        """Nothing: registering must not ask the server."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Every metric; raises what redis-py does."""
        stored: Any = self._client.hgetall(keys.metrics())
        return families(read_counted(stored), current_gauges(self._client, self._settings))


def families(counted: Counted, gauges: Mapping[Series, str]) -> Iterator[Metric]:
    """Every metric in the order of the catalogue, also without a value yet."""
    told: dict[str, dict[tuple[str, ...], str | Histogram]] = defaultdict(dict)
    for series, count in counted.counters.items():
        told[series.name][series.labels] = str(count)
    for series, histogram in counted.histograms.items():
        told[series.name][series.labels] = histogram
    for series, text in gauges.items():
        told[series.name][series.labels] = text
    for name in METRICS:
        yield _family(name, told[name])


def text_of(client: redis.Redis, settings: Settings) -> bytes:
    """What a scrape is answered."""
    registry = CollectorRegistry()
    registry.register(RedisCollector(client, settings))
    return generate_latest(registry)


def _family(name: str, told: Mapping[tuple[str, ...], str | Histogram]) -> Family:
    metric = METRICS[name]
    family: Family
    if metric.kind == "histogram":
        family = HistogramMetricFamily(name, metric.text, labels=metric.labels)
    elif metric.kind == "counter":
        family = CounterMetricFamily(name, metric.text, labels=metric.labels)
    else:
        family = GaugeMetricFamily(name, metric.text, labels=metric.labels)
    for labels in sorted(told):
        value = told[labels]
        if isinstance(value, Histogram) and isinstance(family, HistogramMetricFamily):
            buckets = list(zip(BUCKETS, map(float, accumulate(value.counts)), strict=True))
            family.add_metric(labels, buckets, sum_value=value.sum_us / 1e6)
        elif isinstance(value, str) and not isinstance(family, HistogramMetricFamily):
            family.add_metric(labels, float(value))
    return family
