"""The checkpoints of all books in one folder: `book=<book>/<seq>-<received_at>.jsonl.gz`.

A new one is written aside, synced and renamed. Writing thins: of those nearer together than the
interval only the older stays, and the newest always, so that the folder grows with the journal and
not with how often it is asked for one. A damaged file is named and the one before it used.
"""

from __future__ import annotations

import fcntl
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from pm.checkpoints.checkpoint import Checkpoint, CheckpointDamaged, read_from, write_to
from pm.durable_files import write_whole
from pm.settings import Settings

_SUFFIX = ".jsonl.gz"
_LOCK = ".lock"

log = logging.getLogger(__name__)


class Listed(NamedTuple):
    """A checkpoint as its file's name tells it; `received_at` in ns."""

    seq: int
    received_at: int
    path: Path


@dataclass(slots=True)
class Checkpoints:
    """The folder; `damaged` collects what was found unreadable, one line each."""

    folder: Path
    interval_entries: int
    damaged: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, settings: Settings) -> Checkpoints:
        """The folder the settings name."""
        return cls(settings.checkpoint_path, settings.storage.checkpoint_interval_entries)

    def write(self, checkpoint: Checkpoint) -> Path:
        """Keep a checkpoint, durably, and thin those before it; its file.

        Processes that write of the same book take turns.
        """
        name = f"{checkpoint.seq:020d}-{checkpoint.received_at}{_SUFFIX}"
        path = self._of(checkpoint.book) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path.with_name(_LOCK), "ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            write_whole(path, lambda file: write_to(file, checkpoint), step="checkpoint")
            self._thin(checkpoint.book)
        return path

    def newest_first(
        self, book: str, *, seq: int | None = None, time_ns: int | None = None
    ) -> Iterator[Checkpoint]:
        """Readable checkpoints at or before a seq and a time, each read when it is asked for."""
        for listed in reversed(self.listed(book)):
            if (seq is not None and listed.seq > seq) or (
                time_ns is not None and listed.received_at > time_ns
            ):
                continue
            try:
                yield read_from(listed.path, book, listed.seq)
            except CheckpointDamaged as error:
                self.reject(str(error))

    def reject(self, reason: str) -> None:
        """Name a checkpoint that cannot be used."""
        if reason not in self.damaged:
            self.damaged.append(reason)
            log.warning("checkpoint not used: %s", reason)

    def listed(self, book: str) -> list[Listed]:
        """What there is of a book, oldest first, by the names of the files."""
        folder = self._of(book)
        if not folder.is_dir():
            return []
        found = (_listed(path) for path in folder.iterdir())
        return sorted(listed for listed in found if listed is not None)

    def _of(self, book: str) -> Path:
        return self.folder / f"book={book}"

    def _thin(self, book: str) -> None:
        kept = 0
        *older, _newest = self.listed(book)
        for listed in older:
            if listed.seq - kept < self.interval_entries:
                listed.path.unlink(missing_ok=True)
            else:
                kept = listed.seq


def _listed(path: Path) -> Listed | None:
    seq, dash, received_at = path.name.removesuffix(_SUFFIX).partition("-")
    if not path.name.endswith(_SUFFIX) or not dash or not (seq + received_at).isdecimal():
        return None
    return Listed(int(seq), int(received_at), path)
