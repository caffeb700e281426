"""Splits of instruments, and what they do to prices that are older.

After a split a:b there are a/b as many units, each worth b/a as much. An older mark says nothing
about the new unit and is not used; older prices of a series are made comparable.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from pm.decimals import ONE, Amount, multiply_divide

RATE_SCALE: Final = 24
"""Decimals of a price or rate that had to be divided."""


class Split(NamedTuple):
    """One split of an instrument, `numerator` new units for `denominator` old; `time` in ns."""

    instrument: str
    event_id: str
    time: int
    numerator: Amount
    denominator: Amount


def latest_split(splits: Iterable[Split], now_ns: int) -> int:
    """Return the time of the latest split that has happened by now, 0 without one."""
    return max((split.time for split in splits if split.time <= now_ns), default=0)


def adjusted_price(price: Amount, time: int, splits: Iterable[Split]) -> Amount:
    """Return a price of `time` in the units of today, half-even at 24 decimals if divided."""
    numerator, denominator = ONE, ONE
    for split in splits:
        if time < split.time:
            numerator, denominator = numerator * split.numerator, denominator * split.denominator
    if numerator == denominator:
        return price
    return multiply_divide(price, denominator, numerator, max(RATE_SCALE, price.scale))
