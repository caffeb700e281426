"""Events as msgpack, the form in which producers without a gateway put them on a lane.

A message is the same map as a JSON line: numbers are text or integers, ids are in their outside
spelling. Floats, timestamps, extension types and binary values have no place in it and are refused.
"""

from __future__ import annotations

from typing import Any, Final

import msgpack

from pm.events.model import Event, EventError
from pm.events.read_event import read_event
from pm.events.unique_keys import table_of_pairs
from pm.events.write_event import event_table

MAX_MESSAGE_SIZE: Final = 65_536


def pack(event: Event) -> bytes:
    """Return the message of an event."""
    packed: bytes = msgpack.packb(event_table(event), use_bin_type=True)
    return packed


def unpack(message: bytes) -> Event:
    """Return the event of a message; EventError says in one line what is wrong with it."""
    if len(message) > MAX_MESSAGE_SIZE:
        raise EventError(f"is longer than {MAX_MESSAGE_SIZE} bytes")
    values = _decode(message)
    if not isinstance(values, dict):
        raise EventError("is not a msgpack map")
    return read_event(values)


def _decode(message: bytes) -> Any:
    try:
        return msgpack.unpackb(
            message,
            raw=False,
            object_pairs_hook=table_of_pairs,
            max_array_len=64,
            max_map_len=64,
            max_bin_len=0,
            max_ext_len=0,
        )
    except EventError:
        raise
    except (ValueError, TypeError, RecursionError, msgpack.UnpackException) as error:
        detail = f"{type(error).__name__} {error}".replace("\n", " ").strip()
        raise EventError(f"is not msgpack: {detail[:80]}") from None
