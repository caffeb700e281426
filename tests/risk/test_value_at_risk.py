"""Value at risk and expected shortfall, by hand, by law, and against empyrical."""

from __future__ import annotations

import math
import warnings
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pm.performance.statistics import FloatArray
from pm.risk.value_at_risk import ValueAtRisk, value_at_risk

TOLERANCE = 1e-9


@pytest.fixture(scope="module")
def empyrical() -> ModuleType:
    """The reference; its own imports may warn."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import empyrical
    module: ModuleType = empyrical
    return module


def figures(risk: ValueAtRisk) -> list[float]:
    values = [
        risk.historical,
        risk.expected_shortfall,
        risk.parametric,
        risk.parametric_expected_shortfall,
    ]
    assert all(value is not None for value in values), risk.reason
    return [value for value in values if value is not None]


def test_the_figures_of_a_hundred_and_one_losses_by_hand() -> None:
    # -50 … 50. The 5th percentile is the sixth lowest; the tail is the six lowest.
    risk = value_at_risk(np.arange(-50.0, 51.0))

    deviation = math.sqrt(101 * 102 / 12)
    assert risk.historical == pytest.approx(45)
    assert risk.expected_shortfall == pytest.approx(47.5)
    assert risk.parametric == pytest.approx(1.6448536269514722 * deviation)
    assert risk.parametric_expected_shortfall == pytest.approx(2.0627128075074257 * deviation)
    assert (risk.days, risk.reason) == (101, "")


def test_value_at_risk_is_interpolated_between_neighbours() -> None:
    # Position 29 * 0.05 = 1.45 between -98 and -97; the tail is the two lowest.
    risk = value_at_risk(np.arange(-99.0, -69.0))

    assert risk.historical == pytest.approx(97.55)
    assert risk.expected_shortfall == pytest.approx(98.5)


@pytest.mark.parametrize(
    ("confidence_level", "days", "tail"),
    [
        (0.95, 30, 2),
        (0.95, 41, 3),
        (0.9, 101, 11),
        (0.99, 100, 1),
        (0.99, 101, 2),
        (0.999, 1001, 2),
    ],
)
def test_the_tail_has_the_results_the_level_says_to_the_last_one(
    confidence_level: float, days: int, tail: int
) -> None:
    risk = value_at_risk(np.arange(float(days)), confidence_level=confidence_level)

    assert risk.expected_shortfall == pytest.approx(-(tail - 1) / 2)


def test_more_days_scale_by_the_square_root_of_time() -> None:
    results = np.arange(-50.0, 51.0)

    one, ten = value_at_risk(results), value_at_risk(results, holding_period_days=10)

    assert figures(ten) == pytest.approx([value * math.sqrt(10) for value in figures(one)])
    assert ten.holding_period_days == 10


def test_a_tail_of_gains_is_a_negative_figure() -> None:
    risk = value_at_risk(np.linspace(1.0, 2.0, 101))

    assert risk.historical == pytest.approx(-1.05)
    assert risk.expected_shortfall == pytest.approx(-1.025)


def test_a_mean_gain_does_not_lower_the_parametric_figures() -> None:
    results = np.arange(-50.0, 51.0)

    assert value_at_risk(results + 1000).parametric == value_at_risk(results).parametric


def test_nothing_at_risk_loses_nothing() -> None:
    assert figures(value_at_risk(np.zeros(30))) == [0, 0, 0, 0]


@pytest.mark.parametrize(
    ("days", "confidence_level", "needed"),
    [
        (0, 0.95, 30),
        (12, 0.95, 30),
        (29, 0.95, 30),
        (29, 0.5, 30),
        (30, 0.99, 100),
        (99, 0.99, 100),
        (999, 0.999, 1000),
    ],
)
def test_too_few_days_are_insufficient_and_say_how_many_are_needed(
    days: int, confidence_level: float, needed: int
) -> None:
    risk = value_at_risk(np.ones(days), confidence_level=confidence_level)

    assert risk == ValueAtRisk(
        confidence_level, 1, days, reason=f"{needed} days of returns needed, {days} there"
    )
    assert risk.historical is None


@pytest.mark.parametrize(("days", "confidence_level"), [(30, 0.95), (30, 0.9), (100, 0.99)])
def test_just_enough_days_suffice(days: int, confidence_level: float) -> None:
    assert figures(value_at_risk(np.zeros(days), confidence_level=confidence_level))


@pytest.mark.parametrize("level", [0.0, 1.0, -0.1, 95.0])
def test_a_level_that_is_no_fraction_is_refused(level: float) -> None:
    with pytest.raises(ValueError, match="is not between 0 and 1"):
        value_at_risk(np.zeros(30), confidence_level=level)


def test_a_holding_period_below_a_day_is_refused() -> None:
    with pytest.raises(ValueError, match="holding period of 0 days"):
        value_at_risk(np.zeros(30), holding_period_days=0)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("confidence_level", [0.9, 0.95, 0.99])
def test_the_historical_figures_are_empyricals_with_the_sign_of_a_loss(
    empyrical: ModuleType, seed: int, confidence_level: float
) -> None:
    """empyrical reports results (losses below zero) of one day; percentile and tail are the same.

    Its cutoff is a float, so the size of the tail is compared where (n-1)(1-c) is no whole number.
    """
    print(f"seed={seed}")
    results = np.random.default_rng(seed).normal(0.001, 0.02, 348)
    cutoff = 1 - confidence_level

    risk = value_at_risk(results, confidence_level=confidence_level)

    assert risk.historical == pytest.approx(
        -empyrical.value_at_risk(results, cutoff), abs=TOLERANCE
    )
    assert risk.expected_shortfall == pytest.approx(
        -empyrical.conditional_value_at_risk(results, cutoff), abs=TOLERANCE
    )


def test_the_two_views_agree_on_normal_results() -> None:
    seed = 11
    print(f"seed={seed}")
    results = np.random.default_rng(seed).normal(0.0, 100.0, 200_000)

    historical, shortfall, parametric, parametric_shortfall = figures(value_at_risk(results))

    assert historical == pytest.approx(parametric, rel=0.02)
    assert shortfall == pytest.approx(parametric_shortfall, rel=0.02)


daily_results = st.lists(
    st.integers(-(10**9), 10**9).map(lambda cents: cents / 100), min_size=30, max_size=120
).map(np.array)
levels = st.sampled_from([0.9, 0.925, 0.95, 0.96])


@settings(max_examples=150, deadline=None)
@given(results=daily_results, level=levels)
def test_the_shortfall_is_never_below_the_value_at_risk(results: FloatArray, level: float) -> None:
    historical, shortfall, parametric, parametric_shortfall = figures(
        value_at_risk(results, confidence_level=level)
    )

    assert shortfall >= historical - 1e-6
    assert parametric_shortfall >= parametric >= 0


@settings(max_examples=100, deadline=None)
@given(results=daily_results, level=levels, seed=st.integers(0, 2**32))
def test_the_order_of_days_does_not_matter(results: FloatArray, level: float, seed: int) -> None:
    shuffled = np.random.default_rng(seed).permutation(results)

    assert figures(value_at_risk(shuffled, confidence_level=level)) == pytest.approx(
        figures(value_at_risk(results, confidence_level=level))
    )


@settings(max_examples=100, deadline=None)
@given(results=daily_results, level=levels, factor=st.floats(0.001, 1000))
def test_risk_scales_with_the_results(results: FloatArray, level: float, factor: float) -> None:
    scaled = figures(value_at_risk(results * factor, confidence_level=level))

    expected = [value * factor for value in figures(value_at_risk(results, confidence_level=level))]
    assert scaled == pytest.approx(expected, abs=1e-3)


@settings(max_examples=100, deadline=None)
@given(results=daily_results)
def test_a_higher_level_is_never_a_smaller_loss(results: FloatArray) -> None:
    low, high = (figures(value_at_risk(results, confidence_level=c)) for c in (0.9, 0.96))

    assert all(above >= below - 1e-6 for above, below in zip(high, low, strict=True))
