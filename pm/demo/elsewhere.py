"""The books once more, on a server that has nothing: made from the archive and held against these.

Marks and what follows from them are in no journal, so they are not compared.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final, NamedTuple

import redis

from pm import keys
from pm.archive import open_archive
from pm.books.stored import key_differences, read_keys
from pm.demo.desk import BOOKS
from pm.functions import library
from pm.history import History
from pm.rebuild import RebuildRefused, rebuild_book
from pm.rebuild.restoring import Limits
from pm.rules.expected import ExpectedState
from pm.settings import Settings

_DAY_NS: Final = 86_400_000_000_000


class Elsewhere(NamedTuple):
    """What the rebuild came to: keys compared, seconds it took, and what is not the same."""

    keys: int
    took_s: float
    differences: Sequence[str]


def rebuild_elsewhere(here: redis.Redis, there: redis.Redis, settings: Settings) -> Elsewhere:
    """Rebuild every book on the server `there` from the archive alone and compare the two.

    The clients must not decode.
    """
    library.load(there)
    history = History(None, open_archive(settings))
    limits = Limits(
        settings.storage.hot_data_retention_days * _DAY_NS,
        settings.portfolio_manager.quarantine_max_entries,
    )
    started_at = time.monotonic()
    try:
        done = [rebuild_book(there, book, history, limits) for book in BOOKS]
    except RebuildRefused as error:
        return Elsewhere(0, 0.0, [str(error), *error.differences.shown])
    took_s = time.monotonic() - started_at
    expected = {rebuilt.book: rebuilt.fold.book.expected_state() for rebuilt in done}
    found = [line for book in BOOKS for line in _differences(here, there, book, expected[book])]
    return Elsewhere(sum(rebuilt.keys for rebuilt in done), took_s, found)


def _differences(
    here: redis.Redis, there: redis.Redis, book: str, expected: ExpectedState
) -> Iterator[str]:
    """One line for each field or member, the digest among them, that is another there."""
    key_of = partial(keys.of_book, book)
    held, made = read_keys(here, expected, key_of), read_keys(there, expected, key_of)
    for name in expected:
        for line in key_differences(name, held[name], made[name]):
            yield f"book {book}: rebuilt {line}"
