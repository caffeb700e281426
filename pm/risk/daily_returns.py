"""Daily returns of many names over the same days, ready for statistics.

A window ends at a given day and has at most so many days; it never starts before anything is known.
Within it a day without a price is idle: the last price stands and the return is 0. A name is
covered for the whole window or not at all. One that was not there at the start, has no price within
the window, or has a price no return can be taken from is uncovered and says why; a short or dead
history must not pass for a calm one. Days are ISO texts in UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from pm.decimals import ZERO, Amount
from pm.performance.statistics import FloatArray, as_floats

DaySeries = Mapping[str, Amount]


@dataclass(frozen=True, slots=True, eq=False)
class DailyReturns:
    """Returns as fractions, name -> one for each of `days`; uncovered name -> reason."""

    days: tuple[str, ...]
    returns: Mapping[str, FloatArray]
    uncovered: Mapping[str, str]


def daily_price_returns(prices: Mapping[str, DaySeries], last_day: str, days: int) -> DailyReturns:
    """Returns P_d / P_(d-1) - 1 of the last `days` days up to `last_day`, from daily last prices.

    The first return needs a price before it, so the window starts a day after the earliest price.
    """
    known = {name: _until(series, last_day) for name, series in prices.items()}
    earliest = min((min(series) for series in known.values() if series), default=None)
    window = _window(None if earliest is None else _after(earliest), last_day, days)
    returns: dict[str, FloatArray] = {}
    uncovered: dict[str, str] = {}
    for name in sorted(known):
        closes, reason = _filled(known[name], window)
        if closes is None:
            uncovered[name] = reason
        else:
            values = as_floats(closes)
            returns[name] = np.diff(values) / values[:-1]
    return DailyReturns(window, returns, uncovered)


def aligned_returns(returns: Mapping[str, DaySeries], last_day: str, days: int) -> DailyReturns:
    """Given daily returns of names (strategies) on the same last `days` days; idle days are 0.

    The window starts no earlier than the first of all returns; a name that starts later is
    uncovered.
    """
    known = {name: _until(series, last_day) for name, series in returns.items()}
    earliest = min((min(series) for series in known.values() if series), default=None)
    window = _window(earliest, last_day, days)
    aligned: dict[str, FloatArray] = {}
    uncovered: dict[str, str] = {}
    for name in sorted(known):
        series = known[name]
        if series and min(series) <= window[0]:
            aligned[name] = as_floats(series.get(day, ZERO) for day in window)
        else:
            uncovered[name] = f"no return by {window[0]}" if series else "no return"
    return DailyReturns(window, aligned, uncovered)


def _until(series: DaySeries, last_day: str) -> DaySeries:
    return {day: value for day, value in series.items() if day <= last_day}


def _after(day: str) -> str:
    return (date.fromisoformat(day) + timedelta(days=1)).isoformat()


def _window(earliest: str | None, last_day: str, days: int) -> tuple[str, ...]:
    """The last `days` days up to `last_day`, none before `earliest`, empty without one."""
    last = date.fromisoformat(last_day)
    if days < 1:
        raise ValueError(f"a window of {days} days")
    if earliest is None:
        return ()
    count = min(days, (last - date.fromisoformat(earliest)).days + 1)
    return tuple((last - timedelta(days=back)).isoformat() for back in reversed(range(count)))


def _filled(series: DaySeries, window: tuple[str, ...]) -> tuple[list[Amount] | None, str]:
    """The price before the window and one for each of its days, or None and why not."""
    if not window:
        return None, "fewer than 2 days of prices"
    before = max((day for day in series if day < window[0]), default=None)
    if before is None:
        return None, f"no price before {window[0]}"
    if not any(day in series for day in window):
        return None, f"no price since {before}"
    closes: list[Amount] = []
    for day in (before, *window):
        price = series.get(day)
        if price is not None and price.sign <= 0:
            return None, f"the price of {day} is {price}, not above 0"
        closes.append(closes[-1] if price is None else price)
    return closes, ""
