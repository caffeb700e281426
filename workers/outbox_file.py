"""The outbox as a file: its lock, its format, and what SQLite's errors mean here.

One SQLite database in WAL mode with synchronous=FULL, so that a commit that returned survives a
power cut. A lock beside it makes it one gateway per outbox. Errors that may pass (no room, a
failing disk, a backup tool's lock) are kept apart from those that will not.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

FORMAT: Final = 1
_APPLICATION_ID: Final = 0x504D4F42  # "PMOB"
_LOCK_WAIT_S: Final = 10.0
# Room, a failing disk or a lock held by a backup tool may come right again; the rest does not.
_PASSING: Final = frozenset(
    {
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_NOMEM,
    }
)

_TABLES: Final = """
CREATE TABLE outbox (identity TEXT NOT NULL);
CREATE TABLE lanes (
  id INTEGER PRIMARY KEY, source TEXT NOT NULL, book TEXT NOT NULL, last INTEGER NOT NULL,
  UNIQUE (source, book));
CREATE TABLE entries (
  lane INTEGER NOT NULL, number INTEGER NOT NULL, received_at INTEGER NOT NULL,
  frame BLOB NOT NULL, context BLOB NOT NULL, PRIMARY KEY (lane, number)) WITHOUT ROWID;
CREATE TABLE marks (lane INTEGER NOT NULL, at INTEGER NOT NULL, number INTEGER NOT NULL);
CREATE TABLE orders (order_id INTEGER PRIMARY KEY, known BLOB NOT NULL, seen_hour INTEGER NOT NULL);
CREATE INDEX orders_by_hour ON orders (seen_hour);
"""


class OutboxError(Exception):
    """The outbox cannot be used; the text is one line naming the file and the reason."""


class OutboxUnavailable(OutboxError):
    """The outbox took nothing just now (no room, a failing disk); the same may work later."""


def take_lock(path: Path) -> int:
    """A descriptor that holds the outbox until it is closed; OutboxError if another does."""
    # A file beside the database: closing any descriptor of that one drops SQLite's own locks.
    place = path.with_name(path.name + ".lock")
    try:
        lock = os.open(place, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise OutboxError(f"{place}: cannot be opened: {error.strerror}") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(lock, 20, 0).decode(errors="replace").strip() or "unknown"
        os.close(lock)
        raise OutboxError(f"{path}: another gateway (pid {holder}) uses this outbox") from None
    os.ftruncate(lock, 0)
    os.pwrite(lock, str(os.getpid()).encode(), 0)
    return lock


def connect(path: Path) -> sqlite3.Connection:
    """A connection of one thread at a time, its commits synced."""
    database = sqlite3.connect(
        path, timeout=_LOCK_WAIT_S, isolation_level=None, check_same_thread=False
    )
    try:
        (mode,) = database.execute("PRAGMA journal_mode = WAL").fetchone()
        if mode != "wal":
            raise OutboxError(f"{path}: its file system cannot hold a write-ahead log")
        database.execute("PRAGMA synchronous = FULL")
    except BaseException:
        database.close()
        raise
    return database


def prepare(path: Path, database: sqlite3.Connection) -> None:
    """Make the tables in an empty file; OutboxError for a file of another kind or format."""
    (application,) = database.execute("PRAGMA application_id").fetchone()
    (found,) = database.execute("PRAGMA user_version").fetchone()
    (tables,) = database.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if tables == 0:
        _create(database)
        _sync_folder(path.parent)
    elif application != _APPLICATION_ID:
        raise OutboxError(f"{path}: is a database, but not an outbox")
    elif found != FORMAT:
        raise OutboxError(f"{path}: has format {found}, this program knows {FORMAT}")


def _create(database: sqlite3.Connection) -> None:
    tables = [statement for statement in _TABLES.split(";") if statement.strip()]
    database.execute("BEGIN IMMEDIATE")
    for statement in tables:
        database.execute(statement)
    database.execute("INSERT INTO outbox VALUES (?)", (uuid.uuid4().hex,))
    database.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
    database.execute(f"PRAGMA user_version = {FORMAT}")
    database.execute("COMMIT")


def _sync_folder(folder: Path) -> None:
    # SQLite syncs the file but not its name, and a lost outbox is a lost claim on its lanes.
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def in_one_line(path: Path) -> Iterator[None]:
    """Turn what SQLite raises inside the block into an OutboxError about `path`."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", None)
        if code is not None and code & 0xFF in _PASSING:
            raise OutboxUnavailable(f"{path}: {error}") from error
        raise OutboxError(f"{path}: the outbox is damaged or unusable: {error}") from error
