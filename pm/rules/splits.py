"""Splits: every position's quantity is rescaled, its cost kept; a fraction may be paid in cash.

A fraction that no longer fits the instrument's decimals is sold for what the issuer pays: cash less
its share of the cost is realized. Without a price the cost stays with what is left, unless nothing
is left.
"""

from typing import NamedTuple

from pm.decimals import ZERO, Amount, multiply_divide
from pm.rules.capital import positive
from pm.rules.decision import Decision, noted
from pm.rules.draft import Draft
from pm.rules.effects import rescale_json
from pm.rules.facts import Facts, Place, Terms
from pm.rules.holders import holders
from pm.rules.legs import MIN_SCALE, Holding, Leg, share
from pm.rules.movements import EXCHANGED, moves_of
from pm.rules.position_events import Correction
from pm.rules.state import BookState


class Ratio(NamedTuple):
    """`numerator` new for `denominator` old, at `decimals`; cash in lieu at `price` if any."""

    numerator: Amount
    denominator: Amount
    decimals: int
    price: Amount | None


def decide_split(state: BookState, facts: Facts) -> Decision:
    """A split, or a reverse one, of everything held in an instrument."""
    ratio = ratio_of(facts)
    terms, place = facts.need_terms(), Place(facts.location(), facts.chain_id())
    held = holders(state, facts)
    if not held:
        return noted("no_position")
    draft, effects = Draft(state, facts), []
    rescaled = cash = ZERO
    for holder in held:
        correction, removed = split_one(
            holder.position.held, terms, ratio, facts.need("executed_at")
        )
        effect = draft.correct(
            holder.strategy, holder.instrument, terms, correction, is_rescale=True
        )
        change = effect.rescaled or ZERO
        effects.append(rescale_json(holder.key, change, removed))
        rescaled += change
        for leg in correction.legs:
            cash -= leg.notional
    moves = [(terms.base, rescaled)] if terms.kind in EXCHANGED else []
    return Decision(
        "applied",
        updates=draft.updates,
        effects=effects,
        movements=moves_of(place, [*moves, (terms.settlement, cash)]),
        contributions=draft.contributions(),
    )


def ratio_of(facts: Facts) -> Ratio:
    """The ratio a split tells."""
    return Ratio(
        positive(facts, "numerator"),
        positive(facts, "denominator"),
        facts.whole("decimals"),
        facts.amount("price"),
    )


def split_one(
    held: Holding, terms: Terms, ratio: Ratio, executed_at: str
) -> tuple[Correction, Amount]:
    """The correction of one position, and the cost removed with its fraction."""
    scaled = held.quantity * ratio.numerator
    quantity = truncated_quotient(scaled, ratio.denominator, ratio.decimals)
    rest = scaled - quantity * ratio.denominator
    if not rest or (ratio.price is None and quantity):
        return Correction(executed_at, Holding(quantity, held.cost, held.realized_pnl)), ZERO
    removed = share(held.cost, abs(rest), abs(scaled)) if quantity else held.cost
    cash = ZERO
    if ratio.price is not None:
        worth = rest * ratio.price
        cash = multiply_divide(worth, terms.multiplier, ratio.denominator, MIN_SCALE)
    after = Holding(quantity, held.cost - removed, held.realized_pnl + cash - removed)
    return Correction(executed_at, after, [Leg(ZERO, -cash)]), removed


def truncated_quotient(a: Amount, b: Amount, decimals: int) -> Amount:
    """`a` / `b`, `b` above zero, with what is beyond `decimals` cut off toward zero."""
    numerator = abs(a.mantissa) * 10 ** (b.scale + decimals)
    size = numerator // (b.mantissa * 10**a.scale)
    return Amount(-size if a.sign < 0 else size, decimals)
