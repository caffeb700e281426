"""Reads a book's journal from wherever its entries lie, in order and without holes.

The newest entries are in Redis, older ones in the archive; for a while an entry is in both. Reading
may meet a trim: what has gone from Redis meanwhile is read from the archive. An entry that neither
has is a HistoryGap, never skipped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import redis

from pm.books import journal
from pm.rules.journal import follows


class HistoryGap(Exception):
    """An entry is neither in Redis nor in the archive; `seq` is its number."""

    def __init__(
        self,
        book: str,
        seq: int,
        following: int | None = None,
        *,
        is_beginning: bool = False,
        leaves_out: bool = False,
    ) -> None:
        """`following` is the next entry there is; `is_beginning`: the first one in Redis.

        `leaves_out`: there is an archive, and it was not to be read.
        """
        self.book = book
        self.seq = seq
        self.following = following
        if is_beginning and following is not None:
            gone = str(seq) if following == seq + 1 else f"{seq} to {following - 1}"
            archive = "the archive was left out" if leaves_out else "no archive is configured"
            fault = f"journal entries {gone} are archived and {archive}"
        else:
            after = "" if following is None else f", {following} follows"
            fault = f"journal entry {seq} is missing{after}"
        super().__init__(f"book {book}: {fault}")


class HistoryFork(HistoryGap):
    """The archive and Redis hold different histories: entry `seq` does not follow from the last."""

    def __init__(self, book: str, seq: int) -> None:
        super().__init__(book, seq)
        self.args = (
            f"book {book}: journal entry {seq} does not follow from the one before it:"
            " the archive is not that of this server",
        )


class Archive(Protocol):
    """What of the journals has been archived."""

    def books(self) -> Iterable[str]:
        """The books that something is archived of."""

    def last_seq(self, book: str) -> int:
        """The newest archived entry of a book, 0 without any."""

    def read(self, book: str, *, after: int, through: int) -> Iterator[dict[str, str]]:
        """Archived entries with a seq above `after` up to `through`, as `pm.books.journal.read`.

        Without holes and from `after` + 1 on, or not at all.
        """

    def first_received(self, book: str, time_ns: int) -> int | None:
        """About the first archived seq received at `time_ns` or later; None when all are earlier.

        Never too late: no entry before it was received at `time_ns` or later, up to the disorder
        of a day's receipts.
        """

    def raw(self, book: str, *, after: int, through: int) -> Iterator[tuple[int, bytes]]:
        """Bytes of refused entries, where the quarantine held them, by seq."""

    def containing(self, book: str, text: str, *, through: int) -> Iterator[dict[str, str]]:
        """Archived entries up to `through` whose facts contain `text`, the newest first."""


@dataclass(frozen=True, slots=True)
class History:
    """The journals of one server and one archive; either may be missing.

    `leaves_out` says that the archive is missing by choice, for whoever meets the gap.
    """

    client: redis.Redis | None
    archive: Archive | None = None
    leaves_out: bool = False

    def read(
        self, book: str, *, after: int = 0, through: int | None = None
    ) -> Iterator[dict[str, str]]:
        """Entries with a seq above `after` up to `through` (default: the end), each with its "seq".

        HistoryGap where an entry is missing before another one or before `through`, HistoryFork
        where archive and Redis do not fit together.
        """
        done, digest = after, ""
        while True:
            following: int | None = None
            is_join = bool(digest)
            for entry in self._hot(book, done, through):
                seq = int(entry["seq"])
                if seq != done + 1:
                    following = seq
                    break
                if is_join:
                    _check_follows(book, digest, entry)
                    is_join = False
                done, digest = seq, entry.get("digest", "")
                yield entry
            if following is None and (through is None or done >= through):
                following = self._end_of_archive(book, through)
                if following <= done + 1:
                    return
            reached = done
            end = (through or 0) if following is None else following - 1
            is_join = bool(digest)
            for entry in self._archived(book, done, end):
                if is_join:
                    _check_follows(book, digest, entry)
                    is_join = False
                done, digest = int(entry["seq"]), entry.get("digest", "")
                yield entry
            if done == reached:
                raise self._gap(book, done + 1, following)

    def _gap(self, book: str, seq: int, following: int | None) -> HistoryGap:
        left_out = self.leaves_out
        if self.client is not None and self.archive is None:
            first = next(journal.read(self.client, book), None)
            if first is not None and int(first["seq"]) > seq:
                return HistoryGap(
                    book, seq, int(first["seq"]), is_beginning=True, leaves_out=left_out
                )
        return HistoryGap(book, seq, following, leaves_out=left_out)

    def raws(self, book: str, *, after: int, through: int) -> dict[int, bytes]:
        """The bytes of refused entries that the archive has, by seq."""
        if self.archive is None:
            return {}
        return dict(self.archive.raw(book, after=after, through=through))

    def _hot(self, book: str, after: int, through: int | None) -> Iterator[dict[str, str]]:
        if self.client is not None:
            yield from journal.read(self.client, book, after=after, through=through)

    def _archived(self, book: str, after: int, through: int) -> Iterator[dict[str, str]]:
        if self.archive is not None:
            yield from self.archive.read(book, after=after, through=through)

    def _end_of_archive(self, book: str, through: int | None) -> int:
        """One more than the last archived seq that is wanted."""
        last = 0 if self.archive is None else self.archive.last_seq(book)
        return 1 + (last if through is None else min(last, through))


def _check_follows(book: str, digest: str, entry: Mapping[str, str]) -> None:
    if not follows(entry, digest):
        raise HistoryFork(book, int(entry["seq"]))
