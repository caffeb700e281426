"""Creates books and makes them use a version of the reference data."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import redis

from pm import keys
from pm.connect.replies import text_of
from pm.functions import library
from pm.functions.library import LibraryMissing

SCHEMA = "2"
"""Layout of the state; a worker refuses a book of another schema."""


class BookError(Exception):
    """A book cannot be used; the text names it and says why."""


@dataclass(frozen=True, slots=True)
class BookHead:
    """Where a book stands: `seq` of its last journal entry, its digest, and what it depends on."""

    name: str
    schema: str
    seq: int
    digest: str
    reference_version: int
    generation: int


def open_book(client: redis.Redis, name: str, *, seen_generation_size: int) -> bool:
    """Create a book if it does not exist, and list it; True when it was created now."""
    facts = {
        "kind": "opened",
        "name": name,
        "schema": SCHEMA,
        "generation_size": str(seen_generation_size),
    }
    arguments = [_compact(facts), library.current().sha]
    status, _ = library.call(client, "open_book", keys.opening_keys(name), arguments)
    client.zadd(keys.books(), {name: 0})
    return status == "opened"


def adopt_reference(client: redis.Redis, name: str, version: int, changed: int) -> None:
    """Make the book use a version of the reference data; `changed` records came with it.

    A torn book must be mended first: BookError.
    """
    while True:
        present = head(client, name)
        if present is None:
            raise BookError(f"book {name} does not exist")
        if present.reference_version >= version:
            return
        facts = {
            "kind": "reference",
            "version": str(version),
            "previous_version": str(present.reference_version),
            "changed": str(changed),
        }
        book_keys = [keys.book(name), keys.journal(name)]
        reply = library.call(client, "adopt_reference", book_keys, [_compact(facts)])
        if reply[0] in ("adopted", "already"):
            return
        if reply[0] == "torn":
            raise BookError(f"book {name} is torn: its journal is ahead of its state")


def head(client: redis.Redis, name: str) -> BookHead | None:
    """Where the book stands, None when it does not exist; BookError when that is damaged."""
    fields = ("schema", "seq", "digest", "reference_version", "generation")
    found: Any = client.hmget(keys.book(name), fields)
    if found[1] is None:
        return None
    try:
        schema, seq, digest, version, generation = map(text_of, found)
        return BookHead(name, schema, int(seq), digest, int(version), int(generation))
    except ValueError as error:
        raise BookError(
            f"book {name}: its head is damaged ({error}): `pm rebuild` makes it anew"
        ) from None


def names(client: redis.Redis) -> list[str]:
    """The books that exist, sorted."""
    members: Any = client.zrange(keys.books(), 0, -1)
    return sorted(map(text_of, members))


def check_schema(present: BookHead) -> None:
    """BookError when the book was laid out by another version of this program."""
    if present.schema != SCHEMA:
        raise BookError(
            f"book {present.name} has layout {present.schema}, this program knows {SCHEMA}"
        )


def _compact(facts: dict[str, str]) -> str:
    return json.dumps(facts, separators=(",", ":"))


__all__ = [
    "SCHEMA",
    "BookError",
    "BookHead",
    "LibraryMissing",
    "adopt_reference",
    "check_schema",
    "head",
    "names",
    "open_book",
]
