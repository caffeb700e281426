"""Marks from JSON lines, one object a line. A line that is wrong is named, and nothing is read."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from typing import Any, Final, NoReturn

from pm.events.lines import MAX_LINE_LENGTH
from pm.events.model import EventError
from pm.events.unique_keys import table_of_pairs
from pm.marks.mark import Mark, MarkError, mark_from_table
from pm.reference.snapshot import Reference


def marks_of_tables(
    tables: Iterable[tuple[int, Mapping[str, Any]]],
    reference: Reference,
    received_at: int | None = None,
) -> list[Mark]:
    """Return the marks of decoded lines, each given with its number; MarkError names the line.

    Numbers in the tables are whole or text. `received_at` in nanoseconds defaults to now.
    """
    stamp = time.time_ns() if received_at is None else received_at
    marks = []
    for number, table in tables:
        try:
            marks.append(mark_from_table(table, reference, stamp))
        except MarkError as error:
            raise MarkError(f"line {number}: {error}") from None
    return marks


def tables_of_lines(lines: Iterable[str]) -> list[tuple[int, dict[str, Any]]]:
    """Return the object of each line with its number, blank lines left out, numbers kept as text.

    MarkError names the first line that is no JSON object.
    """
    tables = []
    for number, line in enumerate(lines, 1):
        if not line or line.isspace():
            continue
        try:
            tables.append((number, _table(line)))
        except (MarkError, EventError) as error:
            raise MarkError(f"line {number}: {error}") from None
    return tables


def _table(line: str) -> dict[str, Any]:
    if len(line) > MAX_LINE_LENGTH:
        raise MarkError(f"is longer than {MAX_LINE_LENGTH} characters")
    try:
        values = _DECODER.decode(line)
    except json.JSONDecodeError as error:
        raise MarkError(f"is not JSON: {error.msg} at column {error.colno}") from None
    except RecursionError:
        raise MarkError("is not JSON: nested too deeply") from None
    if not isinstance(values, dict):
        raise MarkError("is not a JSON object")
    return values


def _refuse_constant(name: str) -> NoReturn:
    raise MarkError(f"{name} is not a number")


_DECODER: Final = json.JSONDecoder(
    parse_float=str,
    parse_int=str,
    parse_constant=_refuse_constant,
    object_pairs_hook=table_of_pairs,
)
