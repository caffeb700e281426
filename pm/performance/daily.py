"""Daily returns, cut at 00:00 UTC, from the index as it stood at the end of each day.

Days are ISO texts ("2025-01-31"). A day without a point is idle: its return is 0, not missing, so
that a strategy which trades on few days is not annualised as if it traded on all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

from pm.decimals import ONE, ZERO, Amount, divide
from pm.performance.points import INDEX_SCALE

_DAY = timedelta(days=1)


def daily_returns(
    closes: Mapping[str, Amount], *, opening: Amount = ONE, last_day: str | None = None
) -> dict[str, Amount]:
    """Each day's return as a fraction, 18 decimals half-even, from the first close to `last_day`.

    `closes` is day -> index at its end; `opening` is the index before the first of these days.
    Without `last_day` the last close ends the series; closes after it are left out. An index of 0
    ends the series too, with a return of -1. ValueError for an index below zero, an opening that is
    not above it, or a day that is none.
    """
    if opening.sign <= 0:
        raise ValueError(f"the opening index {opening} is not above 0")
    if not closes:
        return {}
    day = date.fromisoformat(min(closes))
    last = date.fromisoformat(max(closes) if last_day is None else last_day)
    returns: dict[str, Amount] = {}
    index = opening
    while day <= last and index:
        text = day.isoformat()
        close = closes.get(text, index)
        if close.sign < 0:
            raise ValueError(f"the index of {text} is {close}, below 0")
        returns[text] = ZERO if close == index else divide(close, index, INDEX_SCALE) - ONE
        index, day = close, day + _DAY
    return returns
