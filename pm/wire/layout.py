"""What a layout is: how the value bytes of one TLV become one record, and back.

Two senders put different structs under one type number, so a layout is chosen by type and length
together. A layout whose record holds its fields in wire order is `flat`: its format string is all
there is to it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from pm.wire.errors import FrameError

# A NamedTuple class has no common base that a type checker could name.
Record = tuple[Any, ...]
Unpack = Callable[[bytes, int], Record]
Pack = Callable[[Any], bytes]

_U64: Final = (1 << 64) - 1

SIDE_FROM_SIGN: Final = 0
BUY: Final = 1
SELL: Final = 2


@dataclass(frozen=True, slots=True)
class Layout:
    """One byte layout; `types` are the TLV types it is found under, the one to send first.

    `unpack(buffer, offset)` needs `length` bytes at the offset, and may raise FrameError.
    """

    name: str
    kind: str
    types: tuple[int, ...]
    length: int
    record: type[Record]
    unpack: Unpack
    pack: Pack


def flat(
    name: str, kind: str, types: tuple[int, ...], wire_format: str, record: type[Any]
) -> Layout:
    """Build the layout of a NamedTuple class whose fields are in wire order."""
    codec = struct.Struct("<" + wire_format)
    make: Callable[[tuple[Any, ...]], Record] = record._make
    unpack_from = codec.unpack_from

    def unpack(buffer: bytes, offset: int) -> Record:
        return make(unpack_from(buffer, offset))

    def pack(value: Record) -> bytes:
        return codec.pack(*value)

    return Layout(name, kind, types, codec.size, record, unpack, pack)


def join_u128(low: int, high: int) -> int:
    """Join two wire halves; a signed high half gives a signed number."""
    return high << 64 | low


def split_u128(value: int) -> tuple[int, int]:
    """Split into low and high half; a high half out of range is left for the packer to refuse."""
    return value & _U64, value >> 64


def check_enum(field: str, value: int, first: int, last: int) -> None:
    """Refuse a number that means nothing to the layout; the caller adds the TLV type."""
    if not first <= value <= last:
        message = f"{field} is {value}, which is not in {first}..{last}"
        raise FrameError("invalid_enum", message, field=field, value=value)


def check_side_against_sign(side: int, quantity: int) -> None:
    """Refuse a buy of a negative quantity. A sell may be written with either sign."""
    if side == BUY and quantity < 0:
        message = f"side says buy but the quantity is {quantity}"
        raise FrameError("side_sign_mismatch", message, field="side", value=side)
