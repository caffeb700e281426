"""Restatements: a position, its balances and its order as they are without, or with other, trades.

The event holds the new figures, derived from the journal outside. They count only if the position
is still the one they were derived from; what they move totals by is the difference to the old ones.
"""

from pm.decimals import Amount
from pm.rules.contribution import NO_COUNTS, UNKNOWN, Contribution, Counts
from pm.rules.corrections import open_correction
from pm.rules.decision import Decision, PositionUpdate
from pm.rules.facts import Facts, FactsError, Place, Terms
from pm.rules.fees import FeeSum
from pm.rules.legs import Holding, Leg
from pm.rules.movements import Movement, Movements
from pm.rules.orders import Order
from pm.rules.position import Figures, Position, Trip, position_of
from pm.rules.position_events import PositionEffect, difference_effect
from pm.rules.state import BookState
from pm.rules.token_amounts import TokenAmounts, plus


def decide_restatement(state: BookState, facts: Facts) -> Decision:
    """A correction is made, unless it has ended or the position has moved."""
    correction = open_correction(state, facts)
    if correction is None:
        return Decision("declined", "correction_ended")
    strategy, instrument = facts.need("strategy"), facts.need("instrument")
    record = state.record(strategy, instrument)
    if record is None or str(record.seq) != facts.need("position_seq"):
        return Decision("declined", "position_moved")
    key = facts.word("order")
    order = None if key is None else state.order(key)
    if key is not None and order is None:
        return Decision("declined", "unknown_order")
    terms = facts.need_terms()
    effect = difference_effect(record.position, _restated(facts, terms))
    after = None if order is None else _restated_order(order, facts)
    restated = correction._replace(
        status="restated",
        strategy=strategy,
        trade_seq=facts.need("trade_seq"),
        ended_at=facts.need("executed_at"),
    )
    return Decision(
        "applied",
        updates=[PositionUpdate(strategy, instrument, terms, None, effect)],
        movements=_movements(facts),
        order=after,
        pending=restated,
        contributions=_contributions(facts, terms, effect, _unfilled(order, after)),
    )


def figures_of(told: Facts, last_update_time: str) -> Figures:
    """The figures in an object that names them as the store does."""
    return Figures(
        held=Holding(
            told.need_amount("quantity"), told.need_amount("cost"), told.need_amount("realized_pnl")
        ),
        fees=FeeSum(
            told.amounts("fees_paid"), told.need_amount("fee_value"), told.amounts("fees_unvalued")
        ),
        carry=told.need_amount("carry"),
        transfer_cost=told.need_amount("transfer_cost"),
        total_trades=told.whole("total_trades"),
        first_trade_time=told.need("first_trade_time"),
        last_update_time=last_update_time,
        trip=Trip(
            told.need_amount("trip_realized_pnl"),
            told.need_amount("trip_fee_value"),
            told.need_amount("trip_carry"),
        ),
    )


def _restated(facts: Facts, terms: Terms) -> Position:
    told = facts.within("position")
    if told is None:
        raise FactsError(f"{facts.place}: a restatement without a position")
    return position_of(figures_of(told, facts.need("executed_at")), terms)


def _movements(facts: Facts) -> list[Movement]:
    movements = Movements()
    for location, chain_id, token, amount in facts.values["moves"]:
        movements.add(Place(location, chain_id), [(token, Amount.parse(amount))])
    return movements.settled()


def _restated_order(order: Order, facts: Facts) -> Order:
    """The order without, or with other than, what the trade had applied.

    Applied stays the larger of what fills add up to and reports cover, as later reports expect.
    """
    told = facts.within("order_moves")
    if told is None:
        raise FactsError(f"{facts.place}: a restatement of an order without order_moves")
    moved = told.need_amount("quantity")
    quantity, fill_quantity = order.quantity + moved, order.fill_quantity + moved
    covered = order.result_quantity
    if covered and (abs(covered) > abs(quantity) or abs(fill_quantity) < abs(quantity)):
        covered = quantity
    fees: TokenAmounts = order.fees
    for token, amount in told.amounts("fees").items():
        fees = plus(fees, token, amount)
    return order._replace(
        quantity=quantity,
        notional=order.notional + told.need_amount("notional"),
        fees=fees,
        fill_quantity=fill_quantity,
        result_quantity=covered,
        filled_at=order.filled_at if quantity else "",
    )


def _unfilled(before: Order | None, after: Order | None) -> Counts:
    """What the count of filled orders moves by: an order of which nothing is left is not filled."""
    if before is None or after is None or after.filled_at or not before.filled_at:
        return NO_COUNTS
    return {"filled": -1}


def _contributions(
    facts: Facts, terms: Terms, effect: PositionEffect, orders: Counts
) -> list[Contribution]:
    old, new = effect.changes[0].old, effect.new
    assert old is not None, "what does not exist is not restated"
    leg: Leg | None = effect.legs[0] if effect.legs else None
    contribution = Contribution(
        strategy=facts.need("strategy"),
        day=facts.need("day"),
        venue=facts.word("venue") or UNKNOWN,
        instrument=facts.need("instrument"),
        base=terms.base,
        quote=terms.quote,
        settlement=terms.settlement,
        trade_count=new.figures.total_trades - old.figures.total_trades,
        volume=facts.amount("volume"),
        quantity=None if leg is None else leg.quantity,
        notional=None if leg is None else leg.notional,
        realized_pnl=effect.realized_pnl,
        carry=effect.carry,
        transfer_cost=effect.transfer_cost,
        fees=effect.fees.paid,
        fee_value=effect.fees.value,
        fees_unvalued=effect.fees.unvalued,
        trips={name: int(text) for name, text in facts.values.get("trips", {}).items()},
        orders=orders,
    )
    return [] if contribution.is_empty else [contribution]
