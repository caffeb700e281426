"""Reading one record's keys: each value checked, each fault named by its key.

A misspelt key would leave a default in force unseen, so whatever is not read is an error that
names the nearest right key. Values come from TOML (with floats kept as text) or from JSON, where
numbers may be text; both spellings are taken.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, date, datetime
from typing import Any, Final, TypeVar

from pm.decimals import parse_amount
from pm.reference.text_ids import check_id

Value = TypeVar("Value")

MAX_TIME: Final = (1 << 63) - 1  # 2262, in nanoseconds

_WHOLE: Final = re.compile(r"-?[0-9]{1,30}", re.ASCII)
_WIRE_ID: Final = re.compile(r"[0-9a-fA-F]{24}", re.ASCII)
_SHOWN_LENGTH: Final = 60

Parse = Callable[[Any, str], Value]


class KeyFault(ValueError):
    """A key that cannot be used; the text begins with the key."""


class Table:
    """The keys of one record, taken one by one; a null counts as absent."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def __contains__(self, key: str) -> bool:
        return self._values.get(key) is not None

    def required(self, key: str, parse: Parse[Value]) -> Value:
        """Return the parsed value of a key that must be there."""
        value = self._values.get(key)
        if value is None:
            raise KeyFault(f"{key}: is missing")
        return parse(value, key)

    def optional(self, key: str, parse: Parse[Value], default: Value) -> Value:
        """Return the parsed value of a key, or the default where it is absent."""
        value = self._values.get(key)
        return default if value is None else parse(value, key)

    def maybe(self, key: str, parse: Parse[Value]) -> Value | None:
        """Return the parsed value of a key, or None where it is absent."""
        value = self._values.get(key)
        return None if value is None else parse(value, key)

    def refuse_unknown(self, known: Collection[str]) -> None:
        """Raise for the first key that is not known."""
        for key in self._values:
            if key not in known:
                nearest = difflib.get_close_matches(key, known, 1)
                hint = f", did you mean {nearest[0]}?" if nearest else ""
                name = key if key.isprintable() and len(key) <= _SHOWN_LENGTH else shown(key)
                raise KeyFault(f"{name}: is not a known key{hint}")


def shown(value: object) -> str:
    """Return a wrong value as it may stand in a message: on one line, and not too long."""
    text = repr(value)
    return text if len(text) <= _SHOWN_LENGTH else f"{text[:_SHOWN_LENGTH]}..."


def parse_text_id(value: Any, key: str) -> str:
    """Return an id that is already in its inside spelling."""
    if not isinstance(value, str):
        raise KeyFault(f"{key}: must be text, not {shown(value)}")
    try:
        return check_id(value)
    except ValueError as error:
        raise KeyFault(f"{key}: {error}") from None


def parse_number(value: Any, key: str) -> str:
    """Return a decimal number, of either sign, as canonical text."""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise KeyFault(f"{key}: must be a whole number or a number as text, not {shown(value)}")
    try:
        return str(parse_amount(str(value), key))
    except ValueError as error:
        raise KeyFault(str(error)) from None


def parse_not_negative(value: Any, key: str) -> str:
    """Return a decimal number of at least 0 as canonical text."""
    amount = parse_number(value, key)
    if amount.startswith("-"):
        raise KeyFault(f"{key}: must be 0 or more, not {amount}")
    return amount


def parse_positive(value: Any, key: str) -> str:
    """Return a decimal number above 0 as canonical text."""
    amount = parse_number(value, key)
    if amount.startswith("-") or amount == "0":
        raise KeyFault(f"{key}: must be more than 0, not {amount}")
    return amount


def parse_flag(value: Any, key: str) -> bool:
    """Return true or false; canonical JSON writes them as 1 and 0."""
    if value is True or value is False:
        return bool(value)
    if isinstance(value, str) and value in ("0", "1"):
        return value == "1"
    raise KeyFault(f"{key}: must be true or false, not {shown(value)}")


def whole_number(low: int, high: int) -> Parse[int]:
    """Return a parser of whole numbers from `low` to `high`."""

    def parse(value: Any, key: str) -> int:
        text = str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
        if _WHOLE.fullmatch(text) is None:
            raise KeyFault(f"{key}: must be a whole number, not {shown(value)}")
        number = int(text)
        if not low <= number <= high:
            raise KeyFault(f"{key}: must be {low} to {high}, not {number}")
        return number

    return parse


_parse_nanoseconds: Final = whole_number(1, MAX_TIME)


def parse_time(value: Any, key: str) -> int:
    """Return nanoseconds since the epoch; a date is midnight UTC, a date-time needs an offset."""
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise KeyFault(f"{key}: needs an offset from UTC, such as {value.isoformat()}Z")
        elapsed = value - datetime(1970, 1, 1, tzinfo=UTC)
        microseconds = (elapsed.days * 86_400 + elapsed.seconds) * 10**6 + elapsed.microseconds
        return _parse_nanoseconds(microseconds * 1000, key)
    if isinstance(value, date):
        days = value.toordinal() - date(1970, 1, 1).toordinal()
        return _parse_nanoseconds(days * 86_400 * 10**9, key)
    return _parse_nanoseconds(value, key)


def one_of(words: tuple[Value, ...]) -> Parse[Value]:
    """Return a parser of one of these words."""

    def parse(value: Any, key: str) -> Value:
        for word in words:
            if value == word:
                return word
        raise KeyFault(f"{key}: must be one of {', '.join(map(str, words))}, not {shown(value)}")

    return parse


def parse_wire_id(value: Any, key: str) -> bytes:
    """Return the 12 bytes that 24 hex digits spell."""
    if isinstance(value, str) and _WIRE_ID.fullmatch(value):
        return bytes.fromhex(value)
    raise KeyFault(f"{key}: must be 24 hex digits, not {shown(value)}")
