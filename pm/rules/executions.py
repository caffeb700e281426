"""What fills and cumulative results do: order first, then position, balances, trace and totals.

The order decides how much of the event is new. That part becomes legs, moves balances and is a step
of its trace; the fees that are due travel with it. An event that brings nothing new is covered, and
only its order remembers it.
"""

from collections.abc import Mapping
from typing import NamedTuple

from pm.decimals import Amount
from pm.rules.contribution import UNKNOWN, Contribution
from pm.rules.decision import Decision, PositionUpdate, TraceUpdate, refused
from pm.rules.draft import leg_sums
from pm.rules.facts import Facts, FactsError, Fee, Place, Terms
from pm.rules.legs import Leg, notional, unit_price
from pm.rules.movements import Movement, execution_moves, fee_moves, moves_of
from pm.rules.orders import (
    Applied,
    Order,
    apply_fill,
    apply_result,
    is_stale,
    opposes,
    status_after_result,
)
from pm.rules.position_events import PositionEffect, PositionEvent, apply_event
from pm.rules.state import BookState
from pm.rules.subject import Subject
from pm.rules.token_amounts import NO_AMOUNTS, plus
from pm.rules.traces import AssetMove, Step, add_step

RESULTS = frozenset({"filled", "partial", "rejected", "cancelled", "unknown"})
ENDED_UNFILLED = frozenset({"rejected", "cancelled"})


class Priced(NamedTuple):
    """An execution as stated: its whole notional and its price per unit, None when unknown."""

    notional: Amount | None
    unit_price: Amount | None


def priced_by(facts: Facts, quantity: Amount, terms: Terms) -> Priced:
    """What an event states of a quantity, its own or the cumulative one."""
    price, quote_amount = facts.amount("price"), facts.amount("quote_amount")
    whole = notional(quantity, price, quote_amount, terms.multiplier, terms.inverse)
    return Priced(whole, unit_price(quantity, whole, price, quote_amount, terms.multiplier))


def decide_fill(state: BookState, facts: Facts, subject: Subject) -> Decision:
    """A single execution of a signed quantity."""
    order, terms = subject.order, subject.terms
    quantity = facts.need_amount("quantity")
    if opposes(order, quantity):
        return refused("order_mismatch")
    if terms is None:
        return refused("unknown_instrument")
    priced = priced_by(facts, quantity, terms)
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
            return Decision("applied", order=order._replace(status=status))
        return Decision("stale")
    if opposes(order, quantity):
        return refused("order_mismatch")
    priced = Priced(None, None) if terms is None else priced_by(facts, quantity, terms)
    moves = quantity != order.quantity
    if moves and terms is None:
        return refused("unknown_instrument")
    if moves and priced.notional is None:
        return refused("price_missing")
    applied = apply_result(
        order, quantity, priced.notional, facts.fees(), facts.need("executed_at")
    )
    applied = applied._replace(order=applied.order._replace(status=status))
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
        movements=moves_of(Place(facts.location(), facts.chain_id()), fee_moves(fees))
        if fees
        else (),
        order=after,
        contributions=[contribution],
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
    # An execution that names only its order does not say where its position lies.
    place = facts.told_place() if facts.word("instrument") else None
    return Decision(
        "applied",
        updates=[PositionUpdate(subject.strategy, subject.instrument, terms, place, effect)],
        movements=_movements(facts, terms, applied, effect.realized_pnl),
        order=applied.order,
        trace=_traced(state, facts, subject, terms, applied),
        contributions=[_contribution(facts, subject, terms, applied, effect)],
    )


def _movements(
    facts: Facts, terms: Terms, applied: Applied, realized_pnl: Amount
) -> list[Movement]:
    moves = execution_moves(terms, applied.quantity, applied.notional, realized_pnl)
    place = Place(facts.location(), facts.chain_id())
    return moves_of(place, moves + fee_moves(applied.fees))


def _traced(
    state: BookState, facts: Facts, subject: Subject, terms: Terms, applied: Applied
) -> TraceUpdate | None:
    given = facts.trace()
    if given is None or not applied.quantity:
        return None
    step = _step(facts, given, subject, terms, applied)
    return TraceUpdate(add_step(state.trace(given["id"]), step), is_step=True)


def _step(
    facts: Facts, given: Mapping[str, str], subject: Subject, terms: Terms, applied: Applied
) -> Step:
    base, quote = facts.asset(terms.base), facts.asset(terms.quote)
    location, quantity = facts.location(), applied.quantity * terms.multiplier
    if terms.inverse:
        moves = [(base, -applied.notional), (quote, -quantity)]
    else:
        moves = [(base, quantity), (quote, -applied.notional)]
    moves += [(facts.asset(fee.token), -fee.amount) for fee in applied.fees]
    return Step(
        given=given,
        type="",
        strategy=subject.strategy,
        instrument=subject.instrument,
        venue=facts.word("venue") or "",
        location=location,
        chain_id=facts.chain_id(),
        quantity=applied.quantity,
        price=facts.word("price") or "",
        executed_at=facts.need("executed_at"),
        moves=[AssetMove(location, asset, amount) for asset, amount in moves],
        traded=frozenset({base, quote}),
        numeraire=quote if applied.quantity.sign > 0 else base,
        dust={base: terms.dust} if terms.dust else NO_AMOUNTS,
    )


def _contribution(
    facts: Facts, subject: Subject, terms: Terms, applied: Applied, effect: PositionEffect
) -> Contribution:
    order, latency_ns = "", None
    if applied.order.key and applied.order.filled_at and not subject.order.filled_at:
        order = "filled"
        latency_ns = _latency_ns(facts)
    elif applied.order.key:
        order = ended_unfilled(subject.order, applied.order)
    quantity, total_notional = leg_sums(effect)
    return Contribution(
        strategy=subject.strategy,
        day=facts.need("day"),
        venue=facts.word("venue") or UNKNOWN,
        instrument=subject.instrument,
        base=terms.base,
        quote=terms.quote,
        settlement=terms.settlement,
        trade_count=int(bool(applied.quantity)),
        volume=abs(applied.notional) if applied.quantity else None,
        quantity=quantity,
        notional=total_notional,
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
