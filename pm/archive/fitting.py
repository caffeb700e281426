"""Whether the books of a server are those whose history an archive holds.

A server that was emptied, or came back older, begins a second history with the first thing it
takes; the archived one then fits it no more. So it is looked for before that, and told.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import redis

from pm.archive import layout, manifest
from pm.archive.errors import ArchiveDamaged, ArchiveError
from pm.archive.manifest import Manifest
from pm.books import journal, opening
from pm.books.opening import BookError


def misfits(client: redis.Redis, root: Path) -> Iterator[str]:
    """A sentence for each archived book that the server has not, or not as it was archived."""
    yield from lost(client, root)
    for book in layout.listed_books(root):
        try:
            # The archive first: the server may only have gone on since.
            fault = _misfit(client, manifest.load(root, book))
        except (ArchiveDamaged, BookError) as error:
            fault = str(error)
        if fault:
            yield fault


def refuse_lost(client: redis.Redis, root: Path, book: str) -> None:
    """ArchiveError where opening a book would begin a second history beside the archived one."""
    if book in layout.listed_books(root) and not _is_there(client, book):
        raise ArchiveError(f"{_lost(book)}; to begin anew, move the archive away")


def lost(client: redis.Redis, root: Path) -> list[str]:
    """A sentence for each archived book that is not on the server."""
    return [_lost(book) for book in layout.listed_books(root) if not _is_there(client, book)]


def _is_there(client: redis.Redis, book: str) -> bool:
    try:
        return opening.head(client, book) is not None
    except BookError:
        return True  # damaged, which others tell


def _misfit(client: redis.Redis, known: Manifest) -> str:
    book, last = known.book, known.last_seq
    head = opening.head(client, book)
    if head is None:
        return ""
    if head.seq < last:
        return (
            f"book {book} stands at seq {head.seq} and the archive goes to {last}: the server lost"
            " entries; stop what writes to it and run `pm rebuild`"
        )
    stored = next(journal.read(client, book, after=last - 1, through=last), None)
    if stored is not None and stored.get("digest") != known.digest:
        return (
            f"book {book} is of another history than its archive: stop what writes to it;"
            f" `pm rebuild --book {book} --from archive` says how to go on"
        )
    return ""


def _lost(book: str) -> str:
    return (
        f"book {book} is in the archive and not on the server, which is new or lost it:"
        " `pm rebuild` puts it back"
    )
