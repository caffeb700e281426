"""Sharpe ratio, volatility, drawdowns and range returns, by hand and against empyrical."""

from __future__ import annotations

import math
import warnings
from itertools import accumulate
from types import ModuleType

import numpy as np
import pytest

from pm.decimals import ONE, ZERO, Amount, multiply_divide
from pm.performance.statistics import (
    FloatArray,
    as_floats,
    drawdowns,
    net_drawdowns,
    sharpe,
    time_weighted_return,
    volatility,
)

TOLERANCE = 1e-9


@pytest.fixture(scope="module")
def empyrical() -> ModuleType:
    """The reference; its own imports may warn."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import empyrical
    module: ModuleType = empyrical
    return module


def random_returns(seed: int, days: int) -> FloatArray:
    print(f"seed={seed}")
    return np.random.default_rng(seed).normal(0.0007, 0.02, days)


def amounts(*texts: str) -> list[Amount]:
    return [Amount.parse(text) for text in texts]


def texts(series: list[Amount]) -> list[str]:
    return [str(value) for value in series]


def test_volatility_is_the_sample_deviation_of_a_year() -> None:
    # Deviations -0.02, 0, 0.02: variance 0.0008 / 2.
    figure = volatility(np.array([0.01, 0.03, 0.05]))

    assert figure.value == pytest.approx(0.02 * math.sqrt(365))
    assert (figure.days, figure.reason) == (3, "")


def test_sharpe_is_the_mean_above_the_rate_by_the_deviation() -> None:
    returns = np.array([0.01, 0.03, 0.05])

    assert sharpe(returns).value == pytest.approx(1.5 * math.sqrt(365))
    assert sharpe(returns, risk_free_rate=3.65).value == pytest.approx(1.0 * math.sqrt(365))


def test_a_firm_that_trades_on_business_days_is_annualised_by_them() -> None:
    returns = np.array([0.01, 0.03, 0.05])

    assert volatility(returns, annualisation_days=252).value == pytest.approx(0.02 * 252**0.5)
    assert sharpe(returns, annualisation_days=252).value == pytest.approx(1.5 * 252**0.5)


@pytest.mark.parametrize("days", [0, 1])
def test_fewer_than_two_days_are_insufficient(days: int) -> None:
    returns = np.full(days, 0.01)

    for figure in (sharpe(returns), volatility(returns)):
        assert figure.value is None
        assert figure.days == days
        assert figure.reason == f"2 days of returns needed, {days} there"


def test_returns_that_do_not_vary_have_no_sharpe_and_a_volatility_of_zero() -> None:
    prices = 1.1 ** np.arange(40)
    returns = np.diff(prices) / prices[:-1]
    assert np.ptp(returns) > 0, "the noise of floats must be in the case"

    for constant in (np.zeros(40), np.full(40, 0.1), returns):
        assert sharpe(constant).value is None
        assert sharpe(constant).reason == "returns do not vary"
        assert volatility(constant).value == 0


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("rate", [0.0, 0.04])
def test_sharpe_agrees_with_empyrical_whose_rate_is_a_days(
    empyrical: ModuleType, seed: int, rate: float
) -> None:
    returns = random_returns(seed, 400)

    expected = empyrical.sharpe_ratio(returns, risk_free=rate / 365, annualization=365)

    assert sharpe(returns, risk_free_rate=rate).value == pytest.approx(expected, abs=TOLERANCE)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("days_of_a_year", [252, 365])
def test_volatility_agrees_with_empyrical(
    empyrical: ModuleType, seed: int, days_of_a_year: int
) -> None:
    returns = random_returns(seed, 400)

    expected = empyrical.annual_volatility(returns, annualization=days_of_a_year)

    figure = volatility(returns, annualisation_days=days_of_a_year)
    assert figure.value == pytest.approx(expected, abs=TOLERANCE)


@pytest.mark.parametrize("seed", range(5))
def test_the_deepest_drawdown_agrees_with_empyrical_which_starts_at_one_too(
    empyrical: ModuleType, seed: int
) -> None:
    returns = [Amount(round(value * 10**8), 8) for value in random_returns(seed, 400)]
    indices = list(
        accumulate(returns, lambda i, r: multiply_divide(i, ONE + r, ONE, 18), initial=ONE)
    )

    expected = empyrical.max_drawdown(as_floats(returns))

    deepest = min(drawdowns(indices[1:]))
    assert as_floats([deepest])[0] == pytest.approx(expected, abs=TOLERANCE)


@pytest.mark.parametrize(
    ("indices", "expected"),
    [
        ([], []),
        (["1"], ["0"]),
        (["0.9"], ["-0.1"]),
        (["1.1", "1.045", "1.21", "0"], ["0", "-0.05", "0", "-1"]),
        (["1.5", "1"], ["0", "-0.333333333333333333"]),
    ],
)
def test_drawdowns_are_from_the_highest_index_so_far(
    indices: list[str], expected: list[str]
) -> None:
    assert texts(drawdowns(amounts(*indices))) == expected


def test_a_range_measures_drawdowns_from_its_own_start() -> None:
    assert texts(drawdowns(amounts("1.8", "2.5"), opening=Amount(2))) == ["-0.1", "0"]
    assert texts(net_drawdowns(amounts("90", "120"), opening=Amount(100))) == ["-10", "0"]


def test_drawdowns_from_an_index_of_zero_are_refused() -> None:
    with pytest.raises(ValueError, match="the opening index 0 is not above 0"):
        drawdowns([ONE], opening=ZERO)


def test_net_drawdowns_are_amounts_from_the_highest_net_so_far() -> None:
    series = net_drawdowns(amounts("-5", "10", "4", "20"))

    assert texts(series) == ["-5", "0", "-6", "0"]


@pytest.mark.parametrize(
    ("opening", "closing", "expected"),
    [
        ("1", "1.045", "0.045"),
        ("2", "1", "-0.5"),
        ("3", "2", "-0.333333333333333333"),
        ("2", "0", "-1"),
    ],
)
def test_the_return_of_a_range_is_the_ratio_of_its_indices(
    opening: str, closing: str, expected: str
) -> None:
    assert str(time_weighted_return(Amount.parse(opening), Amount.parse(closing))) == expected


def test_a_range_that_starts_with_nothing_has_no_return() -> None:
    assert time_weighted_return(ZERO, ONE) is None


@pytest.mark.parametrize(
    "text", ["0", "0.1", "-65000.123456789012345678", "0.000000000000000000000000000000000001"]
)
def test_an_amount_becomes_the_nearest_float(text: str) -> None:
    assert as_floats([Amount.parse(text)])[0] == float(text)


def test_amounts_beyond_exact_floats_are_still_the_nearest() -> None:
    digits = "340282366920938463463374607431768211455.000000000000000000000000000000000001"

    assert as_floats([Amount.parse(digits)])[0] == float(digits)
