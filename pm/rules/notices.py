"""What events without an execution do: rejections, order statuses, deposits and openings."""

from dataclasses import replace

from pm.rules.contribution import UNKNOWN, Contribution
from pm.rules.decision import Decision, PositionUpdate, Subject, refused, settled
from pm.rules.executions import failed
from pm.rules.facts import Facts
from pm.rules.legs import Leg
from pm.rules.orders import add_fees, status_after_notice
from pm.rules.position import PositionEffect, PositionEvent, apply_event
from pm.rules.state import BookState


def decide_rejected(facts: Facts, subject: Subject) -> Decision:
    """An order was rejected; what it had executed stays."""
    return _told(facts, subject, "rejected", "applied")


def decide_status(facts: Facts, subject: Subject) -> Decision:
    """A status was told of an order; merely noted when it changes no figure."""
    return _told(facts, subject, facts.need("status"), "noted")


def _told(facts: Facts, subject: Subject, status: str, result: str) -> Decision:
    order, fees = subject.order, facts.fees() or ()
    after = add_fees(replace(order, status=status_after_notice(order.status, status)), fees)
    return failed(facts, subject, after, fees, result)


def decide_deposit(state: BookState, facts: Facts) -> Decision:
    """A deposit or opening: into a balance, and with a basis into a position as well."""
    token, amount = facts.word("token"), facts.amount("amount")
    settlement = settled(facts, {token: amount} if token is not None and amount else {})
    quantity, cost = facts.amount("quantity"), facts.amount("cost")
    if quantity is None:
        quantity = amount
    strategy, instrument = facts.word("strategy"), facts.word("instrument")
    if strategy is None or instrument is None or cost is None or not quantity:
        return Decision("applied", settlement=settlement)
    terms = facts.terms()
    if terms is None:
        return refused("unknown_instrument")
    record = state.record(strategy, instrument)
    event = PositionEvent(Leg(quantity, cost), (), None, facts.need("executed_at"), is_trade=False)
    effect = apply_event(None if record is None else record.position, terms, event)
    return Decision(
        "applied",
        legs=effect.legs,
        position=PositionUpdate(strategy, instrument, terms, effect),
        settlement=settlement,
        contribution=_closed_by(facts, strategy, instrument, effect),
    )


def _closed_by(
    facts: Facts, strategy: str, instrument: str, effect: PositionEffect
) -> Contribution | None:
    contribution = Contribution(
        strategy=strategy,
        day=facts.need("day"),
        venue=facts.word("venue") or UNKNOWN,
        instrument=instrument,
        base=facts.need("base"),
        quote=facts.need("quote"),
        settlement=facts.need("settlement"),
        realized_pnl=effect.realized_pnl,
        trip=effect.trip,
    )
    return None if contribution.is_empty else contribution
