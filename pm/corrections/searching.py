"""Where in a journal to look for a trade: most that are corrected are recent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import redis

from pm import keys
from pm.connect.replies import text_of, texts_of

ENTRIES_MAX: Final = 50_000
_ENTRIES_A_READ: Final = 500


def before_trade(client: redis.Redis, book: str, execution: str) -> int:
    """The seq just before the entry that books an execution if it is among the newest, else 0."""
    end, searched = "+", 0
    while searched < ENTRIES_MAX:
        entries: Any = client.xrevrange(keys.journal(book), end, "-", count=_ENTRIES_A_READ)
        for entry, stored in entries:
            fields = texts_of(stored)
            if _books(fields, execution):
                return int(text_of(entry).partition("-")[0]) - 1
        if len(entries) < _ENTRIES_A_READ:
            return 0
        end, searched = f"({text_of(entries[-1][0])}", searched + len(entries)
    return 0


def _books(entry: Mapping[str, str], execution: str) -> bool:
    """Whether an entry books an execution, and is no repeat of it."""
    return (
        entry["event"] == "fill"
        and entry["result"] in ("applied", "covered")
        and f'"id":"{execution}"' in entry["facts"]
    )
