"""Whom an order's event is about: the order with what is known of it, strategy and instrument."""

from typing import NamedTuple

from pm.rules.decision import Decision, refused
from pm.rules.facts import Facts, Terms
from pm.rules.orders import Order, new_order
from pm.rules.state import BookState


class Subject(NamedTuple):
    """Whom an event is about; an order without a key was not named and is not kept."""

    order: Order
    strategy: str
    instrument: str
    terms: Terms | None


def subject_of(state: BookState, facts: Facts) -> Subject | Decision:
    """The subject of an event, or its refusal: the order is unknown or contradicts the event."""
    key = facts.word("order") or ""
    order = state.order(key) if key else None
    strategy, instrument = facts.word("strategy"), facts.word("instrument") or ""
    if order is None:
        if strategy is None:
            return refused("unknown_order")
        order = new_order(key, strategy, instrument)
    else:
        if contradicts(order.strategy, strategy or "") or contradicts(order.instrument, instrument):
            return refused("order_mismatch")
        strategy = order.strategy or strategy
        if strategy is None:
            return refused("unknown_order")
        order = learned(order, strategy, instrument)
    terms = _terms(state, facts, strategy, order.instrument)
    return Subject(order, strategy, order.instrument, terms)


def contradicts(known: str, told: str) -> bool:
    """Whether two names are both known and differ."""
    return bool(known and told and known != told)


def learned(order: Order, strategy: str, instrument: str = "") -> Order:
    """The order with a strategy and instrument it did not know yet."""
    if (order.strategy or not strategy) and (order.instrument or not instrument):
        return order
    return order._replace(
        strategy=order.strategy or strategy, instrument=order.instrument or instrument
    )


def _terms(state: BookState, facts: Facts, strategy: str, instrument: str) -> Terms | None:
    """The terms the event states, else those its position was last traded on."""
    terms = facts.terms()
    if terms is None and instrument:
        record = state.record(strategy, instrument)
        return None if record is None else record.terms
    return terms
