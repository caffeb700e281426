"""Checks the archive end to end: every file's bytes, every entry's digest, every join."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pm.archive import layout
from pm.archive.errors import ArchiveDamaged
from pm.archive.file_writing import check_stream
from pm.archive.reader import ParquetArchive
from pm.rules.digest import GENESIS_DIGEST


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What was found of one book; `unlisted` files do not exist for any reader."""

    book: str
    files: int
    entries: int
    last_seq: int
    digest: str
    faults: tuple[str, ...]
    unlisted: tuple[str, ...]


def check_book(
    archive: ParquetArchive,
    book: str,
    progress: Callable[[int, int], None] = lambda done, all_: None,
) -> Checked:
    """Check every file of a book; each fault is one line. `progress`: entries done and in all."""
    try:
        known = archive.manifest(book)
    except ArchiveDamaged as error:
        return Checked(
            book=book, files=0, entries=0, last_seq=0, digest="", faults=(str(error),), unlisted=()
        )
    faults: list[str] = []
    seq, digest, entries = 0, GENESIS_DIGEST, 0
    for record in known.files:
        if record.first_seq != seq + 1:
            faults.append(f"book {book}: {record.path} does not begin at entry {seq + 1}")
        elif record.digest_before != digest:
            faults.append(f"book {book}: {record.path} does not follow from the file before")
        try:
            stream, name = archive.stream(book, record)
            with stream:
                check_stream(stream, name, record)
        except ArchiveDamaged as error:
            faults.append(str(error))
        seq, digest, entries = record.last_seq, record.digest_after, entries + record.entries
        progress(seq, known.last_seq)
    folder = layout.book_folder(archive.root, book)
    here = {record.path for record in known.files if record.place == "archive"}
    lying = (str(path.relative_to(folder)) for path in sorted(folder.glob(layout.ANY_FILE)))
    return Checked(
        book=book,
        files=len(known.files),
        entries=entries,
        last_seq=known.last_seq,
        digest=known.digest,
        faults=tuple(faults),
        unlisted=tuple(path for path in lying if path not in here),
    )
