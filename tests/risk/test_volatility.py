"""Volatility by name over a window."""

from __future__ import annotations

import numpy as np
import pytest

from pm.performance.statistics import Statistic
from pm.risk.daily_returns import DailyReturns
from pm.risk.volatility import volatilities

DAYS = ("2025-01-02", "2025-01-03", "2025-01-04")


def test_every_name_has_a_figure_or_a_reason() -> None:
    daily = DailyReturns(
        DAYS,
        {"C": np.array([0.01, 0.03, 0.05]), "B": np.zeros(3)},
        {"A": "no price before 2025-01-02"},
    )

    figures = volatilities(daily)

    assert list(figures) == ["A", "B", "C"]
    assert figures["A"] == Statistic(None, 0, "no price before 2025-01-02")
    assert figures["B"] == Statistic(0.0, 3)
    assert figures["C"].value == pytest.approx(0.02 * 365**0.5)


def test_a_year_has_the_days_it_is_given() -> None:
    daily = DailyReturns(DAYS, {"A": np.array([0.01, 0.03, 0.05])}, {})

    assert volatilities(daily, annualisation_days=252)["A"].value == pytest.approx(0.02 * 252**0.5)


def test_one_day_is_insufficient() -> None:
    figures = volatilities(DailyReturns(DAYS[:1], {"A": np.array([0.01])}, {}))

    assert figures["A"].reason == "2 days of returns needed, 1 there"
