"""Moves old files to the cold location: copied, compared there, listed there, only then deleted."""

from __future__ import annotations

from pathlib import Path

from pm.archive import layout, manifest
from pm.archive.file_reading import check_bytes
from pm.archive.manifest import Manifest
from pm.archive.reader import ParquetArchive
from pm.crash_points import crash_point
from pm.durable_files import sync_folder


def move_to_cold(archive: ParquetArchive, known: Manifest, *, before_day: str) -> Manifest:
    """Move every file of a day before `before_day`; the manifest after it.

    ArchiveDamaged about a file that is not what the manifest says, here or there: nothing is
    deleted then.
    """
    book, cold = known.book, archive.cold()
    for record in known.files:
        if record.place == "cold" or layout.day_of(record.path) >= before_day:
            continue
        source, name = archive.stream(book, record)
        with source:
            check_bytes(source, name, record)
        cold.put(book, record.path, Path(name))
        with cold.open(book, record.path) as copy:
            check_bytes(copy, cold.name(book, record.path), record)
        crash_point("archive_cold_checked")
        known = known.with_place(record.path, "cold")
        manifest.save(archive.root, known, step="archive_cold_manifest")
        _delete(Path(name))
    return known


def discard(archive: ParquetArchive, known: Manifest) -> None:
    """Delete what a killed run left: files that lie in the cold location, and unlisted newer ones.

    An unlisted file's entries are still in Redis, because nothing is trimmed before it is listed.
    """
    folder = layout.book_folder(archive.root, known.book)
    here = {record.path for record in known.files if record.place == "archive"}
    for path in sorted(folder.glob(layout.ANY_FILE)):
        if str(path.relative_to(folder)) not in here:
            _delete(path)


def _delete(path: Path) -> None:
    """Delete a file, and the folder of its day if it was the last."""
    path.unlink()
    sync_folder(path.parent)
    crash_point("archive_deleted")
    if not any(path.parent.iterdir()):
        path.parent.rmdir()
