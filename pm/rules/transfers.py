"""Transfers: what leaves one place, travels, and reaches another, comes back, or leaves the book.

A transfer that names a position takes its basis along at average cost. Until it ends it is in
flight, in neither balance. What arrives less than was sent is a fee in kind: its share of the basis
is a cost of the position it came from.
"""

from typing import NamedTuple

from pm.decimals import ONE, ZERO, Amount
from pm.rules.capital import positive, take_out
from pm.rules.decision import Decision, TraceUpdate, UnderWay, refused
from pm.rules.draft import Draft
from pm.rules.facts import Facts, FactsError, Place, Terms
from pm.rules.legs import Leg, share
from pm.rules.movements import Movements, moves_of
from pm.rules.pending import IN_FLIGHT, Transfer, transfer_id
from pm.rules.state import BookState
from pm.rules.traces import Step, add_step
from pm.rules.transfer_steps import arrived_step, returned_step, sent_step, whole_step

STEPS = frozenset({"sent", "arrived", "failed", "whole"})


class _Destination(NamedTuple):
    """Where a basis goes: the instrument it becomes, and the rate from one currency to the other.

    The rate is None where one is needed and none was told.
    """

    instrument: str
    terms: Terms
    place: Place
    rate: Amount | None


def decide_transfer(state: BookState, facts: Facts) -> Decision:
    """One step of a transfer, or all of it at once."""
    step = facts.need("step")
    if step not in STEPS:
        raise FactsError(f"{facts.place}: transfer step {step!r} is not one of {sorted(STEPS)}")
    if step == "sent":
        return _sent(state, facts)
    if step == "whole":
        return _whole(state, facts)
    if step == "failed":
        return _failed(state, facts)
    return _arrived(state, facts) if facts.word("from_book") is None else _came(state, facts)


def _sent(state: BookState, facts: Facts) -> Decision:
    if _pending(state, facts) is not None:
        return refused("transfer_exists")
    draft = Draft(state, facts)
    transfer = _leave(draft, facts)
    return Decision(
        "applied",
        updates=draft.updates,
        movements=moves_of(_from_place(transfer), [(transfer.token, -transfer.amount)]),
        pending=transfer,
        under_way=UnderWay(IN_FLIGHT, transfer.token, transfer.amount),
        trace=_traced(state, facts, sent_step(facts, transfer)),
        contributions=draft.contributions(),
    )


def _arrived(state: BookState, facts: Facts) -> Decision:
    transfer = _in_flight(state, facts)
    if isinstance(transfer, Decision):
        return transfer
    arrived = positive(facts, "arrived")
    to_book = facts.word("to_book") or transfer.to_book
    refusal = _refusal_of_arrival(facts, transfer, arrived, to_book)
    if refusal:
        return refused(refusal)
    draft, movements = Draft(state, facts), Movements()
    ended = _arrive(draft, facts, transfer, arrived, to_book)
    step = None
    if not to_book:
        movements.add(_to_place(facts), [(_to_token(facts), arrived)])
        step = arrived_step(facts, _to_place(facts), _to_token(facts), arrived)
    return Decision(
        "applied",
        updates=draft.updates,
        movements=movements.settled(),
        pending=ended,
        under_way=UnderWay(IN_FLIGHT, transfer.token, -transfer.amount),
        trace=_traced(state, facts, step),
        contributions=draft.contributions(),
    )


def _came(state: BookState, facts: Facts) -> Decision:
    """What arrives from another book, with the basis it has been told."""
    arrived, cost = positive(facts, "arrived"), facts.amount("cost")
    strategy, destination = facts.word("strategy"), _destination(facts)
    draft = Draft(state, facts)
    if strategy is not None and destination is not None and cost is not None:
        rate = ONE if destination.rate is None else destination.rate
        leg = Leg(arrived, cost * rate)
        draft.fold(strategy, destination.instrument, destination.terms, leg, destination.place)
    step = arrived_step(facts, _to_place(facts), _to_token(facts), arrived)
    return Decision(
        "applied",
        updates=draft.updates,
        movements=moves_of(_to_place(facts), [(_to_token(facts), arrived)]),
        trace=_traced(state, facts, step),
        contributions=draft.contributions(),
    )


def _failed(state: BookState, facts: Facts) -> Decision:
    transfer = _in_flight(state, facts)
    if isinstance(transfer, Decision):
        return transfer
    draft = Draft(state, facts)
    if transfer.quantity:
        leg = Leg(transfer.quantity, transfer.cost)
        draft.fold(transfer.strategy, transfer.instrument, facts.need_terms(), leg)
    return Decision(
        "applied",
        updates=draft.updates,
        movements=moves_of(_from_place(transfer), [(transfer.token, transfer.amount)]),
        pending=transfer._replace(status="failed", ended_at=facts.need("executed_at")),
        under_way=UnderWay(IN_FLIGHT, transfer.token, -transfer.amount),
        trace=_traced(state, facts, returned_step(facts, transfer)),
        contributions=draft.contributions(),
    )


