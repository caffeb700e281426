"""What was refused: kept with its reason, and replayable once the cause is gone.

A replay goes through a lane of its own, like any other input, also that of an event that came by no
lane. When the journal shows that it was taken, the entry leaves the quarantine; the journal keeps
both the refusal and the replay.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import redis

from pm import keys
from pm.books import journal, opening
from pm.books.opening import BookError
from pm.events.facts import event_from_facts
from pm.events.message import pack
from pm.events.model import EventError
from pm.wire.header import MAGIC_BYTES


@dataclass(frozen=True, slots=True)
class Refused:
    """One quarantined event; `seq` is that of its journal entry, `raw` the bytes that came in."""

    book: str
    seq: int
    reason: str
    detail: str
    facts: dict[str, Any]
    raw: bytes

    @property
    def received_at(self) -> int:
        """When it came in, ns."""
        return int(self.facts["received_at"])

    @property
    def index(self) -> str:
        """Its number among the events of its lane entry; an event submitted alone is the first."""
        return str(self.facts.get("index", "0"))

    @property
    def of(self) -> str:
        """How many events its lane entry held."""
        return str(self.facts.get("of", "1"))


def listed(client: redis.Redis, book: str, count: int | None = None) -> list[Refused]:
    """The quarantined events of a book, oldest first. `client` must not decode."""
    entries: Any = client.xrange(keys.quarantine(book), count=count)
    return [_refused(book, entry, fields) for entry, fields in entries]


def one(client: redis.Redis, book: str, seq: int) -> Refused:
    """One quarantined event; BookError when there is none under that seq."""
    entries: Any = client.xrange(keys.quarantine(book), f"{seq}-0", f"{seq}-0")
    if not entries:
        raise BookError(f"book {book}: the quarantine has no entry {seq}")
    return _refused(book, *entries[0])


def replay(client: redis.Redis, refused: Refused) -> str:
    """Put the event on the replay lane; the id of the lane entry.

    BookError for what nothing is left of: something submitted that held no event to keep.
    """
    fields: dict[Any, Any] = {"received_at": refused.received_at, "replay_of": refused.seq}
    if refused.raw.startswith(MAGIC_BYTES):
        fields["frame"] = refused.raw
        fields["context"] = _context(client, refused)
    elif refused.raw:
        fields["event"] = refused.raw
    else:
        fields["event"] = _event(refused)
    lane = keys.lane(refused.book, keys.QUARANTINE_LANE)
    added: Any = client.xadd(lane, fields)
    return str(added.decode() if isinstance(added, bytes) else added)


def settle(client: redis.Redis, refused: Refused, entry: str, after_seq: int) -> tuple[bool, str]:
    """After the lane entry is done: remove what was taken; whether it was, and how it ended.

    What was refused again stays under its first entry; the second one is removed. What only now
    could be decoded, and was refused, has no other entry and stays.
    """
    results: dict[str, str] = {}
    again = []
    for stored in journal.read(client, refused.book, after=after_seq):
        facts = json.loads(stored["facts"])
        if facts.get("lane") == keys.QUARANTINE_LANE and facts["entry"] == entry:
            results[facts["index"]] = f"{stored['result']} {stored['reason']}".strip()
            # With as many events as before, each one that is refused has an entry already.
            if stored["result"] == "refused" and facts["of"] == refused.of:
                again.append(f"{stored['seq']}-0")
    # A frame is replayed whole; its other events have entries of their own.
    own = results.get(refused.index, next(iter(results.values()), ""))
    taken = bool(own) and not own.startswith("refused")
    gone = [*again, f"{refused.seq}-0"] if taken else again
    if gone:
        client.xdel(keys.quarantine(refused.book), *gone)
    return taken, own


def _event(refused: Refused) -> bytes:
    try:
        return pack(event_from_facts(json.dumps(refused.facts)))
    except EventError as error:
        raise BookError(
            f"book {refused.book}: quarantine entry {refused.seq} cannot be replayed: {error}"
        ) from None


def _context(client: redis.Redis, refused: Refused) -> bytes:
    """What the gateway had said of the frame's orders, from the lane entry if it is still there."""
    if "lane" not in refused.facts:
        return b""
    entry = refused.facts["entry"]
    found: Any = client.xrange(keys.lane(refused.book, refused.facts["lane"]), entry, entry)
    context = found[0][1].get(b"context", b"") if found else b""
    return bytes(context)


def _refused(book: str, entry: bytes, fields: dict[bytes, bytes]) -> Refused:
    return Refused(
        book,
        int(entry.partition(b"-")[0]),
        fields[b"reason"].decode(),
        fields[b"detail"].decode(),
        json.loads(fields[b"facts"]),
        fields[b"raw"],
    )


def books_with(client: redis.Redis, book: str | None) -> list[str]:
    """The named book, or all that exist; BookError when the named one does not."""
    if book is not None and opening.head(client, book) is None:
        raise BookError(f"book {book} does not exist")
    return [book] if book is not None else opening.names(client)
