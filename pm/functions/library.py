"""Loads the function library and calls its entries by name."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import redis
from redis import exceptions

from pm.connect.replies import text_of
from pm.functions.bundler import Library, bundle


class LibraryMissing(Exception):
    """The server does not hold this version of the function library."""


@lru_cache(maxsize=1)
def current() -> Library:
    """The library of the Lua files this package came with."""
    return bundle()


def load(client: redis.Redis, library: Library | None = None) -> bool:
    """Load the library unless the server has it; True if it was loaded now.

    Libraries of other versions stay: workers of the version before may still be calling them.
    """
    library = library or current()
    if is_loaded(client, library):
        return False
    try:
        client.function_load(library.source)
    except exceptions.ResponseError as error:
        if "already exists" in str(error):
            return False
        raise
    return True


def is_loaded(client: redis.Redis, library: Library | None = None) -> bool:
    """Whether the server holds exactly this library."""
    library = library or current()
    return bool(client.function_list(library.name))


def loaded_names(client: redis.Redis) -> list[str]:
    """Names of all versions of the library the server holds, sorted."""
    found = client.function_list("pm_*")
    names = []
    for entry in found:
        fields = (
            entry if isinstance(entry, dict) else dict(zip(entry[::2], entry[1::2], strict=True))
        )
        name = fields.get("library_name", fields.get(b"library_name"))
        names.append(text_of(name))
    return sorted(names)


def call(
    client: redis.Redis,
    entry: str,
    keys: Sequence[str],
    arguments: Sequence[str | bytes],
    library: Library | None = None,
) -> list[str]:
    """Call one entry; its reply as text. LibraryMissing when the server does not hold it."""
    function = (library or current()).functions[entry]
    untyped: Any = client
    try:
        reply = untyped.fcall(function, len(keys), *keys, *arguments)
    except exceptions.ResponseError as error:
        if "Function not found" in str(error):
            raise LibraryMissing(
                f"function {function} is not loaded: run `pm functions load`"
            ) from error
        raise
    return [text_of(part) for part in reply]
