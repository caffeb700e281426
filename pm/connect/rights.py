"""What the user of a connection may do, asked without doing it.

A command is queued in a transaction that is discarded: the server refuses what the user may not do
when it is queued.
"""

from __future__ import annotations

from typing import Any

import redis
from redis import exceptions


def user_of(client: redis.Redis) -> str:
    """Whom the client says it is: asking the server needs a right of its own."""
    return str(client.connection_pool.connection_kwargs.get("username") or "default")


def may(client: redis.Redis, command: tuple[str, ...]) -> bool:
    """Whether the server would take the command; it is not executed."""
    pool: Any = client.connection_pool
    connection = pool.get_connection()
    try:
        is_allowed = all(_is_taken(connection, part) for part in (("MULTI",), command))
        if not _is_taken(connection, ("DISCARD",)):
            connection.disconnect()  # ends the transaction of a user who may begin one only
    except BaseException:
        connection.disconnect()
        raise
    finally:
        pool.release(connection)
    return is_allowed


def _is_taken(connection: Any, command: tuple[str, ...]) -> bool:
    try:
        connection.send_command(*command)
        connection.read_response()
    except exceptions.NoPermissionError:
        return False
    except exceptions.ResponseError:
        return True  # refused for another reason than rights
    return True
