"""The history of a server's books, by the settings."""

from __future__ import annotations

import redis

from pm.archive import open_archive
from pm.history.history import History
from pm.settings import Settings


def open_history(client: redis.Redis | None, settings: Settings) -> History:
    """The journals of a server and of the archive the settings name."""
    return History(client, open_archive(settings))
