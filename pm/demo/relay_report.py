"""What the relay says of itself, and how to read it: its lines are all the demo knows of it."""

from __future__ import annotations

from typing import Final, NamedTuple

CONNECTED: Final = "a consumer is connected"
REPEATED: Final = "repeated the last"
GONE: Final = "a consumer is gone"
OVER: Final = "the day is over"


class RelayReport(NamedTuple):
    """Where a relay with one consumer at a time stands.

    `is_heard` says that a consumer is there and has been given what it missed.
    """

    is_over: bool
    is_heard: bool


def read_report(text: str) -> RelayReport:
    """Read everything a relay has said since it started."""
    connected, repeated, gone = (text.count(words) for words in (CONNECTED, REPEATED, GONE))
    return RelayReport(OVER in text, connected > gone and repeated >= connected - 1)
