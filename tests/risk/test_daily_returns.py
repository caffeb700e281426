"""Aligned daily returns: the window, idle days, and who is not covered."""

from __future__ import annotations

import pytest

from pm.decimals import Amount
from pm.risk.daily_returns import DailyReturns, aligned_returns, daily_price_returns


def series(**by_day: str) -> dict[str, Amount]:
    """Amounts of days in January 2025: d03="1.5"."""
    return {f"2025-01-{day[1:]}": Amount.parse(text) for day, text in by_day.items()}


def days(daily: DailyReturns) -> list[str]:
    return [day.removeprefix("2025-01-") for day in daily.days]


def lists(daily: DailyReturns) -> dict[str, list[float]]:
    return {name: values.tolist() for name, values in daily.returns.items()}


def test_a_return_is_from_the_last_price_of_the_day_before() -> None:
    daily = daily_price_returns({"A": series(d01="100", d02="110", d03="55")}, "2025-01-03", 2)

    assert days(daily) == ["02", "03"]
    assert lists(daily) == {"A": [0.1, -0.5]}
    assert daily.uncovered == {}


def test_days_without_a_price_are_idle_and_the_next_price_makes_up_for_them() -> None:
    daily = daily_price_returns({"A": series(d01="100", d04="150")}, "2025-01-05", 4)

    assert days(daily) == ["02", "03", "04", "05"]
    assert lists(daily) == {"A": [0.0, 0.0, 0.5, 0.0]}


def test_a_window_crosses_the_end_of_a_month() -> None:
    prices = {"2024-02-28": Amount(4), "2024-03-01": Amount(5)}

    daily = daily_price_returns({"A": prices}, "2024-03-01", 2)

    assert daily.days == ("2024-02-29", "2024-03-01")
    assert lists(daily) == {"A": [0.0, 0.25]}


def test_the_window_is_no_longer_than_asked_and_prices_before_it_only_fill() -> None:
    prices = series(d01="1", d05="100", d09="200", d10="300")

    daily = daily_price_returns({"A": prices}, "2025-01-10", 2)

    assert days(daily) == ["09", "10"]
    assert lists(daily) == {"A": [1.0, 0.5]}


def test_prices_after_the_last_day_do_not_exist_yet() -> None:
    daily = daily_price_returns(
        {"A": series(d01="100", d02="110", d03="999"), "B": series(d03="1")}, "2025-01-02", 30
    )

    assert days(daily) == ["02"]
    assert lists(daily) == {"A": [0.1]}
    assert daily.uncovered == {"B": "no price before 2025-01-02"}


def test_the_window_starts_no_earlier_than_there_is_history() -> None:
    daily = daily_price_returns(
        {"A": series(d03="1", d04="2"), "B": series(d04="5", d05="6")}, "2025-01-05", 30
    )

    assert days(daily) == ["04", "05"]
    assert lists(daily) == {"A": [1.0, 0.0]}
    assert daily.uncovered == {"B": "no price before 2025-01-04"}


def test_a_dead_history_does_not_pass_for_a_calm_one() -> None:
    daily = daily_price_returns(
        {"A": series(d01="1", d03="2"), "B": series(d08="1", d09="2")}, "2025-01-10", 2
    )

    assert lists(daily) == {"B": [1.0, 0.0]}
    assert daily.uncovered == {"A": "no price since 2025-01-03"}


@pytest.mark.parametrize("price", ["0", "-37.63"])
def test_no_return_is_taken_from_a_price_not_above_zero(price: str) -> None:
    daily = daily_price_returns({"A": series(d01="1", d02=price, d03="2")}, "2025-01-03", 30)

    assert daily.returns == {}
    assert daily.uncovered == {"A": f"the price of 2025-01-02 is {price}, not above 0"}


@pytest.mark.parametrize("prices", [{}, series(d03="5"), series(d09="5")])
def test_a_single_day_of_prices_is_no_history(prices: dict[str, Amount]) -> None:
    daily = daily_price_returns({"A": prices}, "2025-01-03", 30)

    assert (daily.days, daily.returns) == ((), {})
    assert daily.uncovered == {"A": "fewer than 2 days of prices"}


def test_no_names_are_no_days() -> None:
    assert daily_price_returns({}, "2025-01-03", 30).days == ()


@pytest.mark.parametrize("count", [0, -1])
def test_a_window_without_days_is_refused(count: int) -> None:
    with pytest.raises(ValueError, match=f"a window of {count} days"):
        daily_price_returns({}, "2025-01-03", count)


def test_given_returns_are_aligned_and_idle_days_are_zero() -> None:
    daily = aligned_returns(
        {"7": series(d02="0.1", d04="-0.2", d05="9"), "8": series(d01="0.5")}, "2025-01-04", 3
    )

    assert days(daily) == ["02", "03", "04"]
    assert lists(daily) == {"7": [0.1, 0.0, -0.2], "8": [0.0, 0.0, 0.0]}
    assert daily.uncovered == {}


def test_a_strategy_that_starts_within_the_window_is_uncovered() -> None:
    daily = aligned_returns(
        {"7": series(d02="0.1"), "8": series(d03="0.5"), "9": {}}, "2025-01-04", 30
    )

    assert days(daily) == ["02", "03", "04"]
    assert list(daily.returns) == ["7"]
    assert daily.uncovered == {"8": "no return by 2025-01-02", "9": "no return"}


@pytest.mark.parametrize("returns", [{}, series(d05="0.1")])
def test_strategies_without_a_return_yet_are_no_days(returns: dict[str, Amount]) -> None:
    daily = aligned_returns({"9": returns}, "2025-01-04", 30)

    assert (daily.days, daily.returns, daily.uncovered) == ((), {}, {"9": "no return"})
