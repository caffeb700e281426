"""The size of a call follows from what an event costs, not from what a round trip costs."""

from __future__ import annotations

import random

import pytest

from workers.call_size import CALL_TARGET_S, LEAST, CallSize


def settled(fixed_s: float, event_s: float, noise_s: float, *, most: int = 10_000) -> int:
    """The limit after many full calls of that cost."""
    chance = random.Random(1)
    size = CallSize(most)
    for _ in range(2_000):
        events = size.next()
        size.observe(events, fixed_s + events * event_s + chance.uniform(0, noise_s))
    return size.limit


@pytest.mark.parametrize("fixed_s", [0.0, 0.0002, 0.005, 0.1])
@pytest.mark.parametrize("event_s", [0.00001, 0.00003, 0.0001])
def test_a_slow_round_trip_does_not_make_calls_smaller(fixed_s: float, event_s: float) -> None:
    affordable = CALL_TARGET_S / event_s
    assert 0.9 * affordable <= settled(fixed_s, event_s, 0.0) <= 1.1 * affordable


def test_noise_leaves_calls_of_a_sensible_size() -> None:
    assert LEAST <= settled(0.001, 0.00003, 0.0005) <= 4 * CALL_TARGET_S / 0.00003


def test_calls_are_never_larger_than_configured() -> None:
    size = CallSize(3)
    for _ in range(100):
        events = size.next()
        assert 1 <= events <= 3
        size.observe(events, 0.001)


def test_costly_events_still_go_in_calls_of_some_size() -> None:
    assert settled(0.0, 0.01, 0.0) == LEAST


def test_calls_that_were_not_full_change_nothing() -> None:
    size = CallSize(1000)
    for _ in range(100):
        size.observe(1, 0.5)
    assert size.limit == LEAST
