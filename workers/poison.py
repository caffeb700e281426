"""What neither the decoder nor a rule can take: it is quarantined instead of stopping its lane.

Which event that is follows from the lane and the books alone, and its facts say nothing of the
error, so every worker writes the same journal. The error itself is logged.
"""

from __future__ import annotations

import json
import logging

from pm.books.applying import Prepared
from pm.books.decoding import Decoder, entry_received_at
from pm.books.lanes import LaneEntry
from pm.events.facts import Place, quarantined_facts
from workers.event_log import about_event, trace_part

log = logging.getLogger("pm.worker")


def decoded(decoder: Decoder, entry: LaneEntry) -> list[Prepared]:
    """The events of an entry, in order; the entry as one quarantined event if decoding fails."""
    try:
        return decoder.prepare(entry)
    except MemoryError:
        raise
    except Exception:
        # Decoding reads nothing but the entry: whatever it raises, it would raise for ever.
        about = about_event({"lane": entry.lane, "entry": entry.id})
        log.exception("lane %s entry %s cannot be decoded", *about.values(), extra=about)
        place = Place(entry.lane, entry.id, 0, 1, entry_received_at(entry))
        return [_quarantined(place, "cannot_decode", "the decoder failed", entry)]


def refused(event: Prepared, entry: LaneEntry, error: str) -> Prepared:
    """The quarantined event that takes the place of one no rule can decide."""
    facts = event.facts
    index, of = int(facts["index"]), int(facts["of"])
    about = about_event(facts)
    log.error(
        "lane %s entry %s[%d] cannot be applied: %s%s",
        *(entry.lane, entry.id, index, error, trace_part(about)),
        extra=about,
    )
    place = Place(entry.lane, entry.id, index, of, int(facts["received_at"]))
    detail = f"no rule can decide this {facts['kind']} {facts.get('id', '')}".rstrip()
    return _quarantined(place, "cannot_apply", detail, entry)


def _quarantined(place: Place, reason: str, detail: str, entry: LaneEntry) -> Prepared:
    raw = entry.fields.get(b"frame", entry.fields.get(b"event", b""))
    text = quarantined_facts(place, reason, detail, raw)
    return Prepared(text, json.loads(text), raw)
