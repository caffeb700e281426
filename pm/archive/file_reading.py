"""Reads entries out of one Parquet file, in bounded memory, after its bytes were found right."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import file_digest
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from pm.archive.columns import JOURNAL_COLUMNS, entries_of
from pm.archive.errors import ArchiveDamaged
from pm.archive.manifest import FileRecord

_ROWS_A_BATCH: Final = 1_000


def check_bytes(stream: Any, name: str, record: FileRecord) -> None:
    """ArchiveDamaged unless an open file has the size and the hash of its record."""
    found = file_digest(stream, "sha256").hexdigest()
    size = stream.tell()
    stream.seek(0)
    if size != record.bytes:
        raise ArchiveDamaged(name, f"has {size} bytes, the manifest says {record.bytes}")
    if found != record.sha256:
        raise ArchiveDamaged(name, "does not have the hash the manifest says: it was damaged")


def open_checked(stream: Any, name: str, record: FileRecord) -> pq.ParquetFile:
    """The Parquet file in a stream whose bytes are checked first."""
    check_bytes(stream, name, record)
    return parquet(stream, name)


def parquet(stream: Any, name: str) -> pq.ParquetFile:
    """The Parquet file in a stream."""
    try:
        return pq.ParquetFile(stream, memory_map=False, buffer_size=1 << 20, pre_buffer=False)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise ArchiveDamaged(name, f"is no Parquet file: {_one_line(error)}") from None


def entries_between(
    file: pq.ParquetFile, name: str, after: int, through: int
) -> Iterator[dict[str, str]]:
    """The entries above `after` up to `through`, group by group."""
    for batch in batches(file, name, JOURNAL_COLUMNS, after, through):
        for entry in entries_of(batch):
            if after < int(entry["seq"]) <= through:
                yield entry


def batches(
    file: pq.ParquetFile, name: str, columns: tuple[str, ...], after: int, through: int
) -> Iterator[pa.RecordBatch]:
    """Rows of the groups that hold any entry above `after` up to `through`."""
    groups = [
        group
        for group in range(file.num_row_groups)
        if _overlaps(file.metadata.row_group(group).column(0).statistics, after, through)
    ]
    try:
        yield from file.iter_batches(_ROWS_A_BATCH, row_groups=groups, columns=list(columns))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise ArchiveDamaged(name, f"cannot be read: {_one_line(error)}") from None


def _overlaps(seqs: Any, after: int, through: int) -> bool:
    return seqs is None or (seqs.max > after and seqs.min <= through)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
