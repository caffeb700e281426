"""The last minutes out of counters that only grow."""

from __future__ import annotations

import pytest

from pm import keys
from pm.counting.catalogue import APPLY_SECONDS, BUCKETS, QUERY_SECONDS, UPDATE_SECONDS, Series
from pm.counting.stored import Counted, Histogram
from pm.readings import windows
from pm.readings.windows import SPAN_S, Snapshot, keep_snapshot, read_counts, rotated, window
from tests.workers.desk import Desk

SECOND = 1_000_000_000


def counted(fast: int, slow: int = 0) -> Counted:
    counts = [0] * len(BUCKETS)
    counts[0], counts[-1] = fast, slow
    half = Histogram(counts)
    return Counted({}, {Series(UPDATE_SECONDS, (book,)): half for book in ("a", "b")}, {})


def test_a_window_is_what_came_since_the_snapshot_over_all_books() -> None:
    before = Snapshot.of(counted(100), 5 * SECOND)
    found = window(UPDATE_SECONDS, counted(100, slow=3), before, 305 * SECOND)
    assert (found.histogram.count, found.seconds) == (6, 300)
    assert found.share_above("10.0") == 1.0
    assert found.bound_of(0.99) == "+Inf"


def test_without_a_snapshot_or_with_one_of_later_counts_all_of_it_counts() -> None:
    for before in (None, Snapshot.of(counted(500), 5 * SECOND)):
        found = window(UPDATE_SECONDS, counted(99, slow=1), before, 305 * SECOND)
        assert (found.histogram.count, found.seconds) == (200, None)
        assert found.share_above("0.01") == 0.01
        assert found.bound_of(0.99) == "0.0001"


def test_an_empty_window_is_above_nothing() -> None:
    found = window(QUERY_SECONDS, counted(1), None, 0)
    assert found.histogram.count == 0
    assert found.share_above("0.001") == 0.0


def test_a_window_is_between_one_and_two_spans_long() -> None:
    older: Snapshot | None = None
    newer: Snapshot | None = None
    lengths = []
    for at_s in range(0, 10 * SPAN_S, 10):
        older, newer = rotated(older, newer, Snapshot.of(counted(at_s), at_s * SECOND))
        lengths.append(at_s - (older or newer).at // SECOND)
    assert max(lengths) < 2 * SPAN_S
    assert min(lengths[2 * SPAN_S // 10 :]) >= SPAN_S


@pytest.mark.parametrize("text", ["", "{}", "null", "[]", '{"at":1,"counts":{}}'])
def test_a_snapshot_of_another_version_is_none(text: str) -> None:
    assert Snapshot.parse(text) is None
    known = Snapshot.of(counted(7), 3)
    assert Snapshot.parse(known.text()) == known


def test_snapshots_lie_with_the_gauges(desk: Desk) -> None:
    keep_snapshot(desk.client, counted(10), 1 * SECOND)
    keep_snapshot(desk.client, counted(20), 2 * SECOND)  # too soon: left out
    for number in (30, 40):
        keep_snapshot(desk.client, counted(number), number * SPAN_S * SECOND)
    desk.client.hincrby(keys.metrics(), f"{UPDATE_SECONDS}|book=main|0.0001", 100)
    found = read_counts(desk.client, 41 * SPAN_S * SECOND)
    assert found.windows[UPDATE_SECONDS].histogram.count == 100 - 60
    assert found.windows[UPDATE_SECONDS].seconds == 11 * SPAN_S
    assert (
        set(found.windows)
        == set(windows.WATCHED)
        == {
            UPDATE_SECONDS,
            APPLY_SECONDS,
            QUERY_SECONDS,
        }
    )
