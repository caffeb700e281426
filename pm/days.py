"""UTC days: what attribution, equity, marks and the archive are divided by."""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Final

DAY_S: Final = 86_400
DAY_NS: Final = DAY_S * 10**9
_EPOCH: Final = date(1970, 1, 1)


def utc_day(time_ns: int) -> str:
    """The UTC date of a time, YYYY-MM-DD."""
    return _date(time_ns // DAY_NS)


def midnight_ns(day: str) -> int:
    """When a UTC day begins; ValueError before 1970, and for what is no day."""
    days = (date.fromisoformat(day) - _EPOCH).days
    if days < 0:
        raise ValueError(f"{day} is before 1970")
    return days * DAY_NS


@lru_cache(maxsize=64)
def _date(day_number: int) -> str:
    return datetime.fromtimestamp(day_number * DAY_S, UTC).date().isoformat()
