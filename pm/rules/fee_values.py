"""A fee that had no known value is given one, once; it is never valued again."""

from pm.rules.decision import Decision, PositionUpdate, noted
from pm.rules.draft import Draft
from pm.rules.facts import Facts
from pm.rules.position_events import value_fee
from pm.rules.state import BookState


def decide_fee_value(state: BookState, facts: Facts) -> Decision:
    """The value, in the settlement token, of fees a position paid in another token."""
    strategy, instrument = facts.need("strategy"), facts.need("instrument")
    terms, token = facts.need_terms(), facts.need("token")
    fee = (token, facts.need_amount("amount"), facts.need_amount("value"))
    paid_at = facts.whole("fee_executed_at")
    record = state.record(strategy, instrument)
    if record is None or token not in record.position.fees.unvalued:
        return noted("nothing_unvalued")
    effect = value_fee(record.position, terms, fee, paid_at, facts.need("executed_at"))
    draft = Draft(state, facts)
    draft.take(PositionUpdate(strategy, instrument, terms, None, effect))
    return Decision("applied", updates=draft.updates, contributions=draft.contributions())
