"""The facts of what happens to an order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from pm.events.facts_text import Direct, Place, fees_text, head, optional, trace_text
from pm.events.instrument_facts import InstrumentFacts
from pm.events.model import (
    ExecutionResult,
    Fill,
    OrderStatus,
    Rejected,
    Release,
    Reservation,
)
from pm.events.resolving import Resolver

_SIGN_OF_SIDE: Final = {"buy": "1", "sell": "-1", None: "0"}


def _fill(event: Fill, place: Place | Direct, resolver: Resolver) -> str:
    known = resolver.instrument(event.instrument)
    fees = resolver.fees(event.fees, known, event.quantity) if event.fees else ()
    order = _order_id(event, resolver)
    return (
        f"{head('fill', place, event.executed_at)}"
        f',"id":"{event.venue}/{order}/{event.execution_id}","strategy":"{event.strategy_id}"'
        f"{_where(event, order, known, resolver)}{known.text}"
        f"{resolver.assets(known, [fee.token for fee in fees])}"
        f',"quantity":"{event.quantity}","price":"{event.price}"'
        f"{optional('quote_amount', event.quote_amount)}{fees_text(fees) if fees else ''}"
        f"{optional('decided_at', event.decided_at)}{trace_text(event.trace)}}}"
    )


def _execution_result(event: ExecutionResult, place: Place | Direct, resolver: Resolver) -> str:
    known = resolver.instrument(event.instrument)
    fees = resolver.fees(event.fees or (), known, event.quantity)
    order = _order_id(event, resolver)
    return (
        f"{head('execution_result', place, event.executed_at)}"
        f',"id":"event/{event.event_id}","strategy":"{event.strategy_id}"'
        f"{_where(event, order, known, resolver)}{known.text}"
        f"{resolver.assets(known, [fee.token for fee in fees])}"
        f',"quantity":"{event.quantity}"{optional("price", event.price)}'
        f"{optional('quote_amount', event.quote_amount)}"
        f"{'' if event.fees is None else fees_text(fees)}"
        f',"result":"{event.result}"'
        f"{optional('decided_at', event.decided_at)}{trace_text(event.trace)}}}"
    )


def _unexecuted(event: Rejected | OrderStatus, place: Place | Direct, resolver: Resolver) -> str:
    known = resolver.maybe_instrument(event.instrument)
    fees = resolver.fees(event.fees, known, _SIGN_OF_SIDE[event.side])
    order = _order_id(event, resolver)
    if isinstance(event, OrderStatus):
        own, reason = optional("status", event.status), ""
    else:
        own, reason = "", optional("reason", event.reason)
    return (
        f"{head(event.kind, place, event.executed_at)}"
        f',"id":"event/{event.event_id}"{optional("strategy", event.strategy_id)}'
        f"{_where(event, order, known, resolver)}{'' if known is None else known.text}"
        f"{resolver.assets(known, [fee.token for fee in fees])}{fees_text(fees) if fees else ''}"
        f"{own}{trace_text(event.trace)}{reason}}}"
    )


def _held(event: Reservation | Release, place: Place | Direct, resolver: Resolver) -> str:
    location, chain_id = resolver.place(event.location, event.account, event.venue, event.chain_id)
    if isinstance(event, Reservation):
        strategy, quantity = event.strategy_id, event.quantity
    else:
        strategy = quantity = None
    return (
        f"{head(event.kind, place, event.executed_at)}"
        f',"id":"event/{event.event_id}"{optional("strategy", strategy)}'
        f',"venue":"{event.venue}","location":"{location}","chain_id":"{chain_id}"'
        f',"order":"{event.venue}:{_order_id(event, resolver)}"'
        f"{resolver.assets(None, (event.token,))}"
        f',"token":"{event.token}"{optional("amount", event.amount)}'
        f"{optional('quantity', quantity)}}}"
    )


def _order_id(
    event: Fill | ExecutionResult | Rejected | OrderStatus | Reservation | Release,
    resolver: Resolver,
) -> str:
    return resolver.order_id(event.venue, event.order_id, event.order_date, event.executed_at)


def _where(
    event: Fill | ExecutionResult | Rejected | OrderStatus,
    order: str,
    known: InstrumentFacts | None,
    resolver: Resolver,
) -> str:
    venue = event.venue
    location, chain_id = resolver.place_of_order(venue, event.account, event.chain_id, known)
    return (
        f',"venue":"{venue}","location":"{location}","chain_id":"{chain_id}"'
        f',"order":"{venue}:{order}"'
    )


WRITERS: Final[dict[type, Callable[[Any, Place | Direct, Resolver], str]]] = {
    Fill: _fill,
    ExecutionResult: _execution_result,
    Rejected: _unexecuted,
    OrderStatus: _unexecuted,
    Reservation: _held,
    Release: _held,
}
