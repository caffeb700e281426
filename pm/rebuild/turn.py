"""One rebuild of a book at a time: two would undo each other's shadow.

Who rebuilds says so in the name of a connection of its own, which the server forgets the moment the
process is gone: nothing a killed rebuild leaves keeps the next one waiting.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import redis
from redis import exceptions

from pm.rebuild.refused import RebuildRefused


@contextmanager
def turn(client: redis.Redis, book: str) -> Iterator[None]:
    """The right to rebuild a book; RebuildRefused where somebody else is at it.

    Of two that begin in the same moment one may go on, or none.
    """
    untyped: Any = client
    with untyped.client() as own:
        name, before = f"pm-rebuild-{book}", own.client_getname()
        own.client_setname(name)
        try:
            if sum(each["name"] == name for each in own.client_list()) > 1:
                raise RebuildRefused(book, "another rebuild of it is at work")
            yield
        finally:
            with suppress(exceptions.RedisError):
                own.client_setname(before or "")  # the connection goes back to its pool
