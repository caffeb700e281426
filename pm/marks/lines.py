"""Marks from JSON lines, one object a line. A line that is wrong is named, and nothing is read."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

from pm.events.lines import table_of_line
from pm.events.model import EventError
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
            tables.append((number, table_of_line(line)))
        except EventError as error:
            raise MarkError(f"line {number}: {error}") from None
    return tables
