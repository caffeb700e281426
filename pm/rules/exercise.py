"""Exercise and assignment of options: for cash, or for the underlying at the strike.

Both are the same event seen from either side: who is long exercises, who is short is assigned. The
option ends at nothing and the underlying comes in at the strike, or the option ends at what it is
worth.
"""

from typing import NamedTuple

from pm.decimals import ZERO, Amount
from pm.rules.capital import positive
from pm.rules.decision import Decision, noted, refused
from pm.rules.draft import Draft
from pm.rules.facts import Facts, FactsError, Place, Terms
from pm.rules.holders import Holder, holders
from pm.rules.legs import Leg
from pm.rules.movements import Movements, execution_moves
from pm.rules.state import BookState

OPTION_TYPES = frozenset({"call", "put"})


class _Delivery(NamedTuple):
    """What is delivered for an option: the underlying at its strike."""

    instrument: str
    terms: Terms
    place: Place
    strike: Amount
    is_call: bool


def decide_exercise(state: BookState, facts: Facts) -> Decision:
    """Options are exercised or assigned, all of them or one strategy's in part."""
    terms, place = facts.need_terms(), Place(facts.location(), facts.chain_id())
    if terms.kind != "option":
        return refused("not_an_option")
    most = None if facts.word("quantity") is None else positive(facts, "quantity")
    if most is not None and facts.word("strategy") is None:
        return refused("strategy_missing")
    delivery = _delivery(facts)
    intrinsic = ZERO if delivery is not None else facts.need_amount("intrinsic")
    held = holders(state, facts)
    if not held:
        return noted("no_position")
    draft, movements = Draft(state, facts), Movements()
    for holder in held:
        size = abs(holder.quantity)
        ended = size if most is None else min(most, size)
        quantity = -ended if holder.quantity.sign > 0 else ended
        leg = Leg(quantity, quantity * terms.multiplier * intrinsic)
        draft.fold(holder.strategy, holder.instrument, terms, leg)
        movements.add(place, [(terms.settlement, -leg.notional)])
        if delivery is not None:
            _deliver(draft, movements, holder, quantity, delivery, place)
    return Decision(
        "applied",
        updates=draft.updates,
        movements=movements.settled(),
        contributions=draft.contributions(),
    )


def _delivery(facts: Facts) -> _Delivery | None:
    underlying = facts.within("underlying")
    if underlying is None:
        return None
    option_type = facts.need("option_type")
    if option_type not in OPTION_TYPES:
        raise FactsError(f"{facts.place}: option_type {option_type!r} is neither call nor put")
    return _Delivery(
        underlying.need("instrument"),
        underlying.need_terms(),
        underlying.told_place(),
        facts.need_amount("strike"),
        option_type == "call",
    )


def _deliver(
    draft: Draft,
    movements: Movements,
    holder: Holder,
    option_quantity: Amount,
    delivery: _Delivery,
    place: Place,
) -> None:
    change = option_quantity * holder.terms.multiplier
    quantity = -change if delivery.is_call else change
    terms = delivery.terms
    leg = Leg(quantity, quantity * delivery.strike * terms.multiplier)
    effect = draft.fold(holder.strategy, delivery.instrument, terms, leg, delivery.place)
    movements.add(place, execution_moves(terms, *leg, effect.realized_pnl))
