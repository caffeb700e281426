"""The facts of busts, corrections and adjustments, and of what becomes of a correction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from pm.events.facts_text import Direct, Place, fees_text, head, optional, plain_text
from pm.events.model import Adjustment, Bust, Correct
from pm.events.resolving import Resolver


def _bust(event: Bust, place: Place | Direct, resolver: Resolver) -> str:
    return (
        f"{_request(event, place, resolver)}"
        f"{optional('keep_fees', '1' if event.keep_fees else None)}}}"
    )


def _correct(event: Correct, place: Place | Direct, resolver: Resolver) -> str:
    fees = () if event.fees is None else resolver.fees(event.fees, None, "0")
    return (
        f"{_request(event, place, resolver)}{optional('quantity', event.quantity)}"
        f"{optional('price', event.price)}{optional('quote_amount', event.quote_amount)}"
        f"{'' if event.fees is None else fees_text(fees)}}}"
    )


def _request(event: Bust | Correct, place: Place | Direct, resolver: Resolver) -> str:
    order = resolver.order_id(event.venue, event.order_id, event.order_date, event.executed_at)
    return (
        f"{head(event.kind, place, event.executed_at)}"
        f',"id":"event/{event.event_id}","correction":"{event.event_id}"'
        f',"execution":"{event.venue}/{order}/{event.execution_id}"'
        f"{optional('of_strategy', event.strategy_id)}{_who(event)}"
    )


def _adjustment(event: Adjustment, place: Place | Direct, resolver: Resolver) -> str:
    known = resolver.maybe_instrument(event.instrument)
    location, chain_id = resolver.place(
        event.location, event.account, event.venue, event.chain_id, known
    )
    venue = event.venue if known is None else event.venue or known.instrument.venue
    return (
        f"{head('adjustment', place, event.executed_at)}"
        f',"id":"event/{event.event_id}"{optional("strategy", event.strategy_id)}'
        f"{optional('venue', venue)}"
        f',"location":"{location}","chain_id":"{chain_id}"'
        f"{'' if known is None else known.text}{resolver.assets(known, (event.token,))}"
        f"{optional('quantity', event.quantity)}{optional('token', event.token)}"
        f"{optional('amount', event.amount)}{optional('cost', event.cost)}"
        f"{optional('break', event.break_id)}{_who(event)}}}"
    )


def _who(event: Bust | Correct | Adjustment) -> str:
    return f',"by":"{plain_text(event.by)}","why":"{plain_text(event.why)}"'


WRITERS: Final[dict[type, Callable[[Any, Place | Direct, Resolver], str]]] = {
    Bust: _bust,
    Correct: _correct,
    Adjustment: _adjustment,
}
