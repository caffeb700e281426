"""The facts of what the books' own processes find out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from pm.events.facts_text import Direct, Place, head
from pm.events.model import FeeValue, TraceArchived, TraceExpired
from pm.events.resolving import Resolver


def _fee_value(event: FeeValue, place: Place | Direct, resolver: Resolver) -> str:
    known = resolver.instrument(event.instrument)
    return (
        f"{head('fee_value', place, event.executed_at)}"
        f',"id":"fee/{event.fee_seq}/{event.token}","strategy":"{event.strategy_id}"'
        f',"venue":"{event.venue or known.instrument.venue}"{known.text}'
        f"{resolver.assets(known, (event.token,))}"
        f',"token":"{event.token}","amount":"{event.amount}","value":"{event.value}"'
        f',"fee_executed_at":"{event.fee_executed_at}"}}'
    )


def _trace_expired(event: TraceExpired, place: Place | Direct, _: Resolver) -> str:
    return (
        f"{head('trace_expired', place, event.executed_at)}"
        f',"id":"trace/{event.trace_id}/{event.steps}/expired"'
        f',"trace":{{"id":"{event.trace_id}"}},"steps":"{event.steps}"'
        f',"verdict":"{event.verdict}"}}'
    )


def _trace_archived(event: TraceArchived, place: Place | Direct, _: Resolver) -> str:
    return (
        f"{head('trace_archived', place, event.executed_at)}"
        f',"id":"trace/{event.trace_id}/{event.steps}/archived"'
        f',"trace":{{"id":"{event.trace_id}"}},"steps":"{event.steps}"}}'
    )


WRITERS: Final[dict[type, Callable[[Any, Place | Direct, Resolver], str]]] = {
    FeeValue: _fee_value,
    TraceExpired: _trace_expired,
    TraceArchived: _trace_archived,
}
