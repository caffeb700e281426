"""An event that needs no relay."""

from __future__ import annotations

from typing import NamedTuple

from pm.events.model import Event


class BookEvent(NamedTuple):
    """An event for one book."""

    book: str
    event: Event
