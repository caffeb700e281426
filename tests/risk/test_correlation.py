"""Correlation matrices: coefficients, and None where there is none."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pm.performance.statistics import FloatArray
from pm.risk.correlation import correlation_matrix


def test_coefficients_by_hand() -> None:
    matrix = correlation_matrix(
        {
            "up": np.array([1.0, 2.0, 3.0]),
            "down": np.array([3.0, 2.0, 1.0]),
            "bent": np.array([1.0, 3.0, 2.0]),
        }
    )

    assert matrix.names == ("bent", "down", "up")
    assert matrix.between("up", "down") == pytest.approx(-1)
    assert matrix.between("up", "bent") == pytest.approx(0.5)
    assert matrix.between("bent", "up") == matrix.between("up", "bent")
    assert [matrix.between(name, name) for name in matrix.names] == [1, 1, 1]
    assert (matrix.days, matrix.reason) == (3, "")


def test_a_series_that_does_not_vary_correlates_with_nothing_not_even_itself() -> None:
    grown = 1.1 ** np.arange(4)
    matrix = correlation_matrix(
        {
            "a": np.array([1.0, 2.0, 1.0]),
            "b": np.diff(grown) / grown[:-1],
            "c": np.array([2.0, 1.0, 2.0]),
        }
    )

    assert matrix.rows[1] == (None, None, None)
    assert [row[1] for row in matrix.rows] == [None, None, None]
    assert matrix.between("a", "c") == pytest.approx(-1)


@pytest.mark.parametrize("days", [0, 1])
def test_fewer_than_two_days_correlate_nothing(days: int) -> None:
    matrix = correlation_matrix({"a": np.ones(days), "b": np.ones(days)})

    assert matrix.rows == ((None, None), (None, None))
    assert matrix.reason == f"2 days of returns needed, {days} there"


def test_no_series_are_an_empty_matrix() -> None:
    matrix = correlation_matrix({})

    assert (matrix.names, matrix.rows, matrix.reason) == ((), (), "")


def test_series_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="series of 2 to 3 days cannot be correlated"):
        correlation_matrix({"a": np.ones(3), "b": np.ones(2)})


def test_a_matrix_is_plain_json() -> None:
    matrix = correlation_matrix({"a": np.array([1.0, 2.0]), "b": np.zeros(2)})

    text = json.dumps(asdict(matrix), allow_nan=False)

    assert json.loads(text)["rows"] == [[1.0, None], [None, None]]


def test_small_results_have_the_coefficients_of_large_ones() -> None:
    left, right = np.array([1.0, 2.0, 4.0]), np.array([1.0, 5.0, 2.0])

    small = correlation_matrix({"a": left * 1e-200, "b": right * 1e-200})

    assert small.between("a", "b") == pytest.approx(
        correlation_matrix({"a": left, "b": right}).between("a", "b")
    )


percents = st.integers(-1000, 1000).map(lambda basis_points: basis_points / 1e4)


@settings(max_examples=100, deadline=None)
@given(
    rows=st.lists(st.lists(percents, min_size=6, max_size=6).map(np.array), min_size=2, max_size=6)
)
def test_a_matrix_is_symmetric_bounded_and_numpys(rows: list[FloatArray]) -> None:
    matrix = correlation_matrix({str(number): row for number, row in enumerate(rows)})

    for i, left in enumerate(rows):
        for j, right in enumerate(rows):
            cell = matrix.rows[i][j]
            assert cell == matrix.rows[j][i]
            if np.ptp(left) == 0 or np.ptp(right) == 0:
                assert cell is None
            else:
                assert cell is not None
                assert -1 <= cell <= 1
                assert cell == pytest.approx(float(np.corrcoef(left, right)[0, 1]), abs=1e-9)
