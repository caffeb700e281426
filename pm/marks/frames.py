"""Marks from the public trades in relay frames.

A relay of market data passes frames on unverified and its fast senders leave the checksum out, so a
missing one is accepted here; a wrong one is not. What gives no mark is counted by its reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from pm.decimals import Amount
from pm.events.event_values import FIRST_NANOSECONDS
from pm.events.wire import WIRE_DECIMALS
from pm.marks.mark import AHEAD_MAX_NS, Mark
from pm.reference.snapshot import Reference
from pm.wire.frame import DecodePolicy, Frame
from pm.wire.side_layouts import Trade
from pm.wire.stream import Rejected, StreamReader
from pm.wire.venues import VENUE_NAMES

MARK_POLICY: Final = DecodePolicy(require_checksum=False, accept_market_data=True)


@dataclass(frozen=True, slots=True)
class FrameMarks:
    """The marks of some frames in their order, and how often something gave none, by reason."""

    marks: list[Mark] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)


def marks_of_frames(chunks: Iterable[bytes], reference: Reference, received_at: int) -> FrameMarks:
    """Return the marks in a stream of frames, given in pieces of any size.

    Reasons are unknown_instrument, negative_price, future_time, skipped_bytes, and what is wrong
    with a damaged frame.
    """
    found = FrameMarks()
    reader = StreamReader(MARK_POLICY)
    for record in _records(reader, chunks):
        if isinstance(record, Rejected):
            found.skipped[record.error.code] += 1
        else:
            _read_frame(record, reference, received_at, found)
    if reader.skipped_bytes:
        found.skipped["skipped_bytes"] = reader.skipped_bytes
    return found


def mark_of_trade(
    trade: Trade, frame_time: int, reference: Reference, received_at: int
) -> Mark | str:
    """Return the mark a public trade makes, or the reason why it makes none.

    A trade whose time is not in nanoseconds happened at `frame_time`, else when it was received.
    """
    instrument = reference.instrument_of_wire_id(trade.instrument.to_bytes())
    if instrument is None:
        return "unknown_instrument"
    if trade.price < 0:
        return "negative_price"
    times = (sent for sent in (trade.time_ns, frame_time) if sent >= FIRST_NANOSECONDS)
    time = next(times, received_at)
    if time > received_at + AHEAD_MAX_NS:
        return "future_time"
    venue = trade.instrument.venue
    return Mark(
        subject=instrument.id,
        quote=instrument.quote,
        price=Amount.from_wire(trade.price, WIRE_DECIMALS),
        time=time,
        source=VENUE_NAMES.get(venue) or f"venue{venue}",
        kind="last",
        received_at=received_at,
    )


def _records(reader: StreamReader, chunks: Iterable[bytes]) -> Iterator[Frame | Rejected]:
    for chunk in chunks:
        yield from reader.feed(chunk)
    yield from reader.flush()


def _read_frame(frame: Frame, reference: Reference, received_at: int, found: FrameMarks) -> None:
    for tlv in frame.tlvs:
        if isinstance(tlv.record, Trade):
            made = mark_of_trade(tlv.record, frame.header.timestamp, reference, received_at)
            if isinstance(made, str):
                found.skipped[made] += 1
            else:
                found.marks.append(made)
