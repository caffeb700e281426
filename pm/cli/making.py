"""Makes the corrections that wait in books, from within a command: no worker may be running."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import click
import redis

from pm.books.submitting import Submitter
from pm.cli.session import Session
from pm.corrections import requests
from pm.corrections.making import Corrections
from pm.history import HistoryGap
from pm.history.opening import open_history
from pm.reference.text_ids import unescape_id

Made = Counter[str]


def make_corrections(current: Session, client: redis.Redis, books: Iterable[str]) -> Made:
    """What has become of every correction that was open; `client` must not decode."""
    submitter = Submitter.of(client, current.settings)
    history = open_history(client, current.settings)
    corrections, made = Corrections(client, submitter, history), Counter[str]()
    for book in books:
        for name in requests.open_names(client, book):
            try:
                made[corrections.make(book, name).status] += 1
            except HistoryGap as error:
                made["waiting"] += 1
                click.echo(f"pm: correction {unescape_id(name)} waits: {error}", err=True)
    return made
