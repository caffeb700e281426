"""Expiries and settlements: what a venue does to every open position of an instrument.

An expiry closes at nothing. A settlement pays out what an open future gained against its cost: the
daily one moves the cost to the settlement price and leaves the quantity, the final one closes.
"""

from pm.decimals import Amount
from pm.rules.decision import Decision, noted, refused
from pm.rules.draft import Draft
from pm.rules.effects import settle_json
from pm.rules.facts import Facts, Place
from pm.rules.holders import holders
from pm.rules.legs import Holding, Leg, notional
from pm.rules.movements import MARGINED, Movements, execution_moves
from pm.rules.position_events import Correction
from pm.rules.state import BookState


def decide_expiry(state: BookState, facts: Facts) -> Decision:
    """Everything held in an instrument ends worthless."""
    terms, place = facts.need_terms(), Place(facts.location(), facts.chain_id())
    held = holders(state, facts)
    if not held:
        return noted("no_position")
    draft, movements = Draft(state, facts), Movements()
    for holder in held:
        leg = Leg(-holder.quantity, Amount(0))
        effect = draft.fold(holder.strategy, holder.instrument, terms, leg)
        movements.add(place, execution_moves(terms, *leg, effect.realized_pnl))
    return Decision(
        "applied",
        updates=draft.updates,
        movements=movements.settled(),
        contributions=draft.contributions(),
    )


def decide_settlement(state: BookState, facts: Facts) -> Decision:
    """A daily or final settlement at a price."""
    terms, place = facts.need_terms(), Place(facts.location(), facts.chain_id())
    if terms.kind not in MARGINED:
        return refused("not_a_future")
    price, is_final = facts.need_amount("price"), facts.word("final") == "1"
    held = holders(state, facts)
    if not held:
        return noted("no_position")
    if terms.inverse and not price:
        return refused("price_missing")
    draft, movements, effects = Draft(state, facts), Movements(), []
    for holder in held:
        target = notional(holder.quantity, price, None, terms.multiplier, terms.inverse)
        assert target is not None, "a price that is no divisor of zero gives a notional"
        if is_final:
            leg = Leg(-holder.quantity, -target)
            effect = draft.fold(holder.strategy, holder.instrument, terms, leg)
        else:
            correction = marked(holder.position.held, target, facts.need("executed_at"))
            effect = draft.correct(holder.strategy, holder.instrument, terms, correction)
            effects.append(settle_json(holder.key, effect.realized_pnl))
        movements.add(place, [(terms.settlement, effect.realized_pnl)])
    return Decision(
        "applied",
        updates=draft.updates,
        effects=effects,
        movements=movements.settled(),
        contributions=draft.contributions(),
    )


def marked(held: Holding, target: Amount, executed_at: str) -> Correction:
    """The correction of a position that is paid out what it gained up to `target`."""
    quantity, cost, realized_pnl = held
    return Correction(executed_at, Holding(quantity, target, realized_pnl + target - cost))
