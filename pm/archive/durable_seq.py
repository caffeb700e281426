"""Up to where a book's journal cannot be lost any more: no further may the archive go.

Entries that a crash or a failover could take from the server must not be in the archive, or it
would hold a history that never was.
"""

from __future__ import annotations

import time
from typing import Any, Final

import redis
from redis import exceptions

from pm import keys
from pm.archive.errors import ArchiveError
from pm.books import opening
from pm.books.opening import BookError
from pm.connect.replies import text_of

FSYNC_WITHIN_MS: Final = 10_000
REPLICA_WITHIN_MS: Final = 3_000
_FSYNC_EVERY_S: Final = 2.0


def durable_seq(client: redis.Redis, book: str, *, now_ns: int, allow_no_persistence: bool) -> int:
    """A seq of the book that its state has reached and the server can no longer lose.

    Under `appendfsync always` a server answers only what it has synced. Otherwise it is asked to
    wait (WAITAOF), or where it cannot, watched until a sync that began later has ended. Where
    replicas follow it, one of them must have the seq too. ArchiveError if nothing proves it.
    """
    head = opening.head(client, book)
    if head is None:
        raise BookError(f"book {book} does not exist")
    told: Any = client.info("persistence")
    if int(told.get("aof_enabled", 0)):
        if _appendfsync(client) != "always" and not _is_synced(client, book, now_ns):
            _watch_two_syncs(client, book)
    elif not allow_no_persistence:
        raise ArchiveError(
            f"book {book}: the server keeps nothing on disk (appendonly no), and what it could lose"
            " is not archived: set appendonly yes, or redis.allow_no_persistence = true"
        )
    _check_replicas(client, book, now_ns)
    return head.seq


def _check_replicas(client: redis.Redis, book: str, now_ns: int) -> None:
    told: Any = client.info("replication")
    if int(told.get("connected_slaves", 0)):
        reached = _after_a_write(client, book, now_ns, "WAIT", "1", str(REPLICA_WITHIN_MS))
        if isinstance(reached, Exception):
            raise reached
        if int(reached) < 1:
            raise ArchiveError(
                f"book {book}: no replica answered within {REPLICA_WITHIN_MS / 1000:g} s,"
                " and what a failover could lose is not archived"
            )


def _appendfsync(client: redis.Redis) -> str:
    try:
        found: Any = client.config_get("appendfsync")
    except exceptions.NoPermissionError:
        return "unknown"
    return "".join(text_of(value) for value in found.values())


def _is_synced(client: redis.Redis, book: str, now_ns: int) -> bool:
    """Whether the server waited for its disk; False where it cannot."""
    waited = _after_a_write(client, book, now_ns, "WAITAOF", "1", "0", str(FSYNC_WITHIN_MS))
    if isinstance(waited, exceptions.ResponseError) and "unknown command" in str(waited):
        return False
    if isinstance(waited, Exception):
        raise waited
    if int(waited[0]) < 1:
        raise ArchiveError(
            f"book {book}: the server did not sync its file within {FSYNC_WITHIN_MS / 1000:g} s,"
            " and what it could lose is not archived"
        )
    return True


def _after_a_write(client: redis.Redis, book: str, now_ns: int, *command: str) -> Any:
    """The reply to a command that waits for what its own connection wrote, or the error."""
    pipeline: Any = client.pipeline(transaction=False)
    pipeline.hset(keys.archive_head(book), "asked_at", str(now_ns))
    pipeline.execute_command(*command)
    written, waited = pipeline.execute(raise_on_error=False)
    if isinstance(written, Exception):
        raise written
    return waited


def _watch_two_syncs(client: redis.Redis, book: str) -> None:
    """Wait until no sync is under way, twice: one that began after the first time has ended."""
    if _appendfsync(client) != "everysec":
        raise ArchiveError(
            f"book {book}: the server does not tell when its file is synced, and what it could lose"
            " is not archived: set appendfsync always or everysec"
        )
    deadline = time.monotonic() + FSYNC_WITHIN_MS / 1000
    quiet = 0
    while quiet < 2:
        time.sleep(_FSYNC_EVERY_S)
        told: Any = client.info("persistence")
        is_right = told.get("aof_last_write_status", "ok") == "ok"
        quiet += is_right and not int(told.get("aof_pending_bio_fsync", 0))
        if quiet < 2 and time.monotonic() > deadline:
            raise ArchiveError(
                f"book {book}: the server does not get to sync its file, and what it could lose is"
                " not archived"
            )
