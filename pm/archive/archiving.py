"""Moves a book's older journal entries to the archive, and takes them from Redis.

In this order, so that a death at any step loses and doubles nothing: entries are read and their
chain is checked; a file is written, synced, read back; the manifest lists it; then Redis is
trimmed. What a killed run left unlisted is written anew by the next.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import redis

from pm import keys
from pm.archive import layout, manifest
from pm.archive.columns import ChainBroken, Told, told_of
from pm.archive.continuing import check_continues
from pm.archive.durable_seq import durable_seq
from pm.archive.errors import ArchiveError
from pm.archive.file_writing import ROWS_A_FILE, FileDraft
from pm.archive.locking import locked
from pm.archive.manifest import Manifest
from pm.archive.reader import ParquetArchive
from pm.archive.transition import discard, move_to_cold
from pm.archive.trimming import trim
from pm.books import journal
from pm.crash_points import crash_point
from pm.days import DAY_NS, utc_day
from pm.settings import Settings

KEPT_ENTRIES: Final = 10_000
"""How many of the newest entries stay in Redis: feeds and searches rarely go back further."""

_READ_AT_ONCE: Final = 500

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """What to archive by hand, instead of what is older than the retention.

    `through` a seq, received before `before_ns`, all but the newest `all_but`: what all of them
    allow. `kept_entries` of the newest stay in Redis as well.
    """

    through: int | None = None
    before_ns: int | None = None
    all_but: int | None = None
    kept_entries: int = KEPT_ENTRIES


@dataclass(frozen=True, slots=True, kw_only=True)
class Archived:
    """What a run did to one book; seqs are those after it, counts what it added or took."""

    book: str
    entries: int
    files: int
    bytes: int
    archived_through: int
    trimmed_through: int
    trimmed_entries: int
    trimmed_lane_entries: int
    moved_files: int


def archive_book(
    client: redis.Redis,
    settings: Settings,
    book: str,
    *,
    now_ns: int,
    extent: Extent | None = None,
    rows_a_file: int = ROWS_A_FILE,
    progress: Progress = lambda done, all_: None,
) -> Archived:
    """Archive what is older than the retention (or the extent), trim it, move old files.

    Whole UTC days are archived by age, so that a day has few files. ArchiveError (of which
    ArchiveBusy, ArchiveDamaged) says what is in the way; BookError where there is no such book.
    `progress` is told entries done and entries that may be in all.
    """
    if extent is None and not settings.storage.archive_completed_trades:
        return _nothing(client, settings, book)
    archive = ParquetArchive(settings.archive_path, settings.storage.cold_path)
    with locked(archive.root):
        known = manifest.load(archive.root, book)
        seq = durable_seq(
            client, book, now_ns=now_ns, allow_no_persistence=settings.redis.allow_no_persistence
        )
        check_continues(client, archive.root, known, seq)
        discard(archive, known)
        wanted = extent or Extent()
        compression = settings.storage.archive_compression
        run = _Run(client, archive, known, now_ns, compression, rows_a_file)
        age_ns = None if extent else _whole_days_before(now_ns, settings.storage)
        run.take(wanted, seq, age_ns, progress)
        trimmed = trim(
            client, archive, run.known, newest_seq=seq - max(1, wanted.kept_entries), now_ns=now_ns
        )
        moved = run.move(settings, now_ns)
    return Archived(
        book=book,
        entries=run.entries,
        files=run.files,
        bytes=run.bytes,
        archived_through=run.known.last_seq,
        trimmed_through=trimmed.through,
        trimmed_entries=trimmed.journal_entries,
        trimmed_lane_entries=trimmed.lane_entries,
        moved_files=moved,
    )


class _Run:
    """One run's writing; `known` is the manifest as it stands.

    A receipt later than `now_ns` is of a wrong clock and tells nothing: it would keep every entry
    after it from ever growing old.
    """

    def __init__(
        self,
        client: redis.Redis,
        archive: ParquetArchive,
        known: Manifest,
        now_ns: int,
        compression: str,
        rows_a_file: int,
    ) -> None:
        self.known = known
        self.entries = self.files = self.bytes = 0
        self._client, self._archive, self._now_ns = client, archive, now_ns
        self._compression, self._rows_a_file = compression, rows_a_file

    def take(self, extent: Extent, seq: int, age_ns: int | None, progress: Progress) -> None:
        """Write the entries of an extent, up to `seq` at most; by age those before `age_ns`."""
        through = min(seq, seq if extent.through is None else extent.through)
        if extent.all_but is not None:
            through = min(through, seq - extent.all_but)
        before_ns = extent.before_ns if age_ns is None else age_ns
        after = self.known.last_seq
        latest = self.known.last_received_at
        if latest is None:
            latest = self._first_receipt(through)
        draft: FileDraft | None = None
        for entry, told, raw in self._read(after, through):
            if told.received_at is not None and told.received_at <= self._now_ns:
                latest = max(latest or 0, told.received_at)
            if before_ns is not None and (latest is None or latest >= before_ns):
                break
            day = layout.day_of_receipt(latest)
            if draft is not None and (draft.is_full or draft.day != day):
                self._finish(draft)
                draft = None
            draft = draft or self._draft(day)
            try:
                draft.add(entry, told, raw, latest)
            except ChainBroken as error:
                raise ArchiveError(
                    f"book {self.known.book}: {error}; nothing was trimmed"
                ) from None
            progress(int(entry["seq"]) - after, through - after)
        if draft is not None:
            self._finish(draft)

    def move(self, settings: Settings, now_ns: int) -> int:
        """Move files that are old enough to the cold location, if there is one; how many."""
        if settings.storage.cold_path is None:
            return 0
        days = settings.storage.cold_storage_transition_days
        before_day = utc_day(now_ns - days * DAY_NS)
        moved = sum(record.place == "cold" for record in self.known.files)
        self.known = move_to_cold(self._archive, self.known, before_day=before_day)
        return sum(record.place == "cold" for record in self.known.files) - moved

    def _draft(self, day: str) -> FileDraft:
        return FileDraft(
            day, self.known.digest, compression=self._compression, rows_max=self._rows_a_file
        )

    def _finish(self, draft: FileDraft) -> None:
        folder = layout.book_folder(self._archive.root, self.known.book)
        try:
            record = draft.write(folder)
            crash_point("archive_file_checked")
            known = self.known.with_file(record)
            manifest.save(self._archive.root, known, step="archive_manifest")
        except OSError as error:
            raise ArchiveError(f"{folder}: {error.strerror}; nothing more was archived") from None
        self.known = known
        self.entries += record.entries
        self.files += 1
        self.bytes += record.bytes

    def _first_receipt(self, through: int) -> int | None:
        """When the first entry that knows was received: those before it belong to its day."""
        for entry in journal.read(self._client, self.known.book, through=through):
            received_at = told_of(entry).received_at
            if received_at is not None and received_at <= self._now_ns:
                return received_at
        return None

    def _read(
        self, after: int, through: int
    ) -> Iterator[tuple[dict[str, str], Told, bytes | None]]:
        """Entries with what their facts tell and what the quarantine holds of them."""
        entries = journal.read(self._client, self.known.book, after=after, through=through)
        while part := list(itertools.islice(entries, _READ_AT_ONCE)):
            raws = self._raws([entry["seq"] for entry in part if entry["result"] == "refused"])
            for entry in part:
                yield entry, told_of(entry), raws.get(entry["seq"])

    def _raws(self, seqs: Sequence[str]) -> dict[str, bytes]:
        if not seqs:
            return {}
        pipeline: Any = self._client.pipeline(transaction=False)
        for seq in seqs:
            key = keys.quarantine(self.known.book)
            pipeline.execute_command("XRANGE", key, f"{seq}-0", f"{seq}-0", NEVER_DECODE=True)
        found = {}
        for seq, records in zip(seqs, pipeline.execute(), strict=True):
            if records:
                found[seq] = records[0][1][b"raw"]
        return found


def _whole_days_before(now_ns: int, storage: Any) -> int:
    oldest = now_ns - storage.hot_data_retention_days * DAY_NS
    return int(oldest - oldest % DAY_NS)


def _nothing(client: redis.Redis, settings: Settings, book: str) -> Archived:
    known: Any = client.hget(keys.archive_head(book), "trimmed_through")
    return Archived(
        book=book,
        entries=0,
        files=0,
        bytes=0,
        archived_through=manifest.load(settings.archive_path, book).last_seq,
        trimmed_through=int(known or 0),
        trimmed_entries=0,
        trimmed_lane_entries=0,
        moved_files=0,
    )
