"""Exact arithmetic of the demo's own: fractions, and their decimal text.

Nothing of the books' decimals is used, so that a fault in those cannot hide in both. Python rounds
a Fraction half to even, as the books say they do.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Final

ZERO: Final = Fraction(0)
_DECIMALS_MIN: Final = 18


def fixed(mantissa: int, decimals: int) -> Fraction:
    """An integer with its number of decimals."""
    return Fraction(mantissa, 10**decimals)


def decimals_of(number: Fraction) -> int:
    """How many decimals it takes to write the number; ValueError if no number of them does."""
    decimals, power = 0, 1
    while power % number.denominator:
        decimals, power = decimals + 1, power * 10
        if decimals > number.denominator.bit_length():
            raise ValueError(f"{number} has no end as a decimal")
    return decimals


def part_of(whole: Fraction, piece: Fraction, of: Fraction) -> Fraction:
    """The share of `whole` that `piece` is of `of`, rounded to its own decimals or 18."""
    if piece == of:
        return whole
    return round(whole * piece / of, max(_DECIMALS_MIN, decimals_of(whole)))


def text_of(number: Fraction) -> str:
    """The shortest decimal text, as the books write amounts."""
    decimals = decimals_of(number)
    digits = str(abs(number.numerator) * 10**decimals // number.denominator).zfill(decimals + 1)
    whole = digits[:-decimals] + "." + digits[-decimals:] if decimals else digits
    return f"-{whole}" if number < 0 else whole
