"""The cold location: where files go that are hardly read any more, a folder or an fsspec URL."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any, BinaryIO, Final

import fsspec
from fsspec.implementations.local import LocalFileSystem

from pm.archive.errors import ArchiveError
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
        root = self._root if self._is_folder else self._location
        return f"{root}/book={book}/{path}"

    def put(self, book: str, path: str, source: Path) -> None:
        """Copy a file there, under another name until it is whole."""
        target = self._target(book, path)
        try:
            with open(source, "rb") as stream:
                if self._is_folder:
                    self._put_into_folder(Path(target), stream)
                    return
                self._files.makedirs(target.rpartition("/")[0], exist_ok=True)
                with self._files.open(target + ASIDE, "wb") as copy:
                    shutil.copyfileobj(stream, copy)
                self._files.mv(target + ASIDE, target)
        except OSError as error:
            raise self._failed(book, path, error) from None

    def open(self, book: str, path: str) -> BinaryIO:
        """A file of it, copied to this machine unless it lies on it; FileNotFoundError."""
        target = self._target(book, path)
        try:
            if self._is_folder:
                return open(target, "rb")
            copy: Any = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES)  # noqa: SIM115
            with self._files.open(target, "rb") as stream:
                shutil.copyfileobj(stream, copy)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise self._failed(book, path, error) from None
        copy.seek(0)
        opened: BinaryIO = copy
        return opened

    def _put_into_folder(self, target: Path, stream: BinaryIO) -> None:
        try:
            write_whole(target, lambda file: shutil.copyfileobj(stream, file), step="archive_cold")
        except OSError:
            target.with_name(target.name + ASIDE).unlink(missing_ok=True)
            raise

    def _target(self, book: str, path: str) -> str:
        return f"{self._root.rstrip('/')}/book={book}/{path}"

    def _failed(self, book: str, path: str, error: OSError) -> ArchiveError:
        return ArchiveError(f"{self.name(book, path)}: {error.strerror or error}")
