"""Daily returns: cut at the end of each day, idle days 0."""

from __future__ import annotations

import pytest

from pm.decimals import ONE, Amount
from pm.performance.daily import daily_returns
from pm.performance.statistics import as_floats


def closes(**by_day: str) -> dict[str, Amount]:
    return {day.replace("_", "-")[1:]: Amount.parse(text) for day, text in by_day.items()}


def texts(returns: dict[str, Amount]) -> dict[str, str]:
    return {day: str(value) for day, value in returns.items()}


def test_each_day_is_measured_from_the_close_before_it_and_the_first_from_one() -> None:
    indices = closes(d2025_01_01="1.1", d2025_01_02="1.045", d2025_01_03="1.045")

    assert texts(daily_returns(indices)) == {
        "2025-01-01": "0.1",
        "2025-01-02": "-0.05",
        "2025-01-03": "0",
    }


def test_a_day_without_a_close_is_idle() -> None:
    indices = closes(d2024_02_27="1.1", d2024_03_01="1.21")

    assert texts(daily_returns(indices, last_day="2024-03-02")) == {
        "2024-02-27": "0.1",
        "2024-02-28": "0",
        "2024-02-29": "0",
        "2024-03-01": "0.1",
        "2024-03-02": "0",
    }


def test_the_order_in_which_closes_are_given_does_not_matter() -> None:
    indices = closes(d2025_01_02="1.21", d2025_01_01="1.1")

    assert list(daily_returns(indices)) == ["2025-01-01", "2025-01-02"]


def test_closes_after_the_last_day_are_left_out() -> None:
    indices = closes(d2025_01_01="1.1", d2025_01_02="2")

    assert texts(daily_returns(indices, last_day="2025-01-01")) == {"2025-01-01": "0.1"}
    assert daily_returns(indices, last_day="2024-12-31") == {}


def test_a_range_starts_from_the_index_before_it() -> None:
    returns = daily_returns(closes(d2025_01_02="3"), opening=Amount.parse("2"))

    assert texts(returns) == {"2025-01-02": "0.5"}


def test_a_return_is_rounded_half_even_at_18_decimals() -> None:
    returns = daily_returns(closes(d2025_01_02="2"), opening=Amount.parse("3"))

    assert texts(returns) == {"2025-01-02": "-0.333333333333333333"}


def test_the_series_ends_where_everything_is_lost() -> None:
    indices = closes(d2025_01_01="0.5", d2025_01_02="0", d2025_01_03="0")

    assert texts(daily_returns(indices)) == {"2025-01-01": "-0.5", "2025-01-02": "-1"}


def test_no_closes_are_no_returns() -> None:
    assert daily_returns({}, last_day="2025-01-01") == {}


@pytest.mark.parametrize(
    ("indices", "opening", "message"),
    [
        (closes(d2025_01_01="-0.1"), ONE, "the index of 2025-01-01 is -0.1, below 0"),
        (closes(d2025_01_01="1"), Amount(0), "the opening index 0 is not above 0"),
        ({"yesterday": ONE}, ONE, "yesterday"),
    ],
)
def test_what_cannot_be_an_index_or_a_day_is_refused(
    indices: dict[str, Amount], opening: Amount, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        daily_returns(indices, opening=opening)


def test_the_returns_become_floats_in_order() -> None:
    indices = closes(d2025_01_01="1.1", d2025_01_03="0.55")

    assert as_floats(daily_returns(indices).values()).tolist() == [0.1, 0.0, -0.5]
