"""Whether the user may do all that a rebuild does, asked before it does anything."""

from __future__ import annotations

from typing import Final

import redis

from pm import keys
from pm.connect.rights import may, user_of
from pm.rebuild.refused import RebuildRefused

Command = tuple[str, ...]


def check_rights(client: redis.Redis, book: str, *, looks_only: bool) -> None:
    """RebuildRefused where the user may not write a shadow, or may not put it in a book's place."""
    commands = _shadow(book) if looks_only else (*_shadow(book), *_switch(book))
    lacking = [command[0] for command in commands if not may(client, command)]
    if lacking:
        shown = ", ".join(dict.fromkeys(lacking))
        raise RebuildRefused(
            book, f"user {user_of(client)} may not use {shown}, which it needs: connect as admin"
        )


_NONE: Final = "pm_rights_none"


def _shadow(book: str) -> tuple[Command, ...]:
    key = keys.shadow(book, "rights")
    return (
        ("SCAN", "0"),
        ("CLIENT", "LIST"),
        ("HSET", key, "a", "b"),
        ("SADD", key, "a"),
        ("SREM", key, "a"),
        ("ZADD", key, "0", "a"),
        ("ZREM", key, "a"),
        ("DEL", key),
        ("UNLINK", key),
    )


def _switch(book: str) -> tuple[Command, ...]:
    key = keys.of_book(book, "rights")
    return (
        ("FCALL", _NONE, "1", key),
        ("RENAME", key, keys.shadow(book, "rights")),
        ("XADD", key, "*", "a", "b"),
        ("XDEL", key, "1-0"),
        ("HSETNX", key, "a", "b"),
        ("ZADD", keys.books(), "0", "a"),
        ("HSET", keys.reference_versions(), "a", "b"),
    )