def _whole(state: BookState, facts: Facts) -> Decision:
    if _pending(state, facts) is not None:
        return refused("transfer_exists")
    if facts.word("to_book") is not None:
        return refused("transfer_mismatch")
    arrived = positive(facts, "arrived")
    draft, movements = Draft(state, facts), Movements()
    transfer = _leave(draft, facts)
    refusal = _refusal_of_arrival(facts, transfer, arrived, "")
    if refusal:
        return refused(refusal)
    ended = _arrive(draft, facts, transfer, arrived, "")
    movements.add(_from_place(transfer), [(transfer.token, -transfer.amount)])
    movements.add(_to_place(facts), [(_to_token(facts), arrived)])
    step = whole_step(facts, transfer, _to_place(facts), _to_token(facts), arrived)
    return Decision(
        "applied",
        updates=draft.updates,
        movements=movements.settled(),
        pending=ended,
        trace=_traced(state, facts, step),
        contributions=draft.contributions(),
    )


def _leave(draft: Draft, facts: Facts) -> Transfer:
    """Take the basis out of the position the transfer names, if any; the transfer in flight."""
    amount = positive(facts, "amount")
    strategy, instrument = facts.word("strategy") or "", facts.word("instrument") or ""
    quantity = cost = ZERO
    if strategy and instrument:
        quantity, cost = take_out(draft, strategy, instrument, facts.need_terms(), amount)
    return Transfer(
        pending_id=transfer_id(facts.need("transfer")),
        status=IN_FLIGHT,
        strategy=strategy,
        instrument=instrument,
        token=facts.need("token"),
        amount=amount,
        quantity=quantity,
        cost=cost,
        from_location=facts.need("from_location"),
        from_chain_id=facts.word("from_chain_id") or "0",
        to_location=facts.word("to_location") or "",
        arrived=None,
        transfer_cost=None,
        to_book=facts.word("to_book") or "",
        sent_at=facts.need("executed_at"),
        ended_at="",
    )


def _arrive(
    draft: Draft, facts: Facts, transfer: Transfer, arrived: Amount, to_book: str
) -> Transfer:
    """Bring the basis to where it goes, less what was lost on the way; the transfer, ended."""
    fee, transfer_cost = transfer.amount - arrived, ZERO
    if transfer.quantity:
        if fee:
            transfer_cost = share(transfer.cost, fee, transfer.amount)
        terms = facts.need_terms()
        draft.transfer_cost(transfer.strategy, transfer.instrument, terms, transfer_cost)
        destination = None if to_book else _destination(facts)
        quantity = _arrived_quantity(transfer, arrived)
        # A quantity too small for its decimals does not arrive, nor does a basis without one.
        if destination is not None and quantity:
            assert destination.rate is not None, "refused without a rate"
            leg = Leg(quantity, (transfer.cost - transfer_cost) * destination.rate)
            place = destination.place
            draft.fold(transfer.strategy, destination.instrument, destination.terms, leg, place)
    return transfer._replace(
        status="arrived",
        to_location=facts.word("to_location") or transfer.to_location,
        arrived=arrived,
        transfer_cost=transfer_cost,
        to_book=to_book,
        ended_at=facts.need("executed_at"),
    )


def _arrived_quantity(transfer: Transfer, arrived: Amount) -> Amount:
    if transfer.quantity == transfer.amount:
        return arrived
    return share(arrived, transfer.quantity, transfer.amount)


def _pending(state: BookState, facts: Facts) -> Transfer | None:
    pending = state.pending(transfer_id(facts.need("transfer")))
    return pending if isinstance(pending, Transfer) else None


def _in_flight(state: BookState, facts: Facts) -> Transfer | Decision:
    """The transfer an event ends, or why it cannot."""
    transfer = _pending(state, facts)
    if transfer is None:
        return refused("unknown_transfer")
    if not transfer.is_open:
        return refused("transfer_ended")
    told = (facts.word("strategy") or "", facts.word("instrument") or "")
    if told != (transfer.strategy, transfer.instrument):
        return refused("transfer_mismatch")
    return transfer


def _refusal_of_arrival(facts: Facts, transfer: Transfer, arrived: Amount, to_book: str) -> str:
    """Why what is said to arrive cannot, "" when it can."""
    if arrived > transfer.amount:
        return "arrived_more"
    if not transfer.quantity or to_book:
        return ""
    destination = _destination(facts)
    if destination is None:
        return "to_instrument_missing"
    return "rate_missing" if destination.rate is None else ""


def _destination(facts: Facts) -> _Destination | None:
    to = facts.within("to")
    if to is None:
        return None
    terms, own = to.need_terms(), facts.terms()
    rate = facts.amount("rate")
    if rate is None and (own is None or own.settlement == terms.settlement):
        rate = ONE
    return _Destination(to.need("instrument"), terms, to.told_place(), rate)


def _from_place(transfer: Transfer) -> Place:
    return Place(transfer.from_location, transfer.from_chain_id)


def _to_place(facts: Facts) -> Place:
    return Place(facts.need("to_location"), facts.word("to_chain_id") or "0")


def _to_token(facts: Facts) -> str:
    return facts.word("to_token") or facts.need("token")


def _traced(state: BookState, facts: Facts, step: Step | None) -> TraceUpdate | None:
    if step is None:
        return None
    return TraceUpdate(add_step(state.trace(step.given["id"]), step), is_step=True)
