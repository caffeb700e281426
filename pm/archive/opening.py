"""Opens the archive the settings name, where there is one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pm.archive import layout
from pm.settings import Settings

if TYPE_CHECKING:
    from pm.archive.reader import ParquetArchive


def open_archive(settings: Settings) -> ParquetArchive | None:
    """The archive at the settings' path; None while it holds no book."""
    root = settings.archive_path
    if not layout.books(root):
        return None
    # Most processes never meet an archive, and loading the Parquet library takes a while.
    from pm.archive.reader import ParquetArchive

    return ParquetArchive(root, settings.storage.cold_path)
