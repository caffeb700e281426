"""How a feed follows a book without losing an update, as a plan that knows no connection.

The channel loses messages by nature: while nobody listens, when a slow reader is cut off, when a
server dies. The journal has them all, each under its seq. So a feed reads the journal from the last
seq it knows whenever it (re)subscribes, whenever a message's previous_seq shows a hole, and after a
while of silence, because nothing follows a loss at the end; what it knows already it drops. What
is no longer in Redis it recalls from the archive.

The plan yields what is to be done (`Subscribe`, `Receive`, `Ask`, `Recall`, `Pause`) and what it
found (`Update`); whoever drives it sends the outcome back, or throws `Outage` into it.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any

from pm import keys
from pm.books.opening import BookError
from pm.client.errors import FeedError, JournalRewritten, JournalTrimmed
from pm.client.journal import seq_of
from pm.client.plan import Command
from pm.client.updates import Update, message_text, parse_update

PAGE_ENTRIES = 500
FIRST_PAUSE_S = 0.02
LONGEST_PAUSE_S = 2.0


class Outage(Exception):
    """The subscription is gone, or the server; `cause` is what the Redis client said."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Open a new subscription, and return when the server has confirmed it."""

    channel: str
    sharded: bool


@dataclass(frozen=True, slots=True)
class Receive:
    """Wait for a message: its text, or None after `timeout_s`."""

    timeout_s: float


@dataclass(frozen=True, slots=True)
class Ask:
    """Carry out commands: their replies."""

    commands: Sequence[Command]


@dataclass(frozen=True, slots=True)
class Recall:
    """Read archived entries above `after` up to `through`: the first of them, like an XRANGE's."""

    book: str
    after: int
    through: int


@dataclass(frozen=True, slots=True)
class Pause:
    """Do nothing for a while."""

    timeout_s: float


Effect = Subscribe | Receive | Ask | Recall | Pause | Update
Following = Generator[Effect, Any, None]


@dataclass(slots=True)
class Progress:
    """How far a feed is: every update up to `seq` was delivered; `last` was the last of them."""

    book: str
    seq: int | None
    last: Update | None = None

    @property
    def known_seq(self) -> int:
        assert self.seq is not None
        return self.seq

    def deliver(self, update: Update) -> Update:
        self.seq, self.last = update.seq, update
        return update


def follow(
    progress: Progress, *, sharded: bool, survive_outages: bool, check_every_s: float
) -> Following:
    """Deliver every update after `progress.seq`, or from now on where that is None; never ends.

    A lost connection is made again at once; a server that stays away is an Outage, or with
    `survive_outages` waited for.
    """
    failures = 0
    while True:
        try:
            yield Subscribe(keys.updates(progress.book), sharded)
            yield from _check_start(progress)
            yield from _catch_up(progress)
            failures = 0
            yield from _listen(progress, check_every_s)
        except Outage:
            failures += 1
            if failures > 1 and not survive_outages:
                raise
            yield Pause(min(FIRST_PAUSE_S * 2.0 ** min(failures - 1, 10), LONGEST_PAUSE_S))


def _check_start(progress: Progress) -> Following:
    """Set the seq of a feed that starts now; refuse one the server knows nothing of."""
    book = progress.book
    if progress.seq is None:
        progress.seq, _ = yield from _read(progress, ())
        return
    last = () if progress.last is None else (f"{progress.last.seq}-0",) * 2
    head, entries = yield from _read(progress, last)
    if progress.last is None:
        if progress.seq > head:
            raise FeedError(
                f"book {book} stands at seq {head}: there is no seq {progress.seq + 1} yet"
            )
        return
    # The same seq may hold another event, if the server lost its tail and was written on.
    is_same = all(
        message_text(book, progress.last.seq, fields) == progress.last.text for _, fields in entries
    )
    if progress.seq > head or not is_same:
        raise JournalRewritten(book, progress.last.seq, head)


def _listen(progress: Progress, check_every_s: float) -> Following:
    """Deliver what the channel brings; return when it no longer brings everything."""
    while True:
        text = yield Receive(check_every_s)
        if text is None:
            before = progress.last
            yield from _catch_up(progress)
            if progress.last is not before:
                return
            continue
        update = _update_of(text)
        if update is None or update.previous_seq > progress.known_seq:
            yield from _catch_up(progress)
        if update is not None and update.seq > progress.known_seq:
            yield progress.deliver(update)


def _update_of(text: str) -> Update | None:
    # What is no update may have been one: the journal tells.
    try:
        return parse_update(text)
    except ValueError:
        return None


def _catch_up(progress: Progress) -> Following:
    """Deliver from the journal what is known there and not here."""
    while True:
        wanted = progress.known_seq + 1
        head, entries = yield from _read(progress, (f"{wanted}-0", "+"))
        if head < progress.known_seq:
            raise JournalRewritten(progress.book, progress.known_seq, head)
        if head == progress.known_seq:
            return
        first = seq_of(entries[0][0]) if entries else head + 1
        if first != wanted:
            entries = yield Recall(progress.book, wanted - 1, min(first - 1, head))
            if not entries:
                raise JournalTrimmed(progress.book, wanted, first)
        for stream_id, fields in entries:
            seq = seq_of(stream_id)
            if seq > head:  # journaled while this was read, or not yet in the state
                return
            if fields["changes"] != "[]":
                yield progress.deliver(parse_update(message_text(progress.book, seq, fields)))
            progress.seq = seq


def _read(
    progress: Progress, bounds: Sequence[str]
) -> Generator[Effect, Any, tuple[int, Sequence[Any]]]:
    """The book's seq, and the journal's entries between bounds."""
    commands: list[Command] = [("HGET", keys.book(progress.book), "seq")]
    if bounds:
        journal = keys.journal(progress.book)
        commands.append(("XRANGE", journal, *bounds, "COUNT", str(PAGE_ENTRIES)))
    replies = yield Ask(commands)
    if replies[0] is None:
        raise BookError(f"book {progress.book} does not exist")
    return int(replies[0]), replies[1] if bounds else ()
