"""Looks at the system and leaves its gauges in Redis, for whoever shows them.

A job does it at every interval. Gateways keep gauges of their own in the same hash; those stay.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final

import redis

from pm import keys
from pm.counting.adding import forget_processes
from pm.counting.catalogue import TOLD_BY_GATEWAYS, Series
from pm.counting.stored import counter_field, series_of
from pm.health.rules import assess
from pm.health.verdict import Situation
from pm.metrics.gauges import gauges_of
from pm.readings.system import read_system
from pm.readings.windows import keep_snapshot, read_counts
from pm.readings.worth import read_worth
from pm.settings import Settings

AT: Final = "at"
"""Field of the hash of gauges: when they were read, in ns."""


def collect_gauges(client: redis.Redis, settings: Settings) -> dict[Series, str]:
    """Read every gauge and store it in place of those before; what was stored.

    Raises what redis-py does. `client` must not decode.
    """
    now_ns = time.time_ns()
    counts = read_counts(client, now_ns)
    found = _look(client, settings, now_ns)
    _store(client, found, now_ns)
    keep_snapshot(client, counts.counted, now_ns)
    forget_processes(client, counts.counted.sources, now_ns // 1_000_000)
    return found


def stored_gauges(client: redis.Redis, settings: Settings) -> dict[Series, str]:
    """The stored gauges, looked for anew where they are older than an interval."""
    stored: Any = client.hgetall(keys.gauges())
    texts = {_text(name): _text(value) for name, value in stored.items()}
    now_ns = time.time_ns()
    kept = _parsed(texts)
    interval_ns = settings.monitoring.metrics_update_interval_seconds * 1_000_000_000
    if now_ns - int(texts.get(AT, 0)) <= interval_ns:
        return kept
    told = {series: text for series, text in kept.items() if series.name in TOLD_BY_GATEWAYS}
    return {**told, **_look(client, settings, now_ns)}


def _look(client: redis.Redis, settings: Settings, now_ns: int) -> dict[Series, str]:
    system = read_system(client, settings, now_ns)
    windows = read_counts(client, now_ns).windows
    components = assess(Situation(system, windows, settings))
    is_told = settings.monitoring.emit_position_metrics and system.books
    worth = read_worth(client, settings, system.books) if is_told else None
    return gauges_of(system, components, settings.portfolio_manager, worth)


def _store(client: redis.Redis, found: Mapping[Series, str], now_ns: int) -> None:
    key = keys.gauges()
    fields: dict[Any, Any] = {counter_field(series): text for series, text in found.items()}
    fields[AT] = str(now_ns)
    present: Any = client.hkeys(key)
    series_by_field = {name: series_of(name) for name in map(_text, present)}
    gone = [
        name
        for name, series in series_by_field.items()
        if series is not None and series.name not in TOLD_BY_GATEWAYS and name not in fields
    ]
    pipeline = client.pipeline(transaction=True)
    if gone:
        pipeline.hdel(key, *gone)
    pipeline.hset(key, mapping=fields)
    pipeline.execute()


def _parsed(texts: Mapping[str, str]) -> dict[Series, str]:
    found = ((series_of(name), text) for name, text in texts.items())
    return {series: text for series, text in found if series is not None}


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
