"""Funding: what holding a perpetual paid, shared among those who hold it.

A venue pays an account; every strategy's part follows from its share of the account's quantity.
Where that is nothing, or no amount was told, the parts follow from rate and price.
"""

from collections.abc import Sequence

from pm.decimals import Amount, multiply_divide
from pm.rules.decision import Decision, noted, refused
from pm.rules.draft import Draft
from pm.rules.facts import Facts, Place
from pm.rules.holders import Holder, holders, largest, total
from pm.rules.legs import MIN_SCALE, share
from pm.rules.movements import moves_of
from pm.rules.state import BookState


def decide_funding(state: BookState, facts: Facts) -> Decision:
    """A funding payment; received above zero."""
    token, amount = facts.need("token"), facts.amount("amount")
    if token != facts.need_terms().settlement:
        return refused("token_mismatch")
    place = Place(facts.location(), facts.chain_id())
    held = holders(state, facts)
    if not held:
        return unattributed(place, token, amount)
    parts = _parts(facts, held, amount)
    if parts is None:
        return refused("rate_missing")
    draft = Draft(state, facts)
    for holder, part in zip(held, parts, strict=True):
        draft.carry(holder.strategy, holder.instrument, holder.terms, part)
    return Decision(
        "applied",
        updates=draft.updates,
        movements=moves_of(place, [(token, total(parts))]),
        contributions=draft.contributions(),
    )


def unattributed(place: Place, token: str, amount: Amount | None) -> Decision:
    """Money that came for an instrument nobody holds: it came all the same."""
    if amount is None:
        return noted("no_position")
    return Decision("applied", "unattributed", movements=moves_of(place, [(token, amount)]))


def _parts(facts: Facts, held: Sequence[Holder], amount: Amount | None) -> list[Amount] | None:
    """Every holder's part, which add up to `amount` if it is known; None without a rate."""
    quantities = [holder.quantity for holder in held]
    quantity = total(quantities)
    if amount is not None and quantity:
        parts = [share(amount, own, quantity) for own in quantities]
    else:
        rate, price = facts.amount("rate"), facts.amount("price")
        if rate is None or price is None or (held[0].terms.inverse and not price):
            return None
        parts = [_accrued(holder, rate, price) for holder in held]
    if amount is not None:
        parts[largest(quantities)] += amount - total(parts)
    return parts


def _accrued(holder: Holder, rate: Amount, price: Amount) -> Amount:
    size = holder.quantity * holder.terms.multiplier
    if holder.terms.inverse:
        return -multiply_divide(size, rate, price, MIN_SCALE)
    return -(size * price * rate)
