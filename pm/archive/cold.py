"""The cold location: where files go that are hardly read any more, a folder or an fsspec URL."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any, BinaryIO, Final

import fsspec
from fsspec.implementations.local import LocalFileSystem

from pm.archive.errors import ArchiveError
from pm.archive.layout import book_folder
from pm.durable_files import ASIDE, write_whole

_IN_MEMORY_BYTES: Final = 32 * 1024 * 1024


class ColdStore:
    """Files by book and path; the names of errors are those a person would look for."""

    def __init__(self, location: str) -> None:
        try:
            self._files, self._root = fsspec.url_to_fs(location)
        except (ValueError, ImportError) as error:
            raise ArchiveError(f"storage.cold_path {location}: {error}") from None
        self._is_folder: Final = isinstance(self._files, LocalFileSystem)
        self._location: Final = location.rstrip("/")

    def name(self, book: str, path: str) -> str:
        """A file's name in errors."""
        return (
            str(book_folder(Path(self._root), book) / path)
            if self._is_folder
            else self._url(book, path)
        )

    def put(self, book: str, path: str, source: Path) -> None:
        """Copy a file there, under another name until it is whole."""
        target = self._target(book, path)
        with open(source, "rb") as stream:
            if self._is_folder:
                write_whole(
                    Path(target), lambda file: shutil.copyfileobj(stream, file), step="archive_cold"
                )
                return
            self._files.makedirs(target.rpartition("/")[0], exist_ok=True)
            with self._files.open(target + ASIDE, "wb") as copy:
                shutil.copyfileobj(stream, copy)
            self._files.mv(target + ASIDE, target)

    def open(self, book: str, path: str) -> BinaryIO:
        """A file of it, copied to this machine unless it lies on it; FileNotFoundError."""
        target = self._target(book, path)
        if self._is_folder:
            return open(target, "rb")
        copy: Any = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES)  # noqa: SIM115
        with self._files.open(target, "rb") as stream:
            shutil.copyfileobj(stream, copy)
        copy.seek(0)
        opened: BinaryIO = copy
        return opened

    def local_path(self, book: str, path: str) -> Path | None:
        """Where a file of it lies on this machine, None for one that does not."""
        return Path(self._target(book, path)) if self._is_folder else None

    def _target(self, book: str, path: str) -> str:
        return f"{self._root.rstrip('/')}/book={book}/{path}"

    def _url(self, book: str, path: str) -> str:
        return f"{self._location}/book={book}/{path}"
