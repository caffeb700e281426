"""Makes the corrections that wait in books, from within a command: no worker may be running."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import redis

from pm.archive import open_archive
from pm.books.submitting import Submitter
from pm.cli.session import Failure, Session
from pm.corrections import requests
from pm.corrections.making import Corrections
from pm.history.history import History, HistoryGap

Made = Counter[str]


def make_corrections(current: Session, client: redis.Redis, books: Iterable[str]) -> Made:
    """What has become of every correction that was open; `client` must not decode."""
    submitter = Submitter(
        client,
        quarantine_max=current.settings.portfolio_manager.quarantine_max_entries,
        sharded_updates=current.settings.redis.sharded_updates,
    )
    corrections, made = (
        Corrections(client, submitter, History(client, open_archive(current.settings))),
        Counter[str](),
    )
    try:
        for book in books:
            for name in requests.open_names(client, book):
                made[corrections.make(book, name).status] += 1
    except HistoryGap as error:
        raise Failure(f"corrections wait: {error}") from None
    return made
