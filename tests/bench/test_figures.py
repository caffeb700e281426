"""Percentiles and how figures are shown."""

from __future__ import annotations

import pytest

from pm.bench.figures import Latency, shown


def test_percentiles_are_taken_from_the_sorted_times_in_microseconds() -> None:
    times = [1000 * number for number in range(100, 0, -1)]
    assert Latency.of(times) == Latency(p50=51.0, p99=100.0, worst=100.0)


def test_the_median_of_rounds_is_taken_figure_by_figure() -> None:
    rounds = [Latency(1, 20, 300), Latency(2, 10, 100), Latency(3, 30, 200)]
    assert Latency.medians(rounds) == Latency(2, 20, 200)


@pytest.mark.parametrize(
    ("figure", "text"),
    [(1.234, "1.23"), (12.34, "12.3"), (123.4, "123"), (1234.5, "1,234"), (20_000, "20,000")],
)
def test_a_figure_has_about_three_digits(figure: float, text: str) -> None:
    assert shown(figure) == text
