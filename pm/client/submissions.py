"""What everything that moves capital is built on: an event to its book, the answer understood.

An event that reference data cannot place is never submitted, so it leaves no trace. What a book
declines or refuses is an error in words. Reference data is kept, and read again when the server has
a newer version: before an event that is in no hurry, and after a failure of one that is.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, TypeVar

import redis
from redis import exceptions

from pm import keys
from pm.books import reference_store
from pm.books.submitting import Submitter, Taken
from pm.client.asking import server_name
from pm.client.journal import JournalEntry, parse_entry, seq_of
from pm.client.past import Past
from pm.client.posted import CapitalError, InsufficientBalance, Posted, Unanswered
from pm.connect import ServerError
from pm.connect.errors import explain
from pm.decimals import Amount
from pm.events.facts import Direct, Facts
from pm.events.model import (
    Adjustment,
    Allocation,
    Bust,
    CapitalFlow,
    Correct,
    CorrectionEvent,
    EventError,
    Release,
    Reservation,
    Transfer,
)
from pm.events.read_event import read_event
from pm.events.resolving import Resolver
from pm.history import HistoryGap
from pm.reference.records import Instrument
from pm.reference.snapshot import Reference
from pm.reference.text_ids import unescape_id

CapitalEvent = Reservation | Release | CapitalFlow | Allocation | Transfer | CorrectionEvent
AnyEvent = TypeVar(
    "AnyEvent",
    Reservation,
    Release,
    CapitalFlow,
    Allocation,
    Transfer,
    Bust,
    Correct,
    Adjustment,
)

ENTRIES_MAX: Final = 10_000

_ENTRIES_A_READ: Final = 200
_QUARANTINED: Final = '{"kind":"quarantined"'
_COUNTS_NOTHING: Final = ("duplicate", "refused", "declined")
_REFUSALS: Final = {
    "order_mismatch": "the order belongs to another strategy",
    "transfer_exists": "there is a transfer of this id already",
    "unknown_transfer": "there is no transfer of this id",
    "transfer_ended": "the transfer has ended",
    "transfer_mismatch": "the transfer is another strategy's or instrument's",
    "correction_exists": "there is a correction of this id already",
    "arrived_more": "more would arrive than was sent",
    "to_instrument_missing": "the instrument it becomes is missing",
    "rate_missing": "the instruments settle in different tokens, and no rate is given",
}


def event_of(
    of: type[AnyEvent], kind: str, values: Mapping[str, Any], event_id: str | None
) -> AnyEvent:
    """The event of these keys, now, under a random id unless one is given.

    It is checked like a line of a file; CapitalError names what is wrong. Amounts may be `Amount`,
    text or whole numbers.
    """
    table = {
        key: str(value) if isinstance(value, Amount) else value for key, value in values.items()
    }
    table["kind"] = kind
    table["event_id"] = str(uuid.uuid4()) if event_id is None else event_id
    table["executed_at"] = time.time_ns()
    try:
        event = read_event(table)
    except EventError as error:
        raise CapitalError(str(error)) from None
    assert isinstance(event, of)
    return event


class Submissions:
    """Submits events to the books of one server, whose client must not decode."""

    def __init__(
        self,
        server: redis.Redis,
        *,
        book: str,
        book_of: Callable[[str], str] | None,
        reference: Reference | None,
        quarantine_max: int,
        sharded_updates: bool,
        past: Past,
    ) -> None:
        self.server: Final = server
        self._past = past
        self._home = book
        self._book_of = book_of
        self._facts = None if reference is None else Facts(reference)
        self._submitter = Submitter(
            server, quarantine_max=quarantine_max, sharded_updates=sharded_updates
        )

    def book(self, named: str | None, strategy: int | None) -> str:
        """The named book, else the strategy's, else the home book."""
        if named is not None:
            return named
        if strategy is not None and self._book_of is not None:
            return self._book_of(str(strategy))
        return self._home

    @property
    def submitter(self) -> Submitter:
        """What submits events by their facts."""
        return self._submitter

    @property
    def reference(self) -> Reference:
        """The reference data events are placed by."""
        return self._known_facts().reference

    def resolver(self) -> Resolver:
        """Answers what an event leaves to reference data."""
        return Resolver(self.reference)

    def refresh(self) -> bool:
        """Read the reference data if the server has a newer version; whether it had."""
        with self.in_one_line():
            newest = reference_store.current_version(self.server)
            if self._facts is not None and newest <= self._facts.reference.version:
                return False
            self._facts = Facts(reference_store.load_version(self.server))
        return True

    def instrument(self, instrument: str) -> Instrument:
        """An instrument; CapitalError for one without a record."""
        found = self.reference.instrument(instrument)
        if found is None and self.refresh():
            found = self.reference.instrument(instrument)
        if found is None:
            raise CapitalError(f"{unescape_id(instrument)} is not in the reference")
        return found

    def check_token(self, instrument: str | None, token: str) -> None:
        """CapitalError unless a position in this instrument is one in this token."""
        if instrument is None:
            return
        base = self.instrument(instrument).base
        if self.reference.asset(base) != self.reference.asset(token):
            told = unescape_id(instrument), unescape_id(base), unescape_id(token)
            raise CapitalError("{} is a position in {}, not in {}".format(*told))

    def post(self, event: CapitalEvent, book: str | None, *, in_hurry: bool = False) -> Posted:
        """Submit an event; CapitalError where it is declined, refused or cannot be placed."""
        if not in_hurry:
            self.refresh()
        place = self.book(book, event.strategy_id)
        text = self._placed(event)
        try:
            taken = self._submitter.submit(place, text)
        except (exceptions.ConnectionError, exceptions.TimeoutError) as error:
            raise Unanswered(self._explained(error), unescape_id(_id(event))) from error
        except (exceptions.RedisError, OSError) as error:
            raise ServerError(self._explained(error)) from error
        if taken.result == "declined":
            raise _declined(place, taken, event, text)
        if taken.result == "refused":
            why = _REFUSALS.get(taken.reason, taken.reason)
            raise CapitalError(f"book {place} refused the {event.kind}: {why}")
        return Posted(
            book=place,
            seq=taken.seq,
            result=taken.result,
            reason=taken.reason,
            dedupe_id=_dedupe_id(event),
        )

    def counted(
        self, book: str, dedupe_id: str, seq: int, entries_max: int | None = ENTRIES_MAX
    ) -> JournalEntry | None:
        """The entry at or before `seq` in which an event counted; None if none is found.

        The journal is searched backwards, as far as `entries_max` entries (None: to its start),
        first in Redis, then in the archive.
        """
        told = f'"id":"{dedupe_id}"'
        oldest = 1 if entries_max is None else max(1, seq - entries_max + 1)
        end, known_from, wanted = f"{seq}-0", seq + 1, 1
        while known_from > oldest:
            entries = self._entries(book, end, wanted)
            for entry, fields in entries:
                if told in fields["facts"] and fields["result"] not in _COUNTS_NOTHING:
                    return parse_entry(book, entry, fields)
            if entries:
                end, known_from = f"({entries[-1][0]}", seq_of(entries[-1][0])
            if len(entries) < wanted:
                return self._counted_before(book, told, known_from, oldest)
            wanted = _ENTRIES_A_READ
        return None

    def _counted_before(
        self, book: str, told: str, before: int, oldest: int
    ) -> JournalEntry | None:
        """The archived entry of a dedupe id; HistoryGap where there is no archive to ask."""
        if before <= oldest:
            return None
        archive = self._past.archive
        if archive is None or archive.last_seq(book) < before - 1:
            raise HistoryGap(book, oldest, before, is_beginning=archive is None)
        for entry in archive.containing(book, told, through=before - 1):
            seq = entry.pop("seq")
            if int(seq) < oldest:
                return None
            if entry["result"] not in _COUNTS_NOTHING:
                return parse_entry(book, f"{seq}-0", entry)
        return None

    def hash(self, key: str) -> dict[str, str]:
        """A hash of the books as text, empty where there is none."""
        with self.in_one_line():
            found: Any = self.server.hgetall(key)
        return _decoded(found)

    @contextmanager
    def in_one_line(self) -> Iterator[None]:
        """Turn what redis-py raises inside the block into a ServerError."""
        try:
            yield
        except (exceptions.RedisError, OSError) as error:
            raise ServerError(self._explained(error)) from error

    def _explained(self, error: Exception) -> str:
        return explain(error, server_name(self.server))

    def _known_facts(self) -> Facts:
        if self._facts is None:
            self.refresh()
        assert self._facts is not None
        return self._facts

    def _placed(self, event: CapitalEvent) -> str:
        """The facts of an event, by newer reference data where the known one does not do."""
        text = self._known_facts().text(event, Direct(time.time_ns()))
        if text.startswith(_QUARANTINED) and self.refresh():
            text = self._known_facts().text(event, Direct(time.time_ns()))
        if text.startswith(_QUARANTINED):
            raise CapitalError(f"{event.kind}: {json.loads(text)['detail']}")
        return text

    def _entries(self, book: str, end: str, count: int) -> list[tuple[str, dict[str, str]]]:
        with self.in_one_line():
            found: Any = self.server.xrevrange(keys.journal(book), end, count=count)
        return [(entry.decode(), _decoded(fields)) for entry, fields in found]


def _decoded(fields: Mapping[bytes, bytes]) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in fields.items()}


def _id(event: CapitalEvent) -> str:
    return event.transfer_id if isinstance(event, Transfer) else event.event_id


def _dedupe_id(event: CapitalEvent) -> str:
    """What the journal knows an event by."""
    if isinstance(event, Transfer):
        return f"transfer/{event.transfer_id}/{event.step}"
    return f"event/{event.event_id}"


def _declined(book: str, taken: Taken, event: CapitalEvent, facts_text: str) -> CapitalError:
    if taken.reason == "insufficient_balance":
        (told,), facts = json.loads(taken.effects), json.loads(facts_text)
        return InsufficientBalance(
            Amount.parse(told["requested"]),
            Amount.parse(told["available"]),
            unescape_id(facts["location"]),
            unescape_id(facts["token"]),
        )
    if isinstance(event, Reservation) and taken.reason == "order_ended":
        order, venue = unescape_id(event.order_id), unescape_id(event.venue)
        return CapitalError(f"order {order} of {venue} has ended: nothing is reserved for it")
    return CapitalError(f"book {book} declined the {event.kind}: {taken.reason}")
