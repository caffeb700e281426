"""What can go wrong with the archive; each text is one line naming the book or the file."""

from __future__ import annotations

from pathlib import Path


class ArchiveError(Exception):
    """Nothing can be archived, or moved, as things are; nothing was lost."""


class ArchiveBusy(ArchiveError):
    """Another process is archiving into the same folder."""


class ArchiveDamaged(ArchiveError):
    """A file of the archive is not what was written; `path` is the file."""

    def __init__(self, path: Path | str, fault: str) -> None:
        super().__init__(f"{path}: {fault}")
        self.path = str(path)
        self.fault = fault
