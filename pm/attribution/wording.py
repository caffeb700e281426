"""Figures in words, the same in a terminal and on a page."""

from __future__ import annotations

from collections.abc import Mapping

from pm.attribution.money import Money
from pm.decimals import Amount, divide

UNKNOWN = "unknown"
SHOWN_DECIMALS = 8
_PERCENT_DECIMALS = 2
_UNITS_NS = ((10**9, "s"), (10**6, "ms"), (10**3, "µs"))


def amount(value: Amount | None, decimals: int = SHOWN_DECIMALS) -> str:
    """An amount with its thousands apart, rounded half-even for reading."""
    if value is None:
        return UNKNOWN
    whole, point, fraction = str(round(value, decimals)).partition(".")
    sign, digits = ("-", whole[1:]) if whole.startswith("-") else ("", whole)
    return f"{sign}{int(digits):,}{point}{fraction}"


def amounts(values: Mapping[str, Amount | None]) -> str:
    """`3.25 USDT, 0.001 BNB`; 0 where there is none."""
    shown = [f"{amount(value)} {token}" for token, value in sorted(values.items())]
    return ", ".join(shown) or "0"


def money(value: Money) -> str:
    """The amount of every token."""
    return amounts(value.by_token)


def percent(ratio: Amount | None) -> str:
    """A ratio of 1 as a percentage."""
    if ratio is None:
        return "-"
    return f"{round(ratio * Amount(100), _PERCENT_DECIMALS)} %"


def duration(nanoseconds: int | None) -> str:
    """A time span in the unit that suits it."""
    if nanoseconds is None:
        return "-"
    for unit, name in _UNITS_NS:
        if nanoseconds >= unit:
            return f"{divide(Amount(nanoseconds), Amount(unit), 2)} {name}"
    return f"{nanoseconds} ns"


def plain(value: Amount | None, decimals: int = 2) -> str:
    """A statistic; "-" where there is none."""
    return "-" if value is None else amount(value, decimals)
