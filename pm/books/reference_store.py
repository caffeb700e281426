"""Reference data in Redis, by version.

The current records lie in one hash; every change is kept in a history under its version, so an
older version can be had by undoing the newer changes. A book that was restored to an earlier point
still asks for the version it knew.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any

import redis
from redis import exceptions

from pm import keys
from pm.connect.replies import texts_of
from pm.reference.record_text import (
    instrument_from_text,
    record_text,
    token_from_text,
    venue_from_text,
)
from pm.reference.records import Instrument, Record, Token
from pm.reference.snapshot import Reference


class ReferenceMissing(Exception):
    """The wanted version of the reference data is not in the server."""


def current_version(client: redis.Redis) -> int:
    """The newest version, 0 when there is none yet."""
    found = client.hget(keys.reference_versions(), "current")
    return int(found) if found is not None else 0


def load_version(client: redis.Redis, version: int | None = None) -> Reference:
    """The reference data of a version, the newest unless named; ReferenceMissing if not there."""
    pipeline = client.pipeline(transaction=True)
    pipeline.hget(keys.reference_versions(), "current")
    pipeline.hgetall(keys.reference_records())
    if version is not None:
        pipeline.xrevrange(keys.reference_history(), "+", f"({version}-18446744073709551615")
    newest, stored, *rest = pipeline.execute()
    current = int(newest) if newest is not None else 0
    wanted = current if version is None else version
    if wanted > current:
        raise ReferenceMissing(
            f"reference data version {wanted} does not exist; newest {current}:"
            " `pm reference load FILE` makes the next"
        )
    texts = texts_of(stored)
    for _, fields in rest[0] if rest else ():
        change = texts_of(fields)
        if change["old"]:
            texts[change["record"]] = change["old"]
        else:
            texts.pop(change["record"], None)
    return _reference(wanted, texts)


def merge(client: redis.Redis, new: Reference) -> tuple[int, list[str]]:
    """Add the records of `new` to the newest version, replacing those with the same id.

    Returns the version that holds them and the ids that changed (`instrument/<id>`); when nothing
    changes, no version is made. Raises what `Reference.build` raises for records that clash.
    """
    while True:
        try:
            return _try_merge(client, new)
        except exceptions.WatchError:
            continue


def _try_merge(client: redis.Redis, new: Reference) -> tuple[int, list[str]]:
    with client.pipeline(transaction=True) as pipeline:
        pipeline.watch(keys.reference_versions())  # type: ignore[no-untyped-call]
        version = current_version(client)
        stored = client.hgetall(keys.reference_records())
        texts = texts_of(stored)
        wanted = {_name(record): record_text(record) for record in _records(new)}
        changed = {name: text for name, text in wanted.items() if texts.get(name) != text}
        if not changed:
            return version, []
        _reference(version + 1, {**texts, **changed})
        pipeline.multi()
        for number, (name, text) in enumerate(sorted(changed.items()), start=1):
            pipeline.hset(keys.reference_records(), name, text)
            change: dict[Any, Any] = {"record": name, "old": texts.get(name, ""), "new": text}
            pipeline.xadd(keys.reference_history(), change, id=f"{version + 1}-{number}")
        pipeline.hset(keys.reference_versions(), "current", version + 1)
        pipeline.execute()
        return version + 1, sorted(changed)


def _records(reference: Reference) -> Iterable[Record]:
    return chain(
        reference.instruments.values(), reference.tokens.values(), reference.venues.values()
    )


def _name(record: Record) -> str:
    if isinstance(record, Instrument):
        return f"instrument/{record.id}"
    return f"token/{record.id}" if isinstance(record, Token) else f"venue/{record.id}"


def _reference(version: int, texts: Mapping[str, str]) -> Reference:
    def of(kind: str) -> Iterable[str]:
        return (text for name, text in texts.items() if name.startswith(kind + "/"))

    return Reference.build(
        version,
        map(instrument_from_text, of("instrument")),
        map(token_from_text, of("token")),
        map(venue_from_text, of("venue")),
    )
