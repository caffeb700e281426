"""Holds books against each other: what one sent to another must be in exactly one place.

A transfer between books is three entries: sent and arrived in the book it leaves, arrived in the
book it reaches. Each run looks at the entries since the last one, and again at what it then found.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

import redis

from pm import keys
from pm.books import opening
from pm.breaks.found import Event, Found, event_text
from pm.breaks.kept import Breaks, Outcome
from pm.breaks.record import Break
from pm.connect.replies import texts_of
from pm.history import History
from pm.reconcile.runs import Runs

_KIND: Final = "books"
_IN_FLIGHT: Final = "in_flight"


class _Arrival(NamedTuple):
    """What a book says of a transfer that reached it from another."""

    event: Event
    arrived: str
    location: str


class _Between(NamedTuple):
    """A transfer by the books it is between, and its id."""

    sender: str
    receiver: str
    transfer_id: str

    @property
    def subject(self) -> str:
        return f"{self.sender}>{self.receiver}:{self.transfer_id}"

    @classmethod
    def of_subject(cls, subject: str) -> _Between:
        books, _, transfer_id = subject.partition(":")
        sender, _, receiver = books.partition(">")
        return cls(sender, receiver, transfer_id)


def reconcile_across(
    client: redis.Redis, history: History, home: str, *, now_ns: int, full: bool = False
) -> Outcome:
    """Compare what went between books, and keep what differs in the book `home`.

    `client` must not decode. `full` looks at every transfer there ever was.
    """
    runs, breaks = Runs(client, home), Breaks(client, home)
    done = {} if full else runs.transfers_done()
    arrivals: dict[_Between, _Arrival | None] = {}
    for book in opening.names(client):
        head = opening.head(client, book)
        if head is not None:
            entries = history.read(book, after=done.get(book, 0), through=head.seq)
            arrivals.update(_transfers(book, entries, arrivals))
            done[book] = head.seq
    for kept in breaks.listed(only_open=True):
        if kept.kind == _KIND:
            between = _Between.of_subject(kept.subject)
            arrivals.setdefault(between, _arrival_again(history, kept, between))
    found = []
    for between, arrival in sorted(arrivals.items(), key=lambda each: each[0]):
        each = _compare(client, between, arrival)
        if each is not None:
            found.append(each)
    covers = {between.subject for between in arrivals}
    outcome = breaks.record(
        found, lambda kept: kept.kind == _KIND and kept.subject in covers, "books", now_ns
    )
    # Only now, so that a run that was killed looks at the same transfers again.
    runs.transfers_looked_at(done)
    runs.also_found(len(found), outcome.open)
    return outcome


def _transfers(
    book: str,
    entries: Iterable[Mapping[str, str]],
    known: Mapping[_Between, _Arrival | None],
) -> Iterator[tuple[_Between, _Arrival | None]]:
    """Transfers between books that entries tell of, with the arrival where it is one."""
    for entry in entries:
        if entry["event"] != "transfer" or entry["result"] != "applied":
            continue
        facts = json.loads(entry["facts"])
        if "from_book" in facts:
            event = Event(book, int(entry["seq"]), event_text("transfer", facts))
            arrival = _Arrival(event, facts["arrived"], facts["to_location"])
            yield _Between(facts["from_book"], book, facts["transfer"]), arrival
        elif facts.get("to_book"):
            between = _Between(book, facts["to_book"], facts["transfer"])
            yield between, known.get(between)


def _arrival_again(history: History, kept: Break, between: _Between) -> _Arrival | None:
    """The arrival a break was found with."""
    if kept.first_book != between.receiver:
        return None
    entries = history.read(between.receiver, after=kept.first_seq - 1, through=kept.first_seq)
    return next((found for _, found in _transfers(between.receiver, entries, {})), None)


def _compare(client: redis.Redis, between: _Between, arrival: _Arrival | None) -> Found | None:
    """What does not fit of a transfer, None when all of it does."""
    sent = _sent(client, between)
    has_arrived = arrival is not None or _has_seen(client, between)
    status = sent.get("status", "")
    detail = ""
    if not sent:
        detail = "arrived, and was never sent" if has_arrived else ""
    elif status == _IN_FLIGHT and has_arrived:
        detail = "counts twice: arrived there and still in flight here; repeat it under its id"
    elif status == "failed" and has_arrived:
        detail = "counts twice: arrived there and came back here"
    elif status == "arrived" and not has_arrived:
        detail = "is nowhere: ended here and never arrived there"
    elif arrival is not None and status == "arrived" and not _is_alike(sent, arrival):
        detail = "arrived there as something else than here"
    if not detail:
        return None
    ours = _shown(status, sent.get("arrived") or sent.get("amount", ""), sent.get("token", ""))
    theirs = "" if not has_arrived else "arrived"
    if arrival is not None:
        theirs = f"arrived {arrival.arrived} at {arrival.location}"
    first = Event(between.sender, int(sent.get("seq", "0"))) if arrival is None else arrival.event
    books = (between.sender, between.receiver)
    return Found(_KIND, between.subject, books, ours, theirs, detail=detail, first=first)


def _is_alike(sent: Mapping[str, str], arrival: _Arrival) -> bool:
    return (arrival.arrived, arrival.location) == (sent["arrived"], sent["to_location"])


def _shown(status: str, amount: str, token: str) -> str:
    return f"{status} {amount} {token}".strip()


def _sent(client: redis.Redis, between: _Between) -> dict[str, str]:
    """What the sender knows of the transfer; empty where it knows none."""
    key = keys.pending(between.sender, f"transfer.{between.transfer_id}")
    found: Any = client.hgetall(key)
    return texts_of(found)


def _has_seen(client: redis.Redis, between: _Between) -> bool:
    """Whether the receiver has taken an arrival under the id of the transfer."""
    head = opening.head(client, between.receiver)
    if head is None:
        return False
    dedupe_id = f"transfer/{between.transfer_id}/arrived"
    names = [keys.seen(between.receiver, max(0, head.generation - back)) for back in (0, 1)]
    names.append(keys.seen_future(between.receiver))
    return any(client.sismember(name, dedupe_id) for name in names)
