"""Reference data from a TOML file of `[[instrument]]`, `[[token]]` and `[[venue]]` tables.

Numbers are read as text, so `0.1` is exactly that. A file with any fault gives no reference data
at all; every fault found is one line that names the file, the record and the key.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from pm.reference.record_reader import ID_KEYS, read_instrument, read_token, read_venue
from pm.reference.snapshot import AnyRecord, DuplicateRecord, Reference
from pm.reference.table import KeyFault, Table
from pm.reference.text_ids import escape_id

_TABLES: Final = ("instrument", "token", "venue")


class ReferenceDataError(Exception):
    """The file gives no usable reference data; the text has one line for each fault."""


def load_reference(path: Path, version: int = 1) -> Reference:
    """Read a file; ReferenceDataError for one that is missing, unreadable or wrong."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8 text"
        raise ReferenceDataError(f"{path}: {reason}") from None
    return parse_reference(text, str(path), version)


def parse_reference(text: str, name: str, version: int = 1) -> Reference:
    """Read the text of a file; `name` stands for the file in every fault."""
    try:
        document = tomllib.loads(text, parse_float=str)
        Table(document).refuse_unknown(_TABLES)
    except (tomllib.TOMLDecodeError, KeyFault, RecursionError) as error:
        raise ReferenceDataError(f"{name}: {error}") from None
    reading = _Reading(name)
    venues = reading.records(document, "venue", read_venue)
    venues_by_id = {venue.id: venue for venue in venues}
    tokens = reading.records(document, "token", read_token)
    instruments = reading.records(
        document, "instrument", lambda values: read_instrument(values, venues_by_id)
    )
    if reading.faults:
        raise ReferenceDataError("\n".join(reading.faults))
    try:
        return Reference.build(version, instruments, tokens, venues)
    except DuplicateRecord as error:
        raise ReferenceDataError(f"{name}: {error}") from None


class _Reading:
    """The faults found so far in one file."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.faults: list[str] = []

    def records(
        self, document: dict[str, Any], table: str, read: Callable[[dict[str, Any]], AnyRecord]
    ) -> list[AnyRecord]:
        """Return the records of one kind of table; what cannot be read becomes a fault."""
        entries = document.get(table, [])
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            self.faults.append(f"{self._name}: {table}: must be written as [[{table}]] tables")
            return []
        found = []
        for position, entry in enumerate(entries, 1):
            try:
                found.append(read(_escape_ids(entry)))
            except KeyFault as error:
                shown = _shown_id(entry.get("id"), position)
                self.faults.append(f"{self._name}: {table} {shown}: {error}")
        return found


def _shown_id(value: Any, position: int) -> str:
    if isinstance(value, str) and value and value.isprintable():
        return value
    return f"number {position}"


def _escape_ids(entry: dict[str, Any]) -> dict[str, Any]:
    return {
        key: _escape(key, value) if key in ID_KEYS and isinstance(value, str) else value
        for key, value in entry.items()
    }


def _escape(key: str, value: str) -> str:
    try:
        return escape_id(value)
    except ValueError as error:
        raise KeyFault(f"{key}: {error}") from None
