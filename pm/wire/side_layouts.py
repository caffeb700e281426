"""Layouts that may ride in an execution frame but are neither executions nor traces.

Trades and quotes give marks, a position update is what a portfolio publishes, recovery messages
belong to the relay. None of them moves a position, so a length that is not known here costs its own
TLV only, not the frame.
"""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

from pm.wire.instrument_id import InstrumentId
from pm.wire.layout import Layout, flat

TRADE: Final = 1
QUOTE: Final = 2
POSITION_UPDATE: Final = 61
SNAPSHOT: Final = 101
RECOVERY_REQUEST: Final = 110


class Trade(NamedTuple):
    """A public trade in 8 decimals; `time_ns` is nanoseconds, side 0 buy or 1 sell."""

    instrument: InstrumentId
    price: int
    volume: int
    time_ns: int
    side: int


class Quote(NamedTuple):
    """Best bid and ask in 8 decimals; `time_ns` is nanoseconds."""

    instrument: InstrumentId
    bid_price: int
    bid_size: int
    ask_price: int
    ask_size: int
    time_ns: int


class BincodePositionUpdate(NamedTuple):
    """A position under its lossy u64 instrument key; `quantity` is signed."""

    position_id: int
    instrument_id: int
    quantity: int
    average_price: int
    unrealized_pnl: int
    timestamp_ns: int


class RecoveryRequest(NamedTuple):
    """A plea for lost messages; request type 1 retransmit, 2 snapshot."""

    last_sequence: int
    current_sequence: int
    consumer_id: int
    request_type: int


class SnapshotPrefix(NamedTuple):
    """What precedes the data of a snapshot; compression 0 none, 1 zlib, 2 lz4, 3 zstd.

    The data itself is never unpacked here: its size is a claim of the sender.
    """

    sequence: int
    timestamp: int
    snapshot_id: int
    crc32: int
    uncompressed_size: int
    compression: int


_TRADE: Final = struct.Struct("<QqqQHBBB3x")
_QUOTE: Final = struct.Struct("<QqqqqQHBB4x")


def _unpack_trade(buffer: bytes, offset: int) -> Trade:
    asset, price, volume, time_ns, venue, asset_type, reserved, side = _TRADE.unpack_from(
        buffer, offset
    )
    return Trade(InstrumentId(asset, venue, asset_type, reserved), price, volume, time_ns, side)


def _pack_trade(record: Trade) -> bytes:
    instrument, price, volume, time_ns, side = record
    asset_id, venue, asset_type, reserved = instrument
    return _TRADE.pack(asset_id, price, volume, time_ns, venue, asset_type, reserved, side)


def _unpack_quote(buffer: bytes, offset: int) -> Quote:
    asset, bid, bid_size, ask, ask_size, time_ns, venue, asset_type, reserved = _QUOTE.unpack_from(
        buffer, offset
    )
    instrument = InstrumentId(asset, venue, asset_type, reserved)
    return Quote(instrument, bid, bid_size, ask, ask_size, time_ns)


def _pack_quote(record: Quote) -> bytes:
    asset_id, venue, asset_type, reserved = record.instrument
    return _QUOTE.pack(asset_id, *record[1:], venue, asset_type, reserved)


SNAPSHOT_LAYOUT: Final = flat("SNAPSHOT", "Snapshot", (SNAPSHOT,), "QQIII2xBx", SnapshotPrefix)

SIDE_LAYOUTS: Final[tuple[Layout, ...]] = (
    Layout("TradeTLV", "Trade", (TRADE,), _TRADE.size, Trade, _unpack_trade, _pack_trade),
    Layout("QuoteTLV", "Quote", (QUOTE,), _QUOTE.size, Quote, _unpack_quote, _pack_quote),
    flat("POSBIN48", "PositionUpdate", (POSITION_UPDATE,), "QQqqqQ", BincodePositionUpdate),
    flat("REC24", "RecoveryRequest", (RECOVERY_REQUEST,), "QQII", RecoveryRequest),
)
