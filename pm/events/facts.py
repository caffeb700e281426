"""Events to facts: the one JSON text per event that is applied to the books and journaled.

Facts carry everything accounting needs, so that the books never ask reference data again: the
instrument's kind, tokens and multiplier, the tokens of fees, the location and the day. An event
for which that cannot be said becomes quarantined facts; it is never applied by guessing.

The text is joined from pieces, in the order of its keys: what an instrument contributes is rendered
once, which takes half the time of dumping a dict. It needs no quoting, because ids are restricted
to characters that need none and everything else is digits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from pm.events import capital_facts, correction_facts, life_facts, order_facts, upkeep_facts
from pm.events.facts_text import Direct, Place, nothing_facts, quarantined_facts
from pm.events.message import pack
from pm.events.model import Event, Quarantined
from pm.events.replay import event_from_facts
from pm.events.resolving import Resolver, Unusable
from pm.reference.snapshot import Reference

__all__ = ["Direct", "Facts", "Place", "event_from_facts", "nothing_facts", "quarantined_facts"]

_WRITERS: Final[dict[type, Callable[[Any, Place | Direct, Resolver], str]]] = {
    **order_facts.WRITERS,
    **capital_facts.WRITERS,
    **life_facts.WRITERS,
    **upkeep_facts.WRITERS,
    **correction_facts.WRITERS,
}


class Facts:
    """The facts of events, by one version of the reference data."""

    def __init__(self, reference: Reference) -> None:
        self.reference: Final = reference
        self._resolver: Final = Resolver(reference)

    def text(
        self, event: Event | Quarantined, place: Place | Direct, raw: bytes | None = None
    ) -> str:
        """Return the facts of an event, quarantined ones where it cannot be applied.

        `raw` is what was received, for the hash in quarantined facts; without it, the event's own
        message is hashed.
        """
        if isinstance(event, Quarantined):
            return quarantined_facts(place, event.reason, event.detail, raw or b"")
        try:
            return _WRITERS[type(event)](event, place, self._resolver)
        except Unusable as error:
            raw = pack(event) if raw is None else raw
            return quarantined_facts(place, error.reason, error.detail, raw)
