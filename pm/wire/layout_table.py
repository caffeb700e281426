"""Which layout a TLV has, by type and length, and what becomes of one that has none.

- A type and length in the table is decoded, in the standard and the extended form alike.
- An execution or trace type that has layouts, with a length none of them has, damns its
  frame (`unknown_layout`): guessing could move a position, and skipping could lose a fill.
- A registered type without layouts (44, 46, 60, …), and another length of a type that moves nothing
  (1, 2, 61, 101, 110), is opaque and skipped. 61 belongs here: the registry allows it 40 to
  512 bytes, and it reports positions rather than executions.
- A number the registry does not have is unknown, skipped and counted.
"""

from __future__ import annotations

from typing import Final

from pm.wire.errors import FrameError
from pm.wire.execution_layouts import EXECUTION_LAYOUTS
from pm.wire.layout import Layout, Record
from pm.wire.side_layouts import SIDE_LAYOUTS, SNAPSHOT, SNAPSHOT_LAYOUT
from pm.wire.trace_layouts import TRACE_LAYOUTS

EXECUTION_TYPES: Final = range(40, 60)

LAYOUTS: Final[tuple[Layout, ...]] = (*EXECUTION_LAYOUTS, *TRACE_LAYOUTS, *SIDE_LAYOUTS)

_BY_TYPE_AND_LENGTH: Final[dict[tuple[int, int], Layout]] = {
    (tlv_type, layout.length): layout for layout in LAYOUTS for tlv_type in layout.types
}
_BY_RECORD: Final[dict[type[Record], Layout]] = {layout.record: layout for layout in LAYOUTS}

_STRICT_TYPES: Final = frozenset(
    tlv_type for layout in (*EXECUTION_LAYOUTS, *TRACE_LAYOUTS) for tlv_type in layout.types
)

REGISTERED_TYPES: Final = frozenset(
    {
        *(1, 2),
        *range(40, 51),
        *range(60, 73),
        *range(80, 91),
        *range(100, 109),
        *(110, 111, 112, 120),
        *range(200, 205),
    }
)


def layout_of(tlv_type: int, length: int) -> Layout | None:
    """Return the layout, or None to skip the TLV; FrameError where the whole frame is lost."""
    layout = _BY_TYPE_AND_LENGTH.get((tlv_type, length))
    if layout is not None:
        return layout
    if tlv_type in _STRICT_TYPES:
        message = f"TLV type {tlv_type} has no layout of {length} bytes"
        raise FrameError("unknown_layout", message, tlv_type=tlv_type, tlv_len=length)
    if tlv_type == SNAPSHOT and length >= SNAPSHOT_LAYOUT.length:
        return SNAPSHOT_LAYOUT
    return None


def layout_of_record(record: Record) -> Layout:
    """Return the layout a record is sent in; TypeError for anything that is no record."""
    layout = _BY_RECORD.get(type(record))
    if layout is None:
        raise TypeError(f"{type(record).__name__} is not a wire record")
    return layout
