"""Current exposures on past days, and the exposures that have no past."""

from __future__ import annotations

import numpy as np
import pytest

from pm.decimals import ZERO, Amount
from pm.risk.daily_returns import DailyReturns
from pm.risk.scenarios import group_scenarios, scenarios

DAYS = ("2025-01-02", "2025-01-03")
DAILY = DailyReturns(
    DAYS,
    {"A": np.array([0.1, -0.2]), "B": np.array([0.5, 0.25]), "C": np.array([0.1, -0.2])},
    {"Z": "no price before 2025-01-02"},
)


def exposures(**amounts: str) -> dict[str, Amount]:
    return {name: Amount.parse(text) for name, text in amounts.items()}


def test_a_days_result_is_the_sum_of_exposures_times_returns() -> None:
    past = scenarios(exposures(A="1000", B="-100"), DAILY)

    assert past.days == DAYS
    assert past.results.tolist() == [50.0, -225.0]
    assert (past.covered, past.uncovered, past.uncovered_names) == (Amount(1100), ZERO, ())


def test_an_exposure_without_history_is_left_out_and_its_size_reported() -> None:
    past = scenarios(exposures(A="1000", Y="5", Z="-70"), DAILY)

    assert past.results.tolist() == [100.0, -200.0]
    assert (past.covered, past.uncovered) == (Amount(1000), Amount(75))
    assert past.uncovered_names == ("Y", "Z")


def test_without_any_history_there_are_no_results_rather_than_results_of_zero() -> None:
    past = scenarios(exposures(Z="-70"), DAILY)

    assert (past.days, past.results.size) == ((), 0)
    assert past.uncovered == Amount(70)


def test_nothing_at_risk_is_a_result_of_zero_on_every_day() -> None:
    for nothing in ({}, exposures(A="0", Z="0")):
        past = scenarios(nothing, DAILY)

        assert past.results.tolist() == [0.0, 0.0]
        assert past.uncovered_names == ()


def test_the_order_of_exposures_does_not_matter_to_the_last_bit() -> None:
    seed = 7
    print(f"seed={seed}")
    random = np.random.default_rng(seed)
    names = [f"I{number}" for number in range(50)]
    daily = DailyReturns(DAYS, {name: random.normal(0, 0.03, 2) for name in names}, {})
    held = {name: Amount(int(random.integers(-(10**9), 10**9)), 4) for name in names}
    shuffled = {name: held[name] for name in random.permutation(names).tolist()}

    assert scenarios(shuffled, daily).results.tolist() == scenarios(held, daily).results.tolist()


def test_twice_the_exposure_is_twice_the_result() -> None:
    once = scenarios(exposures(A="12.5", B="-3"), DAILY)
    twice = scenarios(exposures(A="25", B="-6"), DAILY)

    assert twice.results.tolist() == pytest.approx((2 * once.results).tolist())


def test_groups_are_summed_apart_and_the_ungrouped_are_left_out() -> None:
    held = exposures(A="1000", B="-100", C="10", Z="5")

    by_group = group_scenarios(held, {"A": 1, "B": 1, "C": 12, "Z": 1}, DAILY)

    assert {group: values.tolist() for group, values in by_group.items()} == {
        "1": [50.0, -225.0],
        "12": [1.0, -2.0],
    }
    assert group_scenarios(held, {"Z": 1}, DAILY) == {}


def test_a_hedged_groups_result_is_exactly_zero() -> None:
    daily = DailyReturns(
        DAYS, {"A": np.array([0.1, 0.7]), "B": np.array([0.1, 0.7]), "C": np.array([0.1, 0.7])}, {}
    )
    held = exposures(A="0.1", B="0.2", C="-0.3")

    by_group = group_scenarios(held, dict.fromkeys(held, 1), daily)

    assert by_group["1"].tolist() == [0.0, 0.0]
