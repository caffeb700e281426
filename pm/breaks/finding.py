"""Finds the one break somebody names."""

from __future__ import annotations

from collections.abc import Iterable

import redis

from pm.breaks.kept import BreakError, Breaks
from pm.breaks.record import Break


def find_break(client: redis.Redis, books: Iterable[str], break_id: str) -> tuple[Breaks, Break]:
    """The break of an id, or of the beginning of one that is unique; BreakError without one.

    An empty one, as a script with an unset variable gives it, would mean the only break there is.
    """
    if not break_id:
        raise BreakError("the id of a break is empty: `pm breaks` lists them")
    found = [
        (kept, each)
        for kept in (Breaks(client, name) for name in books)
        for each in kept.listed()
        if each.id.startswith(break_id)
    ]
    exact = [pair for pair in found if pair[1].id == break_id] or found
    if not exact:
        raise BreakError(f"there is no break {break_id}")
    if len(exact) > 1:
        raise BreakError(f"several breaks begin with {break_id}: {len(exact)}")
    return exact[0]
