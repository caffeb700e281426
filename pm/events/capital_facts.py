"""The facts of capital that comes, goes, moves, or is given to a strategy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from pm.events.facts_text import Direct, Place, head, optional, trace_text
from pm.events.instrument_facts import InstrumentFacts
from pm.events.model import Allocation, CapitalFlow, Transfer
from pm.events.resolving import Resolver


def _flow(event: CapitalFlow, place: Place | Direct, resolver: Resolver) -> str:
    known = resolver.maybe_instrument(event.instrument)
    location, chain_id = resolver.place(
        event.location, event.account, event.venue, event.chain_id, known
    )
    venue = event.venue if known is None else event.venue or known.instrument.venue
    return (
        f"{head(event.kind, place, event.executed_at)}"
        f',"id":"event/{event.event_id}"{optional("strategy", event.strategy_id)}'
        f"{optional('venue', venue)}"
        f',"location":"{location}","chain_id":"{chain_id}"'
        f"{'' if known is None else known.text}{resolver.assets(known, (event.token,))}"
        f"{optional('quantity', event.quantity)}{optional('token', event.token)}"
        f"{optional('amount', event.amount)}{optional('cost', event.cost)}}}"
    )


def _allocation(event: Allocation, place: Place | Direct, resolver: Resolver) -> str:
    return (
        f"{head('allocation', place, event.executed_at)}"
        f',"id":"event/{event.event_id}","strategy":"{event.strategy_id}"'
        f"{resolver.assets(None, (event.token,))}"
        f',"token":"{event.token}","amount":"{event.amount}"}}'
    )


def _transfer(event: Transfer, place: Place | Direct, resolver: Resolver) -> str:
    known = resolver.maybe_instrument(event.instrument)
    target = resolver.maybe_instrument(event.to_instrument)
    to_token = None if event.to_token == event.token else event.to_token
    start, end = _start(event, known, resolver), _end(event, target, resolver)
    more = () if target is None else (target,)
    return (
        f"{head('transfer', place, event.executed_at)}"
        f',"id":"transfer/{event.transfer_id}/{event.step}"'
        f"{optional('strategy', event.strategy_id)}{_venue(event, known, target)}"
        f"{'' if known is None else known.text}"
        f"{resolver.assets(known, (event.token, to_token), *more)}"
        f',"transfer":"{event.transfer_id}","step":"{event.step}"{_place_text("from", start)}'
        f',"token":"{event.token}"{optional("amount", event.amount)}{_place_text("to", end)}'
        f"{optional('to_token', to_token)}{optional('arrived', event.arrived)}"
        f"{'' if target is None or end is None else target.at('to', *end)}"
        f"{optional('rate', event.rate)}{optional('to_book', event.to_book)}"
        f"{optional('from_book', event.from_book)}{optional('cost', event.cost)}"
        f"{trace_text(event.trace)}}}"
    )


def _start(
    event: Transfer, known: InstrumentFacts | None, resolver: Resolver
) -> tuple[str, int] | None:
    """Return where it leaves, None where the step does not say and need not."""
    stated = (event.from_location, event.from_account, event.from_venue, event.from_chain_id)
    if event.step not in ("sent", "whole") and all(value is None for value in stated):
        return None
    return resolver.place(*stated, known)


def _end(
    event: Transfer, target: InstrumentFacts | None, resolver: Resolver
) -> tuple[str, int] | None:
    """Return where it arrives, None where the step does not say and need not."""
    stated = (event.to_location, event.to_account, event.to_venue, event.to_chain_id)
    arrives_here = event.step in ("arrived", "whole") and event.to_book is None
    if not arrives_here and target is None and all(value is None for value in stated):
        return None
    return resolver.place(*stated, target)


def _place_text(end: str, place: tuple[str, int] | None) -> str:
    if place is None:
        return ""
    location, chain_id = place
    return f',"{end}_location":"{location}","{end}_chain_id":"{chain_id}"'


def _venue(event: Transfer, known: InstrumentFacts | None, target: InstrumentFacts | None) -> str:
    """Return the venue of the position that is moved, of the one it becomes if it has none here."""
    if known is not None:
        return optional("venue", event.from_venue or known.instrument.venue)
    if target is not None:
        return optional("venue", event.to_venue or target.instrument.venue)
    return ""


WRITERS: Final[dict[type, Callable[[Any, Place | Direct, Resolver], str]]] = {
    CapitalFlow: _flow,
    Allocation: _allocation,
    Transfer: _transfer,
}
