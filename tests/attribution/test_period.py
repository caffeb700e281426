"""Ranges of time as people write them."""

from __future__ import annotations

import pytest

from pm.attribution.period import Range, iso_second, parse_range
from pm.days import midnight_ns

DAY_NS = 86_400_000_000_000
NOW = midnight_ns("2025-03-10") + 5


def asked(start: str | None, end: str | None) -> Range:
    return parse_range(start, end, midnight_ns("2025-03-01") + 7, NOW)


def test_days_include_both_ends() -> None:
    found = asked("2025-03-02", "2025-03-03")
    assert (found.start, found.end) == (midnight_ns("2025-03-02"), midnight_ns("2025-03-04"))
    assert (found.first_day, found.last_day) == ("2025-03-02", "2025-03-03")
    assert found.is_whole_days


def test_without_ends_from_the_first_day_through_today() -> None:
    found = asked(None, None)
    assert (found.first_day, found.last_day) == ("2025-03-01", "2025-03-10")
    assert found.is_whole_days


@pytest.mark.parametrize(
    "text", ["2025-03-02T01:00:00", "2025-03-02T01:00:00Z", "2025-03-02T02:00:00+01:00"]
)
def test_a_time_is_utc_unless_it_says_otherwise(text: str) -> None:
    found = asked(text, "2025-03-02")
    assert found.start == midnight_ns("2025-03-02") + 3_600_000_000_000
    assert not found.is_whole_days


def test_a_time_that_ends_a_range_is_not_in_it() -> None:
    assert asked("2025-03-02", "2025-03-03T00:00:00Z").last_day == "2025-03-02"


@pytest.mark.parametrize("text", ["2025-3-2", "yesterday", "2025-02-30", "1969-01-01", "20250302"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=text):
        asked(text, None)


def test_an_empty_range_is_refused() -> None:
    with pytest.raises(ValueError, match="the range is empty"):
        asked("2025-03-05", "2025-03-04")


def test_times_are_told_with_as_many_digits_as_they_have() -> None:
    at = midnight_ns("2025-03-02")
    assert [iso_second(at), iso_second(at + 5)] == [
        "2025-03-02T00:00:00Z",
        "2025-03-02T00:00:00.000000005Z",
    ]
