"""A table with one key given twice has two meanings, so it has none."""

from __future__ import annotations

from typing import Any

from pm.events.model import EventError
from pm.reference.table import shown


def table_of_pairs(pairs: list[tuple[Any, Any]]) -> dict[str, Any]:
    """Return a decoded map as a table; EventError for a repeated key or one that is no text."""
    table = dict(pairs)
    if len(table) != len(pairs):
        keys = [key for key, _ in pairs]
        repeated = next(key for key in keys if keys.count(key) > 1)
        raise EventError(f"{shown(repeated)} is given twice")
    for key in table:
        if not isinstance(key, str):
            raise EventError(f"key {shown(key)} is not text")
    return table
