"""Where values lie on a chart, and how an axis is labelled: round steps, whole numbers all the way.

Positions are exact fractions until they become tenths of a pixel; no figure is ever a float.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from pm.decimals import Amount

TICKS_MAX = 5
_STEPS = (1, 2, 5, 10)
_UNITS = ((10**12, "T"), (10**9, "B"), (10**6, "M"), (10**3, "k"))
_LARGEST = 10**15


@dataclass(frozen=True, slots=True)
class Axis:
    """Values from `low` to `high` along the pixels from `start` to `end`; ticks are round."""

    low: Fraction
    high: Fraction
    start: int
    end: int
    ticks: tuple[Fraction, ...]

    def at(self, value: Fraction) -> str:
        """The pixel of a value, with one decimal."""
        share = (value - self.low) / (self.high - self.low)
        return pixels(self.start + share * (self.end - self.start))


def axis_of(values: Sequence[Fraction], start: int, end: int, *, with_zero: bool) -> Axis:
    """An axis that holds all values, between ticks; a single value gets room around it."""
    low, high = min(values), max(values)
    if with_zero:
        low, high = min(low, Fraction(0)), max(high, Fraction(0))
    if low == high:
        room = abs(low) / 10 or Fraction(1)
        low, high = low - room, high + room
    step = _step((high - low) / TICKS_MAX)
    first, last = low // step, -(-high // step)
    ticks = tuple(number * step for number in range(int(first), int(last) + 1))
    return Axis(ticks[0], ticks[-1], start, end, ticks)


def fraction(amount: Amount) -> Fraction:
    """An amount as an exact fraction."""
    return Fraction(amount.mantissa, 10**amount.scale)


def pixels(value: Fraction) -> str:
    """A length in pixels with one decimal."""
    tenths = round(value * 10)
    sign, size = ("-", -tenths) if tenths < 0 else ("", tenths)
    return f"{sign}{size // 10}.{size % 10}"


def compact(value: Fraction) -> str:
    """A tick's label: at most three or four figures and a unit (k, M, B, T)."""
    if not value:
        return "0"
    sign, size = ("−", -value) if value < 0 else ("", value)
    if size >= _LARGEST:
        exponent = len(str(int(size))) - 1
        return f"{sign}{_short(size / 10**exponent)}e{exponent}"
    for unit, letter in _UNITS:
        if size >= unit:
            return f"{sign}{_short(size / unit)}{letter}"
    return f"{sign}{_short(size)}"


def _short(size: Fraction) -> str:
    decimals = 2
    while size and size * 10**decimals < 10 and decimals < 18:
        decimals += 1
    mantissa = round(size * 10**decimals)
    return str(Amount(mantissa, decimals))


def _step(least: Fraction) -> Fraction:
    """The smallest of 1, 2, 5 times a power of ten that is not below `least`."""
    power = Fraction(1)
    while power > least:
        power /= 10
    while power * 10 <= least:
        power *= 10
    return next(power * step for step in _STEPS if power * step >= least)
