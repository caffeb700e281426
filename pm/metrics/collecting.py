"""Looks at the system and leaves its gauges in Redis, for whoever shows them.

A job does it at every interval; where none does, whoever shows them. Gateways keep gauges of their
own in the same hash; those stay.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final

import redis
from redis import exceptions

from pm import keys
from pm.connect.replies import text_of, texts_of
from pm.counting.adding import forget_processes
from pm.counting.catalogue import TOLD_BY_GATEWAYS, Series
from pm.counting.stored import counter_field, series_of
from pm.days import utc_day
from pm.health.rules import assess
from pm.health.verdict import Situation
from pm.metrics.gauges import gauges_of
from pm.readings.system import read_system
from pm.readings.today import read_today
from pm.readings.windows import Counts, keep_snapshot, read_counts
from pm.readings.worth import read_worth
from pm.settings import Settings

AT: Final = "at"
"""Field of the hash of gauges: when they were read, in ns."""


def collect_gauges(client: redis.Redis, settings: Settings) -> dict[Series, str]:
    """Read every gauge and store it in place of those before; what was stored.

    Raises what redis-py does, and ValueError where what is stored cannot be read. `client` must not
    decode.
    """
    now_ns = time.time_ns()
    counts = read_counts(client, now_ns)
    found = _look(client, settings, counts, now_ns)
    _store(client, found, now_ns)
    keep_snapshot(client, counts.counted, now_ns)
    forget_processes(client, counts.counted.sources, now_ns // 1_000_000)
    return found


def current_gauges(client: redis.Redis, settings: Settings) -> dict[Series, str]:
    """The stored gauges, collected anew where they are older than an interval.

    A user or a server that may not store them shows them all the same.
    """
    stored: Any = client.hgetall(keys.gauges())
    texts = texts_of(stored)
    now_ns = time.time_ns()
    kept = _parsed(texts)
    interval_ns = settings.monitoring.metrics_update_interval_seconds * 1_000_000_000
    if now_ns - int(texts.get(AT, 0)) <= interval_ns:
        return kept
    told = {series: text for series, text in kept.items() if series.name in TOLD_BY_GATEWAYS}
    try:
        return {**told, **collect_gauges(client, settings)}
    except (exceptions.NoPermissionError, exceptions.ReadOnlyError):
        return {**told, **_look(client, settings, read_counts(client, now_ns), now_ns)}


def _look(
    client: redis.Redis, settings: Settings, counts: Counts, now_ns: int
) -> dict[Series, str]:
    system = read_system(client, settings, now_ns)
    components = assess(Situation(system, counts.windows, settings))
    today = {
        book.name: read_today(client, book.name, list(book.positions_by_strategy), utc_day(now_ns))
        for book in system.books
    }
    is_told = settings.monitoring.emit_position_metrics and today
    worth = read_worth(client, settings, today) if is_told else None
    return gauges_of(system, components, settings.portfolio_manager, today, worth)


def _store(client: redis.Redis, found: Mapping[Series, str], now_ns: int) -> None:
    key = keys.gauges()
    fields: dict[Any, Any] = {counter_field(series): text for series, text in found.items()}
    fields[AT] = str(now_ns)
    present: Any = client.hkeys(key)
    series_by_field = {name: series_of(name) for name in map(text_of, present)}
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
