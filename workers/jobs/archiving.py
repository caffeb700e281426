"""The job that moves old journal entries to the archive and old files on to the cold location."""

from __future__ import annotations

import time

from redis import exceptions

from pm.archive import ArchiveBusy, ArchiveError
from pm.archive.archiving import archive_book
from pm.archive.fitting import lost
from pm.books import opening
from pm.books.opening import BookError
from pm.connect.errors import explain
from pm.wording import number_of
from workers.jobs.table import JobContext


def archive(context: JobContext) -> str:
    """Archive every book; one that cannot be does not keep the others from it."""
    entries, moved = 0, 0
    failed = lost(context.client, context.settings.archive_path)
    for book in opening.names(context.client):
        try:
            done = archive_book(context.client, context.settings, book, now_ns=time.time_ns())
        except ArchiveBusy:
            return "held by another archiver: the rest is left to it"
        except (ArchiveError, BookError) as error:
            failed.append(str(error))
        except (exceptions.ResponseError, OSError) as error:
            failed.append(f"book {book}: {explain(error, 'the archive')}")
        else:
            entries, moved = entries + done.entries, moved + done.moved_files
    if failed:
        raise ArchiveError("; ".join(failed))
    archived = number_of(entries, "entry", "entries")
    return f"{archived} archived, {number_of(moved, 'file')} moved to the cold location"
