"""Makes one Parquet file of entries, and proves that it says what they said.

A file is built in memory, compressed, and bounded by rows and bytes; then it is written aside,
synced and renamed, and read back from the disk: every entry's digest is computed again from what
the file says.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, Final

import pyarrow.parquet as pq

from pm.archive import layout
from pm.archive.columns import (
    DICTIONARY_COLUMNS,
    ENCODINGS,
    SCHEMA,
    ChainBroken,
    Rows,
    Told,
    check_chain,
)
from pm.archive.errors import ArchiveDamaged
from pm.archive.file_reading import entries_between, open_checked
from pm.archive.manifest import FileRecord
from pm.durable_files import ASIDE, write_whole

ROWS_A_GROUP: Final = 5_000
ROWS_A_FILE: Final = 100_000
BYTES_A_FILE: Final = 256 * 1024 * 1024


class FileDraft:
    """A file in the making: entries of one `day`, the first of them following `digest`."""

    def __init__(self, day: str, digest: str, *, compression: str, rows_max: int) -> None:
        self.day = day
        self._digest_before = self._digest = digest
        self._first_received_at: int | None = None
        self._received_at: int | None = None
        self._rows_max = rows_max
        self._rows = Rows()
        self._entries = 0
        self._first_seq = self._last_seq = 0
        self._lanes: dict[str, str] = {}
        self._buffer = io.BytesIO()
        self._writer = pq.ParquetWriter(
            self._buffer,
            SCHEMA,
            compression=compression.upper(),
            use_dictionary=DICTIONARY_COLUMNS,
            column_encoding=ENCODINGS,
            write_statistics=["seq", "received_at", "executed_at"],
        )

    @property
    def is_full(self) -> bool:
        """Whether the next entry belongs to another file."""
        return self._entries >= self._rows_max or self._buffer.tell() >= BYTES_A_FILE

    def add(
        self, entry: Mapping[str, str], told: Told, raw: bytes | None, received_at: int | None
    ) -> str:
        """Add the next entry; its digest. ChainBroken, with nothing added, if it is not the next.

        `received_at` is the latest receipt up to this entry.
        """
        seq = int(entry["seq"])
        if self._entries and seq != self._last_seq + 1:
            raise ChainBroken(self._last_seq + 1, f"is missing, {seq} follows")
        self._digest = check_chain(self._digest, entry)
        if not self._entries:
            self._first_seq, self._first_received_at = seq, received_at
        self._last_seq, self._received_at = seq, received_at
        self._entries += 1
        if told.lane is not None and told.is_last_of_lane_entry:
            self._lanes[told.lane] = told.lane_entry
        self._rows.add(entry, told, raw)
        if len(self._rows) >= ROWS_A_GROUP:
            self._flush()
        return self._digest

    def write(self, book_folder: Path) -> FileRecord:
        """Put the file in its place, read it back, and tell what it is."""
        self._flush()
        self._writer.close()
        content = self._buffer.getbuffer()
        path = layout.file_path(self.day, self._first_seq, self._last_seq)
        record = FileRecord(
            path=path,
            first_seq=self._first_seq,
            last_seq=self._last_seq,
            entries=self._entries,
            first_received_at=self._first_received_at,
            last_received_at=self._received_at,
            digest_before=self._digest_before,
            digest_after=self._digest,
            sha256=sha256(content).hexdigest(),
            bytes=len(content),
            place="archive",
            lanes=self._lanes,
        )
        whole = book_folder / path

        def write(file: BinaryIO) -> None:
            file.write(content)

        try:
            write_whole(whole, write, step="archive_file")
        except OSError:
            whole.with_name(whole.name + ASIDE).unlink(missing_ok=True)
            raise
        check_file(whole, record)
        return record

    def _flush(self) -> None:
        if len(self._rows):
            self._writer.write_table(self._rows.table())
            self._rows = Rows()


def check_file(path: Path, record: FileRecord) -> None:
    """Read a file whole; ArchiveDamaged unless it holds what its record says."""
    with open(path, "rb") as stream:
        check_stream(stream, str(path), record)


def check_stream(stream: io.BufferedIOBase, name: str, record: FileRecord) -> None:
    """Like `check_file`, for a file that is open; `name` is what errors call it."""
    file = open_checked(stream, name, record)
    digest, seq = record.digest_before, record.first_seq - 1
    for entry in entries_between(file, name, record.first_seq - 1, record.last_seq):
        seq += 1
        if int(entry["seq"]) != seq:
            raise ArchiveDamaged(name, f"entry {seq} is missing, {entry['seq']} follows")
        try:
            digest = check_chain(digest, entry)
        except ChainBroken as error:
            raise ArchiveDamaged(name, str(error)) from None
    if seq != record.last_seq or digest != record.digest_after:
        raise ArchiveDamaged(name, f"ends at entry {seq}, not as the manifest says")
