"""Money that comes and goes from outside: deposits, openings, withdrawals, allocations.

A deposit with a basis is a leg of its position as well; a withdrawal that names a position takes
its basis out at average cost, so that nothing is earned by it. An allocation moves nothing: it says
whose the capital is.
"""

from pm.decimals import ZERO, Amount
from pm.rules.contribution import UNKNOWN, Contribution
from pm.rules.decision import Decision, refused
from pm.rules.draft import Draft
from pm.rules.facts import Facts, FactsError, Place, Terms
from pm.rules.legs import Leg, share
from pm.rules.movements import moves_of
from pm.rules.state import BookState


def decide_deposit(state: BookState, facts: Facts) -> Decision:
    """A deposit or opening: into a balance, and with a basis into a position as well."""
    token, amount = facts.word("token"), facts.amount("amount")
    movements = []
    if token is not None and amount:
        movements = moves_of(Place(facts.location(), facts.chain_id()), [(token, amount)])
    quantity, cost = facts.amount("quantity"), facts.amount("cost")
    if quantity is None:
        quantity = amount
    strategy, instrument = facts.word("strategy"), facts.word("instrument")
    if strategy is None or instrument is None or cost is None or not quantity:
        return Decision("applied", movements=movements)
    terms = facts.terms()
    if terms is None:
        return refused("unknown_instrument")
    draft = Draft(state, facts)
    draft.fold(strategy, instrument, terms, Leg(quantity, cost), facts.told_place())
    return Decision(
        "applied",
        updates=draft.updates,
        movements=movements,
        contributions=draft.contributions(),
    )


def decide_withdrawal(state: BookState, facts: Facts) -> Decision:
    """A withdrawal: out of a balance, and of a position if it names one."""
    amount = positive(facts, "amount")
    place = Place(facts.location(), facts.chain_id())
    strategy, instrument = facts.word("strategy"), facts.word("instrument")
    draft = Draft(state, facts)
    if strategy is not None and instrument is not None:
        take_out(draft, strategy, instrument, facts.need_terms(), amount)
    return Decision(
        "applied",
        updates=draft.updates,
        movements=moves_of(place, [(facts.need("token"), -amount)]),
        contributions=draft.contributions(),
    )


def decide_allocation(state: BookState, facts: Facts) -> Decision:
    """Capital is given to a strategy, or taken from it below zero."""
    del state
    amount = facts.need_amount("amount")
    contribution = Contribution(
        strategy=facts.need("strategy"),
        day=facts.need("day"),
        venue=UNKNOWN,
        instrument=UNKNOWN,
        allocated={facts.need("token"): amount},
    )
    return Decision("applied", contributions=[contribution])


def take_out(
    draft: Draft, strategy: str, instrument: str, terms: Terms, amount: Amount
) -> tuple[Amount, Amount]:
    """Take up to `amount` out of a long position at average cost; quantity and cost taken.

    Nothing is realized. What the position does not hold goes without basis.
    """
    position = draft.position(strategy, instrument)
    if position is None or position.quantity.sign <= 0:
        return ZERO, ZERO
    taken = min(amount, position.quantity)
    removed = share(position.cost, taken, position.quantity)
    draft.fold(strategy, instrument, terms, Leg(-taken, -removed))
    return taken, removed


def positive(facts: Facts, name: str) -> Amount:
    """The amount under `name`; FactsError unless it is above zero."""
    amount = facts.need_amount(name)
    if amount.sign <= 0:
        raise FactsError(f"{facts.place}: {name} of a {facts.kind} is not above zero")
    return amount
