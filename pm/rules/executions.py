"""What fills and cumulative results do: order first, then position, balances, trace and totals.

The order decides how much of the event is new. That part becomes legs, moves balances and is a step
of its trace; the fees that are due travel with it. An event that brings nothing new is covered, and
only its order remembers it.
"""

from dataclasses import replace
from typing import NamedTuple

from pm.decimals import Amount
from pm.rules.balances import execution_movements, fee_movements
from pm.rules.contribution import UNKNOWN, Contribution
from pm.rules.decision import Decision, PositionUpdate, Subject, refused, settled
from pm.rules.facts import Facts, FactsError, Fee, Terms
from pm.rules.legs import Leg, notional, unit_price
from pm.rules.orders import (
    Applied,
    Order,
    apply_fill,
    apply_result,
    is_stale,
    opposes,
    status_after_result,
)
from pm.rules.position import PositionEffect, PositionEvent, apply_event
from pm.rules.state import BookState
from pm.rules.token_amounts import NO_AMOUNTS, plus
from pm.rules.traces import Trace, TraceExecution, add_step

RESULTS = frozenset({"filled", "partial", "rejected", "cancelled", "unknown"})
ENDED_UNFILLED = frozenset({"rejected", "cancelled"})


class _Priced(NamedTuple):
    """An execution as stated: its whole notional and its price per unit, None when unknown."""

    notional: Amount | None
    unit_price: Amount | None


def _priced(facts: Facts, quantity: Amount, terms: Terms) -> _Priced:
    price, quote_amount = facts.amount("price"), facts.amount("quote_amount")
    whole = notional(quantity, price, quote_amount, terms.multiplier, terms.inverse)
    return _Priced(whole, unit_price(quantity, whole, price, quote_amount, terms.multiplier))


def decide_fill(state: BookState, facts: Facts, subject: Subject) -> Decision:
    """A single execution of a signed quantity."""
    order, terms = subject.order, subject.terms
    quantity = facts.need_amount("quantity")
    if opposes(order, quantity):
        return refused("order_mismatch")
    if terms is None:
        return refused("unknown_instrument")
    priced = _priced(facts, quantity, terms)
    if priced.notional is None:
        return refused("price_missing")
    applied = apply_fill(
        order,
        quantity,
        priced.notional,
        facts.fees() or (),
        facts.need("executed_at"),
    )
    if not applied.quantity and not applied.fees:
        return Decision("covered", order=applied.order)
    return _executed(state, facts, subject, terms, applied, priced.unit_price)


def decide_result(state: BookState, facts: Facts, subject: Subject) -> Decision:
    """A cumulative report of an order."""
    result = facts.need("result")
    if result not in RESULTS:
        raise FactsError(f"{facts.place}: result {result!r} is not one of {sorted(RESULTS)}")
    if result == "unknown":
        return Decision("noted", "unknown_result")
    order, terms = subject.order, subject.terms
    quantity = facts.need_amount("quantity")
    status = status_after_result(order.status, result)
    if is_stale(order, quantity):
        if result in ENDED_UNFILLED:
            return Decision("applied", order=replace(order, status=status))
        return Decision("stale")
    if opposes(order, quantity):
        return refused("order_mismatch")
    priced = _Priced(None, None) if terms is None else _priced(facts, quantity, terms)
    moves = quantity != order.quantity
    if moves and terms is None:
        return refused("unknown_instrument")
    if moves and priced.notional is None:
        return refused("price_missing")
    applied = apply_result(
        order, quantity, priced.notional, facts.fees(), facts.need("executed_at")
    )
    applied = applied._replace(order=replace(applied.order, status=status))
    if not applied.quantity and (not applied.fees or (not quantity and result in ENDED_UNFILLED)):
        return _not_executed(facts, subject, applied, result)
    if terms is None:
        return refused("unknown_instrument")
    return _executed(state, facts, subject, terms, applied, priced.unit_price)


