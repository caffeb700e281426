"""What an answer is measured by: one hash as large as all that the query reads, read barely."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import redis

_FIELDS_A_CALL = 500


class Yardstick(NamedTuple):
    """A hash in place of several, its fields and the bytes of their values."""

    key: str
    fields: int
    size: int


def lay_out(client: redis.Redis, name: str, keys: Sequence[str]) -> Yardstick:
    """Write all fields of these hashes, and of the last entry of these streams, into one hash."""
    told = {
        f"{place}{field}": value
        for place, key in enumerate(keys)
        for field, value in _read(client, key).items()
    }
    key = f"bench:beside:{name}"
    names = list(told)
    for start in range(0, len(names), _FIELDS_A_CALL):
        part: dict[Any, Any] = {
            field: told[field] for field in names[start : start + _FIELDS_A_CALL]
        }
        client.hset(key, mapping=part)
    return Yardstick(key, len(told), sum(map(len, told.values())))


def _read(client: redis.Redis, key: str) -> dict[Any, Any]:
    if client.type(key) in ("stream", b"stream"):
        entries: Any = client.xrevrange(key, count=1)
        return dict(entries[0][1]) if entries else {}
    found: Any = client.hgetall(key)
    return dict(found)
