"""Ranges of time as people write them, and the UTC days in them.

A day is written YYYY-MM-DD; as the end of a range it is included. A time is an ISO date-time, in
UTC unless it names an offset, or nanoseconds; as an end it is not included. All in ns since the
epoch.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

from pm.days import DAY_NS, midnight_ns, utc_day

SECOND_NS: Final = 1_000_000_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Range:
    """Times from `start` until before `end`."""

    start: int
    end: int

    @property
    def is_whole_days(self) -> bool:
        """Whether both ends are midnights, so that rows tell everything."""
        return not self.start % DAY_NS and not self.end % DAY_NS

    @property
    def first_day(self) -> str:
        """The UTC day of the start."""
        return utc_day(self.start)

    @property
    def last_day(self) -> str:
        """The UTC day of the last moment."""
        return utc_day(self.end - 1)


def parse_range(start: str | None, end: str | None, first_ns: int, now_ns: int) -> Range:
    """The range of two texts; without a start from the day of `first_ns`, without an end to now.

    "Now" means the whole present day. ValueError says which text is wrong.
    """
    start_ns = midnight_ns(utc_day(first_ns)) if start is None else parse_moment(start, "from")
    if end is None:
        end_ns = midnight_ns(utc_day(now_ns)) + DAY_NS
    else:
        end_ns = parse_moment(end, "to", is_end=True)
    if start_ns >= end_ns:
        raise ValueError(f"the range is empty: {iso_second(start_ns)} to {iso_second(end_ns)}")
    return Range(start_ns, end_ns)


def parse_moment(text: str, name: str, *, is_end: bool = False) -> int:
    """Nanoseconds of a day or an ISO date-time; of a day that ends a range, its midnight after."""
    try:
        if len(text) <= len("YYYY-MM-DD"):
            return midnight_ns(parse_day(text)) + (DAY_NS if is_end else 0)
        if text.isdecimal():
            return int(text)
        moment = datetime.fromisoformat(text)
        known = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        elapsed = (known - _EPOCH) // _MICROSECOND * 1000
    except ValueError:
        elapsed = -1
    if elapsed < 0:
        example = "2025-06-01 or 2025-06-01T12:00:00Z"
        raise ValueError(f"--{name}: {text} is neither a day nor a time like {example}")
    return elapsed


def parse_day(text: str) -> str:
    """A day as text; ValueError for what is none, or is spelled another way."""
    if date.fromisoformat(text).isoformat() != text:
        raise ValueError(f"{text} is not a day like 2025-06-01")
    return text


def iso_second(time_ns: int) -> str:
    """UTC time to the second, with as many more digits as it has."""
    seconds, rest = divmod(time_ns, SECOND_NS)
    text = (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")
    fraction = f"{rest:09d}".rstrip("0")
    return f"{text}.{fraction}Z" if fraction else f"{text}Z"
