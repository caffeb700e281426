"""What a rebuild puts back beside the state: journal, refusals, and where lanes stand.

Only what the server lacks: on a server that has the book nothing of this changes. The journal comes
back under its ids, as far back as it is kept in memory; what is older stays in the archive. A lane
of a gateway is told the last number that is done, so that the gateway goes on behind it and sends
again what the journal lacks; it belongs to the first outbox that asks. A lane of ids by the clock
gets an end at its cursor, so that no new entry can have an id that counts as done.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import redis
from redis import exceptions

from pm import keys
from pm.books import lanes, reference_store
from pm.books.lanes import Cursor
from pm.connect.replies import text_of
from pm.fold import Fold
from pm.history import History
from pm.rules.journal import FIELDS

ENTRIES_A_WRITE = 500


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a journal is put back into memory (ns of receipt), and how many refusals are."""

    hot_retention_ns: int
    quarantine_max: int


@dataclass(frozen=True, slots=True)
class Restored:
    """How many journal entries and records of refusals were put back."""

    entries: int = 0
    refusals: int = 0


def restore(client: redis.Redis, history: History, fold: Fold, limits: Limits) -> Restored:
    """Put back what the server lacks beside the state of the fold."""
    entries = _restore_journal(client, history, fold, limits.hot_retention_ns)
    refusals = _restore_quarantine(client, history, fold, limits.quarantine_max)
    for lane, cursor in fold.book.state.cursors.items():
        _restore_lane(client, fold.name, lane, Cursor.parse(cursor))
    _restore_reference(client, int(fold.book.state.reference_version))
    return Restored(entries, refusals)


def restore_lists(client: redis.Redis, fold: Fold) -> None:
    """List the book and its gateways' lanes, and nothing as a lane that is none."""
    name = fold.name
    client.zadd(keys.books(), {name: 0})
    opened = {lane: 0 for lane in fold.book.state.cursors if _is_gateways(lane)}
    client.zadd(keys.lanes(name), {keys.SENTINEL: 0, **opened})
    listed: Any = client.zrange(keys.lanes(name), 0, -1)
    wrong = [
        member
        for member in listed
        if member.decode() != keys.SENTINEL
        and member.decode().partition(":")[0] != keys.DEFAULT_LANE
    ]
    if wrong:
        client.zrem(keys.lanes(name), *wrong)


def _restore_journal(
    client: redis.Redis, history: History, fold: Fold, hot_retention_ns: int
) -> int:
    """Append the entries the stream has never had; how many."""
    key = keys.journal(fold.name)
    last = _last_id(client, key)
    after = 0 if last is None else lanes.order_of(last)[0]
    if after >= fold.seq:
        return 0
    if last is None and history.archive is not None:
        oldest = history.archive.first_received(fold.name, fold.received_at - hot_retention_ns)
        archived = history.archive.last_seq(fold.name)
        # At least one entry: the stream's last id is what the next one must exceed.
        after = min(fold.seq - 1, archived if oldest is None else oldest - 1)
    done = 0
    pipeline = client.pipeline(transaction=False)
    for stored in history.read(fold.name, after=after, through=fold.seq):
        fields: dict[Any, Any] = {name: stored[name] for name in FIELDS}
        pipeline.xadd(key, fields, id=f"{stored['seq']}-0")
        done += 1
        if done % ENTRIES_A_WRITE == 0:
            pipeline.execute()
    pipeline.execute()
    return done


def _restore_quarantine(
    client: redis.Redis, history: History, fold: Fold, quarantine_max: int
) -> int:
    """Append the records of refusals the stream has never had; how many.

    A refusal whose event was taken later under the same id is settled. Of others the journal does
    not tell; replayed once more they count as duplicates.
    """
    key = keys.quarantine(fold.name)
    refusals = fold.refusals
    last = _last_id(client, key)
    after = 0 if last is None else lanes.order_of(last)[0]
    open_seqs = sorted(refusals.records.keys() - refusals.settled)[-quarantine_max:]
    wanted = [seq for seq in open_seqs if seq > after]
    if not wanted:
        return 0
    raws = history.raws(fold.name, after=wanted[0] - 1, through=wanted[-1])
    chosen = set(wanted)
    pipeline = client.pipeline(transaction=False)
    for stored in history.read(fold.name, after=wanted[0] - 1, through=wanted[-1]):
        seq = int(stored["seq"])
        if seq not in chosen:
            continue
        facts = json.loads(stored["facts"])
        raw = raws.get(seq) or _raw_in_lane(client, fold.name, facts)
        record: dict[Any, Any] = {
            "reason": stored["reason"],
            "detail": facts.get("detail", ""),
            "facts": stored["facts"],
            "raw": raw,
        }
        pipeline.xadd(key, record, id=f"{seq}-0")
        if len(pipeline) >= ENTRIES_A_WRITE:
            pipeline.execute()
    pipeline.execute()
    return len(wanted)


def _raw_in_lane(client: redis.Redis, book: str, facts: Mapping[str, Any]) -> bytes:
    """The bytes of a refused event from the lane it came by, if it is still there."""
    if "lane" not in facts or facts["kind"] != "quarantined":
        return b""
    found: Any = client.xrange(keys.lane(book, facts["lane"]), facts["entry"], facts["entry"])
    fields = found[0][1] if found else {}
    return bytes(fields.get(b"frame", fields.get(b"event", b"")))


def _restore_lane(client: redis.Redis, book: str, lane: str, cursor: Cursor) -> None:
    if _is_gateways(lane):
        source = keys.lane_source(book, lane)
        number = lanes.order_of(cursor.entry)[0]
        # An entry that is done in part must come again, and is taken from where the cursor stands.
        client.hsetnx(source, "top", str(number - 1 if cursor.events_done else number))
        return
    key = keys.lane(book, lane)
    last = _last_id(client, key)
    if last is None or lanes.order_of(last) < lanes.order_of(cursor.entry):
        client.xadd(key, {"restored": ""}, id=cursor.entry)
        client.xdel(key, cursor.entry)


def _restore_reference(client: redis.Redis, version: int) -> None:
    """Let the next `pm reference load` on a server without any make the version the book knows."""
    if version > 1 and reference_store.current_version(client) == 0:
        client.hset(keys.reference_versions(), "current", version - 1)


def _is_gateways(lane: str) -> bool:
    return lane not in (keys.DEFAULT_LANE, keys.QUARANTINE_LANE)


def _last_id(client: redis.Redis, key: str) -> str | None:
    """The last id a stream ever gave, None where there is no stream."""
    try:
        told: Any = client.xinfo_stream(key)
    except exceptions.ResponseError as error:
        if "no such key" in str(error):
            return None
        raise
    return text_of(told["last-generated-id"])
