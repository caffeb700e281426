"""Exact signed decimals: an integer mantissa and a number of decimals, on Python's big integers.

Every amount is kept canonical (no trailing zeros, zero has no decimals), so equal numbers are equal
values with equal hashes and equal text. Sums and products are exact; only `divide`,
`multiply_divide` and the builtin `round` round, half-even, at the decimals they are given. The Lua
decimals compute the same digits independently. Python's decimal module would not do: its context
rounds sums and products at a precision that is set elsewhere.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

DECIMALS_MAX: Final = 36
MANTISSA_LIMIT: Final = 1 << 128  # the wire's i128 and u128 are below it in magnitude

_PLAIN: Final = re.compile(r"(-?[0-9]+)(?:\.([0-9]+))?")
_OUTSIDE: Final = re.compile(r"(-?[0-9]+)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]{1,4}))?")
_OUTSIDE_LENGTH_MAX: Final = 200
_SHOWN_LENGTH_MAX: Final = 40
_POWERS: Final[tuple[int, ...]] = tuple(10**exponent for exponent in range(128))


@dataclass(frozen=True, slots=True, init=False, repr=False)
class Amount:
    """Mantissa / 10^scale, made canonical whatever it is given; a negative scale is refused."""

    mantissa: int
    scale: int

    def __init__(self, mantissa: int, scale: int = 0) -> None:
        if scale:
            if scale < 0:
                raise ValueError(f"an amount cannot have {scale} decimals")
            if not mantissa % 10:
                mantissa, scale = _without_trailing_zeros(mantissa, scale)
        _set_mantissa(self, mantissa)
        _set_scale(self, scale)

    @classmethod
    def parse(cls, text: str) -> Amount:
        """Plain decimal text to an amount; zeros at either end are dropped, else ValueError."""
        match = _PLAIN.fullmatch(text)
        if match is None:
            raise ValueError(f"not a decimal: {_shown(text)}")
        whole, fraction = match.groups()
        return cls(int(whole)) if fraction is None else cls(int(whole + fraction), len(fraction))

    @classmethod
    def from_wire(cls, mantissa: int, decimals: int) -> Amount:
        """A fixed-point integer that carries its number of decimals beside it."""
        return cls(mantissa, decimals)

    @property
    def sign(self) -> int:
        """-1, 0 or 1."""
        return (self.mantissa > 0) - (self.mantissa < 0)

    def __str__(self) -> str:
        if not self.scale:
            return str(self.mantissa)
        digits = str(abs(self.mantissa)).zfill(self.scale + 1)
        sign = "-" if self.mantissa < 0 else ""
        return f"{sign}{digits[: -self.scale]}.{digits[-self.scale :]}"

    def __repr__(self) -> str:
        return f"Amount({str(self)!r})"

    def __bool__(self) -> bool:
        return self.mantissa != 0

    def __neg__(self) -> Amount:
        return _canonical(-self.mantissa, self.scale)

    def __abs__(self) -> Amount:
        return _canonical(-self.mantissa, self.scale) if self.mantissa < 0 else self

    def __add__(self, other: Amount) -> Amount:
        gap = self.scale - other.scale
        if not gap:
            return Amount(self.mantissa + other.mantissa, self.scale)
        # With one more decimal than the other, the last digit is the finer one's own and not 0.
        if gap > 0:
            return _canonical(self.mantissa + other.mantissa * _power(gap), self.scale)
        return _canonical(self.mantissa * _power(-gap) + other.mantissa, other.scale)

    def __sub__(self, other: Amount) -> Amount:
        gap = self.scale - other.scale
        if not gap:
            return Amount(self.mantissa - other.mantissa, self.scale)
        if gap > 0:
            return _canonical(self.mantissa - other.mantissa * _power(gap), self.scale)
        return _canonical(self.mantissa * _power(-gap) - other.mantissa, other.scale)

    def __mul__(self, other: Amount) -> Amount:
        return Amount(self.mantissa * other.mantissa, self.scale + other.scale)

    def __lt__(self, other: Amount) -> bool:
        left, right, _ = _aligned(self, other)
        return left < right

    def __le__(self, other: Amount) -> bool:
        left, right, _ = _aligned(self, other)
        return left <= right

    def __gt__(self, other: Amount) -> bool:
        left, right, _ = _aligned(self, other)
        return left > right

    def __ge__(self, other: Amount) -> bool:
        left, right, _ = _aligned(self, other)
        return left >= right

    def __round__(self, scale: int) -> Amount:
        """Half-even at `scale` decimals; the amount itself if it has no more than that."""
        return self if self.scale <= scale else _quotient(self.mantissa, 1, self.scale, scale)


# Through the slots, because a frozen dataclass has no cheaper way in and amounts are made by the
# million.
_set_mantissa = Amount.__dict__["mantissa"].__set__
_set_scale = Amount.__dict__["scale"].__set__
_new = Amount.__new__


def _canonical(mantissa: int, scale: int) -> Amount:
    """The amount of a mantissa and scale that are canonical already."""
    amount = _new(Amount)
    _set_mantissa(amount, mantissa)
    _set_scale(amount, scale)
    return amount


ZERO: Final = Amount(0)
ONE: Final = Amount(1)


def divide(a: Amount, b: Amount, scale: int) -> Amount:
    """a / b, half-even at `scale` decimals; ZeroDivisionError if b is zero."""
    return _quotient(a.mantissa, b.mantissa, a.scale - b.scale, scale)


def multiply_divide(a: Amount, b: Amount, c: Amount, scale: int) -> Amount:
    """a * b / c rounded once, half-even at `scale` decimals; ZeroDivisionError if c is zero."""
    return _quotient(a.mantissa * b.mantissa, c.mantissa, a.scale + b.scale - c.scale, scale)


def bounded(amount: Amount, name: str) -> Amount:
    """The amount if the books can take it from outside, else a ValueError that names it."""
    if amount.scale > DECIMALS_MAX:
        raise ValueError(f"{name}: {amount.scale} decimals, at most {DECIMALS_MAX} are accepted")
    if abs(amount.mantissa) >= MANTISSA_LIMIT:
        raise ValueError(f"{name}: too large, its digits must stay below 2^128 as an integer")
    return amount


def parse_amount(text: str, name: str) -> Amount:
    """Outside text, plain or with an exponent ("1e-8"), to a bounded amount.

    Everything else (NaN, infinity, blanks, a bare point, numbers that are not text) is a ValueError
    that begins with `name`.
    """
    if not isinstance(text, str):
        raise ValueError(f"{name}: {_shown(text)} is not decimal text")
    match = _OUTSIDE.fullmatch(text) if len(text) <= _OUTSIDE_LENGTH_MAX else None
    if match is None:
        raise ValueError(f"{name}: {_shown(text)} is not a decimal number")
    whole, fraction, exponent = match.groups("")
    mantissa = int(whole + fraction)
    scale = len(fraction) - int(exponent or 0)
    if scale < 0:
        mantissa, scale = mantissa * _power(-scale), 0
    return bounded(Amount(mantissa, scale), name)


def _without_trailing_zeros(mantissa: int, scale: int) -> tuple[int, int]:
    if not mantissa:
        return 0, 0
    while scale >= 6 and not mantissa % 1_000_000:
        mantissa //= 1_000_000
        scale -= 6
    while scale and not mantissa % 10:
        mantissa //= 10
        scale -= 1
    return mantissa, scale


def _aligned(a: Amount, b: Amount) -> tuple[int, int, int]:
    gap = a.scale - b.scale
    if gap > 0:
        return a.mantissa, b.mantissa * _power(gap), a.scale
    if gap < 0:
        return a.mantissa * _power(-gap), b.mantissa, b.scale
    return a.mantissa, b.mantissa, a.scale


def _quotient(numerator: int, denominator: int, exponent: int, scale: int) -> Amount:
    """Numerator / denominator / 10^exponent, half-even at `scale` decimals."""
    if not denominator:
        raise ZeroDivisionError("decimal: division by zero")
    if denominator < 0:
        numerator, denominator = -numerator, -denominator
    if scale >= exponent:
        numerator *= _power(scale - exponent)
    else:
        denominator *= _power(exponent - scale)
    quotient, remainder = divmod(numerator, denominator)
    # divmod floors for either sign, so the remainder is always what lies above the quotient.
    twice = 2 * remainder
    if twice > denominator or (twice == denominator and quotient & 1):
        quotient += 1
    return Amount(quotient, scale)


def _power(exponent: int) -> int:
    return _POWERS[exponent] if exponent < len(_POWERS) else int(10**exponent)


def _shown(text: object) -> str:
    shown = repr(text)
    return shown if len(shown) <= _SHOWN_LENGTH_MAX else f"{shown[:_SHOWN_LENGTH_MAX]}..."
