"""A book whose journal is archived bit by bit, and what it was before."""

from __future__ import annotations

import copy
import subprocess
import sys
from pathlib import Path
from typing import Any

import redis

from pm import keys
from pm.archive import open_archive
from pm.archive.archiving import Archived, Extent, archive_book
from pm.archive.reader import ParquetArchive
from pm.books import journal
from pm.history import History
from pm.settings import Settings, StorageSettings
from tests.attribution.told_books import ToldBook, random_book
from tests.cli.site import ROOT, clean_environment
from tests.servers import Server

NOW_NS = 1_900_000_000_000_000_000
ROWS_A_FILE = 40


class Site:
    """The book main on a server; `entries` are its journal as it was written."""

    def __init__(self, server: Server, settings: Settings) -> None:
        self.server = server
        self.client: redis.Redis = server.client()
        self.settings = settings
        self.entries = list(journal.read(self.client, "main"))

    def with_storage(self, **storage: Any) -> Site:
        """The same book and archive under other settings."""
        changed = copy.copy(self)
        changed.settings = Settings(data=self.settings.data, storage=StorageSettings(**storage))
        return changed

    @property
    def folder(self) -> Path:
        """The book's folder of the archive."""
        return self.settings.archive_path / "book=main"

    @property
    def archive(self) -> ParquetArchive:
        """The archive as a new process finds it."""
        found = open_archive(self.settings)
        assert found is not None
        return found

    def run(self, *, kept: int = 1, now_ns: int = NOW_NS, **extent: Any) -> Archived:
        """Archive by hand with an extent, by age without."""
        return archive_book(
            self.client,
            self.settings,
            "main",
            now_ns=now_ns,
            extent=Extent(kept_entries=kept, **extent) if extent else None,
            rows_a_file=ROWS_A_FILE,
        )

    def history(self, after: int = 0, through: int | None = None) -> list[dict[str, str]]:
        """What hot and archived entries read as."""
        history = History(self.client, open_archive(self.settings))
        return list(history.read("main", after=after, through=through))

    def hot_seqs(self) -> list[int]:
        """The seqs of the entries in Redis."""
        return [int(entry["seq"]) for entry in journal.read(self.client, "main")]

    def files(self) -> list[Path]:
        """Every file of the book but its manifest, also those left by a killed process."""
        return sorted(path for path in self.folder.rglob("*.parquet*"))

    def head(self) -> dict[str, str]:
        """What the server was told of the archive."""
        found: Any = self.client.hgetall(keys.archive_head("main"))
        return found

    def run_elsewhere(
        self, through: int, kept: int = 1, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Archive in a process of its own, with the same rows a file."""
        told = {
            "PM_DATA": str(self.settings.data),
            "PM_REDIS_URL": self.server.url,
            **{
                f"PM_STORAGE__{name.upper()}": str(value)
                for name, value in self.settings.storage.model_dump(exclude_unset=True).items()
            },
        }
        return subprocess.run(
            [sys.executable, "-m", "tests.archive.run", str(through), str(kept)],
            cwd=ROOT,
            env=clean_environment(**{**told, **environment}),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


def made(server: Server, folder: Path, *, seed: int = 7, events: int = 199, **storage: Any) -> Site:
    """A book of `events` random events of several days and one entry that opened it."""
    return put(server, folder, random_book(seed, events), **storage)


def put(server: Server, folder: Path, told: ToldBook, **storage: Any) -> Site:
    """A book put into a server, and settings of an archive in the folder."""
    told.store(server.client())
    return Site(server, Settings(data=folder / "data", storage=StorageSettings(**storage)))
