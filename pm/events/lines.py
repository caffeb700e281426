"""JSON lines to events, one event a line; lines of marks are set apart.

Numbers may be JSON numbers or JSON strings; both are kept digit by digit and never become floats.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple, NoReturn

from pm.events.model import Event, EventError
from pm.events.read_event import MARK, read_event
from pm.events.unique_keys import table_of_pairs

MAX_LINE_LENGTH: Final = 65_536


class MarkLine(NamedTuple):
    """A line of kind `mark`, not yet read: its number in the file, and its table."""

    number: int
    table: dict[str, Any]


def parse_line(line: str) -> Event:
    """Return the event of one line; EventError says in one line what is wrong with it."""
    return read_event(table_of_line(line))


def parse_lines(lines: Iterable[str], marks: list[MarkLine] | None = None) -> list[Event]:
    """Return the events of all lines, in order; blank lines are passed over.

    Marks are prices and no events of a book. With `marks`, lines of kind `mark` are added to it as
    they stand, for `pm.marks` to read; without it, such a line is wrong. EventError names the
    number of the first line that is wrong; nothing is returned then.
    """
    events = []
    for number, line in enumerate(lines, 1):
        if line.isspace() or not line:
            continue
        try:
            table = table_of_line(line)
            if marks is not None and table.get("kind") == MARK:
                marks.append(MarkLine(number, table))
            else:
                events.append(read_event(table))
        except EventError as error:
            raise EventError(f"line {number}: {error}") from None
    return events


def table_of_line(line: str) -> dict[str, Any]:
    """Return the object of one line, its numbers as text; EventError says what is wrong with it."""
    if len(line) > MAX_LINE_LENGTH:
        raise EventError(f"is longer than {MAX_LINE_LENGTH} characters")
    try:
        values = _decode(line)
    except json.JSONDecodeError as error:
        raise EventError(f"is not JSON: {error.msg} at column {error.colno}") from None
    except RecursionError:
        raise EventError("is not JSON: nested too deeply") from None
    if not isinstance(values, dict):
        raise EventError("is not a JSON object")
    return values


def _refuse_constant(name: str) -> NoReturn:
    raise EventError(f"{name} is not a number")


_decode: Final[Callable[[str], Any]] = json.JSONDecoder(
    parse_float=str,
    parse_int=str,
    parse_constant=_refuse_constant,
    object_pairs_hook=table_of_pairs,
).decode
