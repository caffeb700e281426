"""What a file has for each entry: the journal's fields as they are, and columns to select by.

The journal's texts are kept to the letter, amounts in them as decimal text: they are what digests
are over. `received_at`, `executed_at`, `strategy`, `instrument` and `venue` are taken out of the
facts for those who query files directly. `raw` has the bytes of a refused entry as the quarantine
held them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import pyarrow as pa

from pm.rules.digest import chain_digest
from pm.rules.journal import FIELDS

_REPEATED: Final = ("event", "result", "reason", "strategy", "instrument", "venue", "rules")
_SELECTED: Final = ("strategy", "instrument", "venue")
_TIMES: Final = ("received_at", "executed_at")

SCHEMA: Final = pa.schema(
    [
        pa.field("seq", pa.int64(), nullable=False),
        *(pa.field(name, pa.int64()) for name in _TIMES),
        *(pa.field(name, pa.string(), nullable=False) for name in FIELDS[:3]),
        *(pa.field(name, pa.string()) for name in _SELECTED),
        *(pa.field(name, pa.string(), nullable=False) for name in FIELDS[3:]),
        pa.field("raw", pa.binary()),
    ]
)
JOURNAL_COLUMNS: Final = ("seq", *FIELDS)
DICTIONARY_COLUMNS: Final = list(_REPEATED)
ENCODINGS: Final = dict.fromkeys(("seq", *_TIMES), "DELTA_BINARY_PACKED")


class ChainBroken(Exception):
    """An entry's digest does not follow from the one before; `seq` is the entry's."""

    def __init__(
        self, seq: int, fault: str = "its digest does not follow from its content"
    ) -> None:
        super().__init__(f"journal entry {seq}: {fault}")
        self.seq = seq


class Told(NamedTuple):
    """What an entry's facts tell the archive; times in ns."""

    received_at: int | None
    executed_at: int | None
    strategy: str | None
    instrument: str | None
    venue: str | None
    lane: str | None
    lane_entry: str
    is_last_of_lane_entry: bool


def told_of(entry: Mapping[str, str]) -> Told:
    """Read an entry's facts."""
    facts = json.loads(entry["facts"])
    is_last = int(facts.get("index", 0)) + 1 >= int(facts.get("of", 1))
    return Told(
        _number(facts.get("received_at")),
        _number(facts.get("executed_at")),
        facts.get("strategy"),
        facts.get("instrument"),
        facts.get("venue"),
        facts.get("lane"),
        facts.get("entry", ""),
        is_last,
    )


def check_chain(previous: str, entry: Mapping[str, str]) -> str:
    """The digest of an entry that follows `previous`; ChainBroken if it does not."""
    seq = int(entry["seq"])
    if tuple(entry) != JOURNAL_COLUMNS:
        raise ChainBroken(seq, "its fields are not those of a journal entry")
    *values, digest = list(entry.values())[1:]
    if chain_digest(previous, values) != digest:
        raise ChainBroken(seq)
    return digest


class Rows:
    """Rows of a table in the making."""

    def __init__(self) -> None:
        self._columns: dict[str, list[Any]] = {name: [] for name in SCHEMA.names}

    def __len__(self) -> int:
        return len(self._columns["seq"])

    def add(self, entry: Mapping[str, str], told: Told, raw: bytes | None) -> None:
        """Add an entry."""
        columns = self._columns
        for name in FIELDS:
            columns[name].append(entry[name])
        columns["seq"].append(int(entry["seq"]))
        for name in (*_TIMES, *_SELECTED):
            columns[name].append(getattr(told, name))
        columns["raw"].append(raw)

    def table(self) -> pa.Table:
        """The rows as a table."""
        return pa.table(self._columns, schema=SCHEMA)


def entries_of(batch: pa.RecordBatch) -> Iterator[dict[str, str]]:
    """The entries of rows read with JOURNAL_COLUMNS, as the journal has them."""
    columns: Sequence[Sequence[Any]] = [batch.column(name).to_pylist() for name in JOURNAL_COLUMNS]
    for seq, *values in zip(*columns, strict=True):
        yield {"seq": str(seq), **dict(zip(FIELDS, values, strict=True))}


def _number(text: object) -> int | None:
    return int(str(text)) if text else None
