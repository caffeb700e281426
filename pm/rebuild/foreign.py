"""Whether the journal a server holds is that of the history a rebuild reads."""

from __future__ import annotations

import redis

from pm.books import journal
from pm.fold import Fold
from pm.history import History
from pm.rules.journal import FIELDS


def first_foreign(client: redis.Redis, history: History, fold: Fold) -> int | None:
    """The first entry in Redis, up to the end of the fold, that is not the history's; else None.

    A history that reads Redis itself has read these entries: then none is.
    """
    if history.client is not None:
        return None
    own = journal.read(client, fold.name, through=fold.seq)
    first = next(own, None)
    if first is None:
        return None
    after, held = int(first["seq"]) - 1, first
    for made in history.read(fold.name, after=after, through=fold.seq):
        if any(held.get(name) != made[name] for name in ("seq", *FIELDS)):
            return int(made["seq"])
        following = next(own, None)
        if following is None:
            return None
        held = following
    return None
