"""Reads archived entries in order, wherever their files lie, never one that was damaged.

A file's bytes are compared with the manifest's hash when it is first read, and again when its size
or its time of change differ from what they were then.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import pyarrow.compute as pc
import pyarrow.parquet as pq

from pm.archive import layout, manifest
from pm.archive.cold import ColdStore
from pm.archive.columns import JOURNAL_COLUMNS, entries_of
from pm.archive.errors import ArchiveDamaged
from pm.archive.file_reading import batches, check_bytes, entries_between, parquet
from pm.archive.manifest import FileRecord, Manifest

_CHECKED: Final[dict[str, tuple[int, int, int, str]]] = {}
"""Files of this machine whose bytes were right: name -> what told that they are the same still."""


class _Known(NamedTuple):
    stamp: tuple[int, int, int]
    manifest: Manifest


class ParquetArchive:
    """The archive in a folder and a cold location; a `pm.history.Archive`. Threads may share it."""

    def __init__(self, root: Path, cold_path: str | None = None) -> None:
        self.root: Final = root
        self._cold_path: Final = cold_path
        self._cold: ColdStore | None = None
        self._manifests: dict[str, _Known] = {}

    def books(self) -> list[str]:
        """The books that have archived entries, or had."""
        return layout.books(self.root)

    def manifest(self, book: str) -> Manifest:
        """What there is of a book, as it stands now."""
        try:
            found = os.stat(manifest.manifest_path(self.root, book))
        except FileNotFoundError:
            return Manifest(book)
        stamp = (found.st_ino, found.st_size, found.st_mtime_ns)
        known = self._manifests.get(book)
        if known is None or known.stamp != stamp:
            known = _Known(stamp, manifest.load(self.root, book))
            self._manifests[book] = known
        return known.manifest

    def last_seq(self, book: str) -> int:
        """The newest archived entry of a book, 0 without any."""
        return self.manifest(book).last_seq

    def read(self, book: str, *, after: int, through: int) -> Iterator[dict[str, str]]:
        """Entries with a seq above `after` up to `through`, as `pm.books.journal.read` has them."""
        done = after
        for record in self.manifest(book).files_between(after, through):
            if record.first_seq > done + 1:
                return
            with self.opened(book, record) as (file, name):
                for entry in entries_between(file, name, done, through):
                    done += 1
                    if int(entry["seq"]) != done:
                        raise ArchiveDamaged(name, f"entry {done} is missing")
                    yield entry

    def first_received(self, book: str, time_ns: int) -> int | None:
        """The first archived seq received at `time_ns` or later; None when all are earlier."""
        latest: int | None = None
        for record in self.manifest(book).files:
            if record.last_received_at is not None and record.last_received_at >= time_ns:
                return self._first_received_in(book, record, latest, time_ns)
            latest = record.last_received_at
        return None

    def containing(self, book: str, text: str, *, through: int) -> Iterator[dict[str, str]]:
        """Entries up to `through` whose facts contain a text, file by file from the newest."""
        for record in reversed(self.manifest(book).files_between(0, through)):
            found: list[dict[str, str]] = []
            with self.opened(book, record) as (file, name):
                for batch in batches(file, name, JOURNAL_COLUMNS, 0, through):
                    mask = pc.match_substring(batch.column("facts"), text)
                    found += entries_of(batch.filter(mask))
            yield from reversed([entry for entry in found if int(entry["seq"]) <= through])

    def raw(self, book: str, *, after: int, through: int) -> Iterator[tuple[int, bytes]]:
        """Seq and bytes of the refused entries that had a record when they were archived."""
        for record in self.manifest(book).files_between(after, through):
            with self.opened(book, record) as (file, name):
                for batch in batches(file, name, ("seq", "raw"), after, through):
                    pairs = zip(*(batch.column(place).to_pylist() for place in (0, 1)), strict=True)
                    yield from (
                        (seq, raw)
                        for seq, raw in pairs
                        if raw is not None and after < seq <= through
                    )

    @contextmanager
    def opened(self, book: str, record: FileRecord) -> Iterator[tuple[pq.ParquetFile, str]]:
        """A file whose bytes are right, and its name; ArchiveDamaged if they are not."""
        with self._stream(book, record) as (stream, name):
            yield parquet(stream, name), name

    def stream(self, book: str, record: FileRecord) -> tuple[Any, str]:
        """A file as it lies there, unchecked, and its name; ArchiveDamaged if there is none."""
        try:
            return self._open(book, record)
        except FileNotFoundError:
            # It may have been moved since the manifest was read.
            moved = {file.path: file for file in self.manifest(book).files}.get(record.path)
            try:
                if moved is not None and moved.place != record.place:
                    return self._open(book, moved)
            except FileNotFoundError:
                pass
        raise ArchiveDamaged(self._name(book, record), "is listed in the manifest and missing")

    def cold(self, name: str = "") -> ColdStore:
        """The cold location; ArchiveDamaged about the file `name` if none is configured."""
        if self._cold_path is None:
            raise ArchiveDamaged(name, "was moved to a cold location: set storage.cold_path")
        if self._cold is None:
            self._cold = ColdStore(self._cold_path)
        return self._cold

    @contextmanager
    def _stream(self, book: str, record: FileRecord) -> Iterator[tuple[Any, str]]:
        stream, name = self.stream(book, record)
        with stream:
            stamp = _stamp(stream, record)
            if stamp is None or _CHECKED.get(name) != stamp:
                check_bytes(stream, name, record)
                if stamp is not None:
                    _CHECKED[name] = stamp
            yield stream, name

    def _open(self, book: str, record: FileRecord) -> tuple[Any, str]:
        name = self._name(book, record)
        if record.place == "archive":
            return open(name, "rb"), name
        return self.cold(record.path).open(book, record.path), name

    def _name(self, book: str, record: FileRecord) -> str:
        if record.place == "archive":
            return str(layout.book_folder(self.root, book) / record.path)
        return self.cold(record.path).name(book, record.path)

    def _first_received_in(
        self, book: str, record: FileRecord, latest: int | None, time_ns: int
    ) -> int:
        with self.opened(book, record) as (file, name):
            for batch in batches(file, name, ("seq", "received_at"), 0, record.last_seq):
                pairs = zip(*(batch.column(place).to_pylist() for place in (0, 1)), strict=True)
                for seq, received_at in pairs:
                    latest = max(latest or 0, received_at or 0)
                    if latest >= time_ns:
                        return int(seq)
        raise ArchiveDamaged(name, "holds no entry received as late as the manifest says")


def _stamp(stream: Any, record: FileRecord) -> tuple[int, int, int, str] | None:
    """What tells that a file of this machine is still the one that was checked."""
    if not isinstance(stream, io.BufferedReader):
        return None
    found = os.fstat(stream.fileno())
    return found.st_ino, found.st_size, found.st_mtime_ns, record.sha256
