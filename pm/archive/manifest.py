"""The list of a book's archive files. What it does not list does not exist.

It is written whole or not at all, and holds its own hash: it is read only if it is, byte for byte,
what was written.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO, Literal

from pm.archive.errors import ArchiveDamaged
from pm.archive.layout import MANIFEST, book_folder
from pm.durable_files import write_whole
from pm.rules.digest import GENESIS_DIGEST

LAYOUT = 1

Place = Literal["archive", "cold"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRecord:
    """One file: entries `first_seq` to `last_seq` without holes, all of one day.

    `path` is relative to the book's folder, here or in the cold location. Times of receipt (ns) are
    the latest seen so far, so that they never fall. `lanes` has the last entry of each lane of
    which everything is in this file or an earlier one.
    """

    path: str
    first_seq: int
    last_seq: int
    entries: int
    first_received_at: int | None
    last_received_at: int | None
    digest_before: str
    digest_after: str
    sha256: str
    bytes: int
    place: Place
    lanes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Manifest:
    """The files of one book, in the order of their entries, each going on where the last ended."""

    book: str
    files: tuple[FileRecord, ...] = ()

    @property
    def last_seq(self) -> int:
        """The newest archived entry, 0 without any."""
        return self.files[-1].last_seq if self.files else 0

    @property
    def digest(self) -> str:
        """The digest of the newest archived entry."""
        return self.files[-1].digest_after if self.files else GENESIS_DIGEST

    @property
    def last_received_at(self) -> int | None:
        """The latest receipt of an archived entry, ns."""
        return self.files[-1].last_received_at if self.files else None

    def with_file(self, record: FileRecord) -> Manifest:
        """With one more file."""
        return replace(self, files=(*self.files, record))

    def with_place(self, path: str, place: Place) -> Manifest:
        """With one file lying elsewhere."""
        files = [replace(file, place=place) if file.path == path else file for file in self.files]
        return replace(self, files=tuple(files))

    def files_between(self, after: int, through: int) -> list[FileRecord]:
        """The files that hold any entry above `after` up to `through`."""
        return [file for file in self.files if file.last_seq > after and file.first_seq <= through]


def manifest_path(root: Path, book: str) -> Path:
    """Where a book's manifest lies."""
    return book_folder(root, book) / MANIFEST


def load(root: Path, book: str) -> Manifest:
    """A book's manifest, without files where there is none; ArchiveDamaged if it was changed."""
    path = manifest_path(root, book)
    try:
        found = path.read_bytes()
    except FileNotFoundError:
        return Manifest(book)
    try:
        manifest = _parse(json.loads(found))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise ArchiveDamaged(path, "is no manifest: it was damaged") from None
    if _text(manifest) != found:
        raise ArchiveDamaged(path, "does not have the hash it states: it was damaged")
    if manifest.book != book:
        raise ArchiveDamaged(path, f"is the manifest of book {manifest.book}")
    return manifest


def save(root: Path, manifest: Manifest, *, step: str) -> None:
    """Put a manifest in the place of the one before; `step` names its crash points."""
    path = manifest_path(root, manifest.book)
    content = _text(manifest)

    def write(file: BinaryIO) -> None:
        file.write(content)

    write_whole(path, write, step=step)


def _text(manifest: Manifest) -> bytes:
    told = {
        "layout": LAYOUT,
        "book": manifest.book,
        "files": [asdict(file) for file in manifest.files],
    }
    seal = sha256(json.dumps(told).encode()).hexdigest()
    return json.dumps({**told, "sha256": seal}, indent=1).encode() + b"\n"


def _parse(told: dict[str, Any]) -> Manifest:
    if told["layout"] != LAYOUT:
        raise ValueError(f"layout {told['layout']}")
    return Manifest(told["book"], tuple(FileRecord(**file) for file in told["files"]))
