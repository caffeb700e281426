"""Counts in memory: nothing lost between threads or between reports, buckets by their bounds."""

from __future__ import annotations

import threading

from pm.counting.catalogue import (
    BOUNDS_NS,
    BUCKETS,
    METRICS,
    QUERIES,
    QUERY_SECONDS,
    UPDATES,
    Series,
)
from pm.counting.recorder import Recorder
from pm.counting.stored import Histogram, counter_field, read_counted, series_of

POSITION = Series(QUERY_SECONDS, ("position",))


def counted(*durations_ns: int) -> Histogram:
    recorder = Recorder()
    recorder.observe_all(POSITION, durations_ns)
    return read_counted(recorder.take()).histograms[POSITION]


def test_buckets_begin_at_a_tenth_of_a_millisecond_and_include_their_bound() -> None:
    assert BOUNDS_NS[0] == 100_000
    for place, bound_ns in enumerate(BOUNDS_NS):
        assert counted(bound_ns).counts[place] == 1
        assert counted(bound_ns + 1).counts[place + 1] == 1
    assert counted(10**15).counts == [0] * (len(BUCKETS) - 1) + [1]


def test_a_time_before_its_beginning_counts_as_none() -> None:
    assert counted(-5, 1_000) == Histogram([2] + [0] * (len(BUCKETS) - 1), 1)


def test_what_was_taken_is_gone_and_parts_of_a_microsecond_are_kept() -> None:
    recorder = Recorder()
    sums = 0
    for _ in range(10):
        recorder.observe(POSITION, 1_700)
        sums += recorder.take()["pm_query_seconds|query=position|sum_us"]
    assert sums == 17
    assert recorder.take() == {}


def test_threads_lose_nothing() -> None:
    recorder = Recorder()
    taken: dict[str, int] = {}

    def count() -> None:
        for _ in range(2_000):
            recorder.count(Series(QUERIES, ("position",)))
            recorder.observe(POSITION, 1_000)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        for field, amount in recorder.take().items():
            taken[field] = taken.get(field, 0) + amount
    for field, amount in recorder.take().items():
        taken[field] = taken.get(field, 0) + amount
    found = read_counted(taken)
    assert found.counters == {Series(QUERIES, ("position",)): 8_000}
    assert found.histograms[POSITION].count == 8_000
    assert found.histograms[POSITION].sum_us == 8_000


def test_every_series_is_read_back_from_its_field() -> None:
    for metric in METRICS.values():
        series = Series(metric.name, tuple(f"x-{label}.1" for label in metric.labels))
        assert series_of(counter_field(series)) == series
    assert counter_field(Series(UPDATES, ("main", "applied"))) == (
        "pm_position_updates_total|book=main,result=applied"
    )


def test_fields_of_another_version_are_left_alone() -> None:
    found = read_counted(
        {
            b"pm_queries_total|query=position": b"3",
            b"pm_queries_total|of=position": b"1",
            b"pm_unheard_of_total": b"1",
            b"pm_query_seconds|query=position|0.0007": b"5",
            b"from|host-1": b"77",
        }
    )
    assert found.counters == {Series(QUERIES, ("position",)): 3}
    assert found.histograms[POSITION].count == 0
    assert found.sources == {"host-1": 77}


def test_no_label_is_a_position_an_instrument_an_order_or_a_trace() -> None:
    labels = {label for metric in METRICS.values() for label in metric.labels}
    assert labels.isdisjoint({"position", "instrument", "order", "trace", "execution"})
