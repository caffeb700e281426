"""A lane entry to facts: whatever came in, one prepared event for each thing it says.

Entries hold a relay frame (`frame`, with the gateway's `context` of its orders) or a producer's
message (`event`). What cannot be decoded becomes a quarantined event with its reason and its bytes;
an entry that says nothing to this book still becomes one event, so that the journal accounts for
every entry. The same entry with the same reference data always gives the same facts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgpack

from pm.books.applying import Prepared
from pm.books.lanes import LaneEntry
from pm.events.facts import Direct, Facts, Place, nothing_facts
from pm.events.message import pack, unpack
from pm.events.model import (
    Event,
    EventError,
    ExecutionResult,
    Fill,
    OrderStatus,
    Quarantined,
    Rejected,
    Transfer,
)
from pm.events.order_context import OrderContext
from pm.events.wire import wire_events
from pm.reference.snapshot import Reference
from pm.settings import BooksSettings
from pm.wire.errors import FrameError
from pm.wire.frame import DecodePolicy, decode_frame

_OF_TRACES = (Fill, ExecutionResult, Rejected, OrderStatus, Transfer)


@dataclass(frozen=True, slots=True)
class DecodingOptions:
    """What decoding depends on beside reference data."""

    books: BooksSettings = field(default_factory=BooksSettings)
    strategy_from_order_id: bool = False
    track_traces: bool = True
    lenient_checksum: bool = False
    accept_domain_2: bool = False

    def policy(self) -> DecodePolicy:
        """How frames are checked."""
        return DecodePolicy(
            require_checksum=not self.lenient_checksum,
            accept_types_crate_domain=self.accept_domain_2,
        )


class Decoder:
    """Prepares the entries of one book with one version of the reference data."""

    def __init__(self, book: str, reference: Reference, options: DecodingOptions) -> None:
        self.reference = reference
        self._book = book
        self._options = options
        self._policy = options.policy()
        self._facts = Facts(reference)

    def prepare(self, entry: LaneEntry) -> list[Prepared]:
        """The events of an entry, in order, at least one."""
        received_at = entry_received_at(entry)
        raw = entry.fields.get(b"frame", entry.fields.get(b"event", b""))
        events = self._events(entry, raw, received_at)
        if not events:
            place = Place(entry.lane, entry.id, 0, 1, received_at)
            return [_prepared(nothing_facts(place), raw=b"")]
        prepared = []
        for index, event in enumerate(events):
            place = Place(entry.lane, entry.id, index, len(events), received_at)
            prepared.append(_prepared(self._facts.text(event, place, raw), raw=raw))
        return prepared

    def prepare_direct(self, event: Event, received_at: int) -> Prepared:
        """An event that is submitted by itself, through no lane; `received_at` is nanoseconds."""
        raw = pack(event)
        return _prepared(self._facts.text(self._checked(event), Direct(received_at), raw), raw=raw)

    def _events(self, entry: LaneEntry, raw: bytes, received_at: int) -> list[Event | Quarantined]:
        if b"frame" in entry.fields:
            return self._frame_events(entry.fields, raw, received_at)
        if b"event" not in entry.fields:
            names = ", ".join(sorted(name.decode(errors="replace") for name in entry.fields))
            return [Quarantined("unknown_entry", f"neither frame nor event but {names}"[:200])]
        try:
            event = unpack(raw)
        except EventError as error:
            return [Quarantined("malformed_event", str(error))]
        return [self._checked(event)]

    def _checked(self, event: Event) -> Event | Quarantined:
        """The event as this book takes it; it has been sent to this book by name."""
        strategy = event.strategy_id
        if strategy is not None:
            belongs = self._options.books.strategies.get(str(strategy), self._book)
            if belongs != self._book:
                detail = f"strategy {strategy} belongs to book {belongs}"
                return Quarantined("wrong_book", detail)
        return self._with_trace(event)

    def _frame_events(
        self, fields: Mapping[bytes, bytes], raw: bytes, received_at: int
    ) -> list[Event | Quarantined]:
        try:
            frame = decode_frame(raw, self._policy)
            orders = _contexts(fields.get(b"context", b""))
        except FrameError as error:
            return [Quarantined(error.code, str(error))]
        except ValueError as error:
            return [Quarantined("malformed_context", str(error)[:200])]
        if frame.ignored:
            return []
        found = wire_events(
            frame,
            orders,
            received_at,
            self.reference,
            strategy_from_order_id=self._options.strategy_from_order_id,
        )
        own = [
            event if isinstance(event, Quarantined) else self._with_trace(event)
            for event in found
            if isinstance(event, Quarantined) or self._is_own(event)
        ]
        if found and not own:
            # The gateway routed by another table of books than ours; nobody else may have it.
            return [Quarantined("wrong_book", f"no event of the frame belongs to {self._book}")]
        return own

    def _is_own(self, event: Event) -> bool:
        """A frame may speak to several books; each takes what is its own."""
        strategy = event.strategy_id
        return strategy is None or self._options.books.book_of(str(strategy)) == self._book

    def _with_trace(self, event: Event) -> Event:
        if self._options.track_traces or not isinstance(event, _OF_TRACES):
            return event
        return event._replace(trace=None)


def _contexts(packed: bytes) -> dict[int, OrderContext]:
    if not packed:
        return {}
    try:
        table = msgpack.unpackb(packed, raw=False, strict_map_key=False)
        return {int(order): OrderContext.from_table(known) for order, known in table.items()}
    except (ValueError, TypeError, AttributeError, msgpack.UnpackException) as error:
        raise ValueError(f"the order context is not readable: {error}") from None


def entry_received_at(entry: LaneEntry) -> int:
    """The stamp of who put the entry there, else the milliseconds of a server-clock id; ns."""
    stamp = entry.fields.get(b"received_at", b"")
    if stamp.isdigit() and len(stamp) < 20:
        return int(stamp)
    return int(entry.id.partition("-")[0]) * 1_000_000


def _prepared(text: str, raw: bytes) -> Prepared:
    facts = json.loads(text)
    return Prepared(text, facts, raw if facts["kind"] == "quarantined" else b"")
