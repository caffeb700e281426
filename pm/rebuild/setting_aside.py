"""A book of another history, taken off the server whole and kept under names of its own.

Everything of it goes, lanes included: what is put in its place starts as on a server that never had
it, and gateways send again what that history lacks. Nothing reads or removes what is kept.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import redis
from redis import exceptions

from pm import keys
from pm.rebuild.refused import RebuildRefused


@dataclass(frozen=True, slots=True)
class SetAside:
    """Where a book of another history stood, and under which prefix its keys are kept."""

    prefix: str
    keys: int
    seq: str
    digest: str


def set_aside(client: redis.Redis, book: str) -> SetAside:
    """Rename every key of a book in one transaction; RebuildRefused while something serves it."""
    label = str(time.time_ns() // 1_000_000)
    kept = keys.aside(book, "")
    with client.pipeline(transaction=True) as pipeline:
        untyped: Any = pipeline
        untyped.watch(keys.book(book), keys.journal(book))
        if pipeline.exists(keys.lease(book), keys.valuation_lease(book)):
            raise RebuildRefused(book, "a worker or `pm valuation` serves it: stop them first")
        found: Any = pipeline.hmget(keys.book(book), ["seq", "digest"])
        own = keys.of_book(book, "")
        names = [
            key.decode(errors="surrogateescape").removeprefix(own)
            for key in client.scan_iter(match=own + "*", count=1000)
            if not key.startswith(kept.encode())
        ]
        pipeline.multi()
        for name in sorted(set(names)):
            pipeline.rename(_key(own, name), _key(keys.aside(book, label), name))
        try:
            pipeline.execute()
        except exceptions.WatchError:
            raise RebuildRefused(book, "it moved on: stop its processes and try again") from None
    seq, digest = ("" if part is None else part.decode(errors="replace") for part in found)
    return SetAside(keys.aside(book, label), len(set(names)), seq, digest)


def _key(prefix: str, name: str) -> bytes:
    return (prefix + name).encode(errors="surrogateescape")
