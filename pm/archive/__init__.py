"""The journals' older entries in Parquet files: written, checked, trimmed from Redis, read again.

`pm.archive.archiving.archive_book` moves entries there. Reading goes through `open_archive`, which
costs nothing where there is no archive.
"""

from pm.archive.errors import ArchiveBusy, ArchiveDamaged, ArchiveError
from pm.archive.opening import open_archive

__all__ = ["ArchiveBusy", "ArchiveDamaged", "ArchiveError", "open_archive"]
