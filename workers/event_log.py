"""What a line of the log says of an event: where it came in, and which trace it belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pm.events.message import unpack
from pm.events.model import EventError
from pm.wire.errors import FrameError
from pm.wire.frame import DecodePolicy, decode_frame
from pm.wire.header import MAGIC_BYTES

_ANY: Final = DecodePolicy(require_checksum=False, accept_types_crate_domain=True)


def about_event(facts: Mapping[str, Any], raw: bytes = b"") -> dict[str, Any]:
    """Fields for a line about an event of these facts; `raw`, if it was refused, tells its trace.

    The facts of what was refused hold no more than its place.
    """
    about = {name: facts[name] for name in ("lane", "entry", "index", "strategy") if name in facts}
    trace = facts["trace"]["id"] if "trace" in facts else trace_of(raw)
    return about if trace is None else {**about, "trace": trace}


def trace_part(about: Mapping[str, Any]) -> str:
    """The trace as the end of a line; nothing without one."""
    return f" (trace {about['trace']})" if "trace" in about else ""


def trace_of(raw: bytes) -> str | None:
    """The trace named in an event or a frame as it came in, as far as it can be read."""
    try:
        if raw.startswith(MAGIC_BYTES):
            context = decode_frame(raw, _ANY).trace
            return None if context is None else context.trace_id
        trace = getattr(unpack(raw), "trace", None)
    except (EventError, FrameError):
        return None
    return None if trace is None else str(trace.id)