def _not_executed(facts: Facts, subject: Subject, applied: Applied, result: str) -> Decision:
    if not applied.fees and result not in ENDED_UNFILLED:
        return Decision("covered", order=applied.order)
    return failed(facts, subject, applied.order, applied.fees)


def ended_unfilled(before: Order, after: Order) -> str:
    """Rejected or cancelled if the order just ended so without any execution, else nothing.

    An order ends once: what follows such an end is not counted again.
    """
    if not after.key or after.quantity or before.status in ENDED_UNFILLED:
        return ""
    return after.status if after.status in ENDED_UNFILLED else ""


def failed(
    facts: Facts, subject: Subject, after: Order, fees: tuple[Fee, ...], result: str = "applied"
) -> Decision:
    """An order event without an execution: its fees leave their balances and count as failed."""
    ended = ended_unfilled(subject.order, after)
    if not fees and not ended:
        return Decision(result, order=after)
    failed_fees = NO_AMOUNTS
    for fee in fees:
        failed_fees = plus(failed_fees, fee.token, fee.amount)
    contribution = Contribution(
        strategy=subject.strategy,
        day=facts.need("day"),
        venue=facts.word("venue") or UNKNOWN,
        instrument=subject.instrument or UNKNOWN,
        base=facts.word("base") or "",
        quote=facts.word("quote") or "",
        settlement=facts.word("settlement") or "",
        failed_fees=failed_fees,
        order=ended,
    )
    return Decision(
        "applied",
        settlement=settled(facts, fee_movements(fees)),
        order=after,
        contribution=contribution,
    )


def _executed(
    state: BookState,
    facts: Facts,
    subject: Subject,
    terms: Terms,
    applied: Applied,
    price: Amount | None,
) -> Decision:
    record = state.record(subject.strategy, subject.instrument)
    main = Leg(applied.quantity, applied.notional) if applied.quantity else None
    event = PositionEvent(
        main, applied.fees, price, facts.need("executed_at"), is_trade=main is not None
    )
    effect = apply_event(None if record is None else record.position, terms, event)
    return Decision(
        "applied",
        legs=effect.legs,
        position=PositionUpdate(subject.strategy, subject.instrument, terms, effect),
        settlement=settled(
            facts,
            execution_movements(
                terms, applied.quantity, applied.notional, effect.realized_pnl, applied.fees
            ),
        ),
        order=applied.order,
        trace=_traced(state, facts, subject, terms, applied),
        contribution=_contribution(facts, subject, terms, applied, effect),
    )


def _traced(
    state: BookState, facts: Facts, subject: Subject, terms: Terms, applied: Applied
) -> Trace | None:
    given = facts.trace()
    if given is None or not applied.quantity:
        return None
    execution = TraceExecution(
        facts,
        terms,
        subject.strategy,
        subject.instrument,
        applied.quantity,
        applied.notional,
        applied.fees,
    )
    return add_step(state.trace(given["id"]), execution)


def _contribution(
    facts: Facts, subject: Subject, terms: Terms, applied: Applied, effect: PositionEffect
) -> Contribution:
    order, latency_ns = "", None
    if applied.order.key and applied.order.filled_at and not subject.order.filled_at:
        order = "filled"
        latency_ns = _latency_ns(facts)
    elif applied.order.key:
        order = ended_unfilled(subject.order, applied.order)
    return Contribution(
        strategy=subject.strategy,
        day=facts.need("day"),
        venue=facts.word("venue") or UNKNOWN,
        instrument=subject.instrument,
        base=terms.base,
        quote=terms.quote,
        settlement=terms.settlement,
        volume=abs(applied.notional) if applied.quantity else None,
        realized_pnl=effect.realized_pnl,
        fees=effect.fees.paid,
        fee_value=effect.fees.value,
        fees_unvalued=effect.fees.unvalued,
        trip=effect.trip,
        order=order,
        latency_ns=latency_ns,
    )


def _latency_ns(facts: Facts) -> int | None:
    if facts.word("decided_at") is None:
        return None
    latency_ns = facts.whole("executed_at") - facts.whole("decided_at")
    return latency_ns if latency_ns >= 0 else None
