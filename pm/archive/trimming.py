"""Takes from Redis what the archive holds: the journal's oldest entries, and those of its lanes.

Only by MINID, only what the manifest lists in files that are whole, and never what somebody reads
on from: the newest entries, what the valuation process has not seen, lane entries after a cursor
or of a refused event that may be replayed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import redis

from pm import keys
from pm.archive.file_reading import check_bytes
from pm.archive.manifest import FileRecord, Manifest
from pm.archive.reader import ParquetArchive
from pm.books import lanes
from pm.connect.replies import text_of
from pm.crash_points import crash_point

ENTRIES_A_TRIM: Final = 2_000
_QUARANTINED_A_READ: Final = 500
_SEEN: Final = "fees_seen"


class Trimmed(NamedTuple):
    """How many entries were taken from Redis, and through which seq the journal is gone there."""

    journal_entries: int
    lane_entries: int
    through: int


def trim(
    client: redis.Redis, archive: ParquetArchive, known: Manifest, *, newest_seq: int, now_ns: int
) -> Trimmed:
    """Trim the journal through `newest_seq` at most, and the lanes.

    What cannot be read back (ArchiveDamaged) is not trimmed.
    """
    book = known.book
    through = min(known.last_seq, newest_seq, _seen_seq(client, book))
    first = _first_seq(client, book)
    taken = 0
    if first is not None and first <= through:
        for record in known.files_between(first - 1, through):
            stream, name = archive.stream(book, record)
            with stream:
                check_bytes(stream, name, record)
        taken = _trim_journal(client, book, first, through)
    gone = min(known.last_seq, max(through, 0) if first is None else max(first - 1, through))
    lane_entries = _trim_lanes(client, book, known.files)
    _note(client, known, gone, now_ns)
    return Trimmed(taken, lane_entries, gone)


def _trim_journal(client: redis.Redis, book: str, first: int, through: int) -> int:
    """In steps, so that nobody waits long for one."""
    taken = 0
    for start in range(first, through + 1, ENTRIES_A_TRIM):
        kept_from = min(start + ENTRIES_A_TRIM, through + 1)
        taken += _xtrim(client, keys.journal(book), f"{kept_from}-0")
        crash_point("archive_journal_trimmed")
    return taken


def _trim_lanes(client: redis.Redis, book: str, files: Sequence[FileRecord]) -> int:
    """Lane entries whose every event is archived; the last of each lane stays."""
    archived: dict[str, str] = {}
    for record in files:
        archived.update(record.lanes)
    if not archived:
        return 0
    cursors = lanes.cursors(client, book, list(archived))
    wanted = _replayable(client, book)
    taken = 0
    for lane, entry in archived.items():
        cursor = lanes.Cursor.parse(cursors[lane])
        kept_from = min((entry, cursor.entry, wanted.get(lane, entry)), key=lanes.order_of)
        taken += _xtrim(client, keys.lane(book, lane), kept_from)
        crash_point("archive_lane_trimmed")
    return taken


def _replayable(client: redis.Redis, book: str) -> Mapping[str, str]:
    """The oldest entry of each lane that the quarantine may need for a replay."""
    found: dict[str, str] = {}
    start = "-"
    execute: Any = client.execute_command
    while True:
        entries: Any = execute(
            "XRANGE",
            keys.quarantine(book),
            start,
            "+",
            "COUNT",
            _QUARANTINED_A_READ,
            NEVER_DECODE=True,
        )
        for _, fields in entries:
            facts = json.loads(fields.get(b"facts", b"{}"))
            if "lane" in facts:
                lane, entry = facts["lane"], facts["entry"]
                found[lane] = min(found.get(lane, entry), entry, key=lanes.order_of)
        if len(entries) < _QUARANTINED_A_READ:
            return found
        start = f"({entries[-1][0].decode()}"


def _seen_seq(client: redis.Redis, book: str) -> int:
    """Up to where the valuation process has read the journal; all of it where none ever ran."""
    seen: Any = client.hget(keys.valuation(book), _SEEN)
    return 2**63 if seen is None else int(seen)


def _first_seq(client: redis.Redis, book: str) -> int | None:
    entries: Any = client.xrange(keys.journal(book), count=1)
    return None if not entries else int(text_of(entries[0][0]).partition("-")[0])


def _note(client: redis.Redis, known: Manifest, trimmed: int, now_ns: int) -> None:
    told = {
        "archived_through": str(known.last_seq),
        "trimmed_through": str(trimmed),
        "at": str(now_ns),
    }
    fields: Any = told
    client.hset(keys.archive_head(known.book), mapping=fields)


def _xtrim(client: redis.Redis, key: str, kept_from: str) -> int:
    """Drop every entry before `kept_from`; exactly, for "~" may keep any number of them."""
    untyped: Any = client
    return int(untyped.execute_command("XTRIM", key, "MINID", "=", kept_from))
