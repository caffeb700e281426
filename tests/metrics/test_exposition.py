"""What Prometheus reads: everything declared, buckets cumulative, figures those of Redis."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from pm import keys
from pm.counting.catalogue import BUCKETS, METRICS, QUERIES, QUERY_SECONDS, Series
from pm.counting.recorder import Recorder
from pm.metrics.exposition import text_of
from pm.settings import Settings
from tests.workers.desk import Desk
from tests.workers.lane_contents import fills

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]

OF_THE_SPECIFICATION = (
    "pm_position_updates_total",
    "pm_position_update_seconds",
    "pm_query_seconds",
    "pm_queries_total",
    "pm_positions",
    "pm_strategy_positions",
    "pm_portfolio_value",
    "pm_unrealized_pnl",
    "pm_realized_pnl_today",
    "pm_temporary_positions",
    "pm_attribution_calculations_total",
    "pm_attribution_calculation_seconds",
    "pm_position_update_errors_total",
    "pm_query_errors_total",
    "pm_reconciliation_differences_total",
    "pm_trades_today",
    "pm_fees_paid_today",
    "pm_active_strategies",
)


def scraped(desk: Desk) -> str:
    return text_of(desk.client, Settings()).decode()


def samples(text: str) -> Samples:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_every_metric_is_declared_before_anything_happened(desk: Desk) -> None:
    text = scraped(desk)
    declared = {}
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            name, kind = line.split()[2:]
            declared[name] = kind
    assert declared == {metric.name: metric.kind for metric in METRICS.values()}
    assert set(OF_THE_SPECIFICATION) <= set(METRICS)
    assert len(list(text_string_to_metric_families(text))) == len(METRICS)


def test_counters_and_buckets_are_those_of_the_hash(desk: Desk) -> None:
    recorder = Recorder()
    recorder.count(Series(QUERIES, ("position",)), 4)
    for duration_ns in (50_000, 150_000, 2_000_000, 20_000_000_000):
        recorder.observe(Series(QUERY_SECONDS, ("position",)), duration_ns)
    desk.client.hset(keys.metrics(), mapping=recorder.take())
    found = samples(scraped(desk))
    label = ("query", "position")
    assert found[QUERIES, (label,)] == 4.0
    buckets = [found[f"{QUERY_SECONDS}_bucket", (("le", bound), label)] for bound in BUCKETS]
    assert buckets == [1, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 4]
    assert found[f"{QUERY_SECONDS}_count", (label,)] == 4.0
    assert found[f"{QUERY_SECONDS}_sum", (label,)] == pytest.approx(20.0022)


def test_a_scrape_of_books_shows_them(desk: Desk) -> None:
    desk.put(fills(3))
    desk.finish()
    found = samples(scraped(desk))
    assert found["pm_positions", (("book", "main"), ("state", "open"))] == 1.0
    assert found["pm_health", (("component", "workers"),)] == 2.0
    assert "pm_portfolio_value" not in {name for name, _ in found}
