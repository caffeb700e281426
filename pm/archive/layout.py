"""Where the archive's files lie: one folder a book, in it one a UTC day, as Hive partitions.

Names carry the first and the last seq with leading zeros, so that they sort as the entries do.
"""

from __future__ import annotations

from pathlib import Path

from pm.days import utc_day

MANIFEST = "manifest.json"
FIRST_DAY = "1970-01-01"
"""The day of entries before which nothing tells when it was received."""

ANY_FILE = "date=*/*.parquet*"
"""Every file of a book, also one whose writer died."""

_BOOK = "book="


def book_folder(root: Path, book: str) -> Path:
    """The folder of a book's files and manifest."""
    return root / f"{_BOOK}{book}"


def books(root: Path) -> list[str]:
    """The books that have a folder, sorted."""
    return sorted(path.name.removeprefix(_BOOK) for path in root.glob(f"{_BOOK}*") if path.is_dir())


def listed_books(root: Path) -> list[str]:
    """The books of which something has been archived, sorted: they have a manifest."""
    return [book for book in books(root) if (book_folder(root, book) / MANIFEST).is_file()]


def file_path(day: str, first_seq: int, last_seq: int) -> str:
    """A file's path in its book's folder."""
    return f"date={day}/{first_seq:020d}-{last_seq:020d}.parquet"


def day_of(path: str) -> str:
    """The day in a file's path."""
    return path.partition("/")[0].removeprefix("date=")


def day_of_receipt(received_at: int | None) -> str:
    """The UTC day of a time, FIRST_DAY for an unknown one."""
    return FIRST_DAY if received_at is None else utc_day(received_at)
