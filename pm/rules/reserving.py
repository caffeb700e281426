"""What reserving and releasing do, and what an order's news free of what it reserved."""

from pm.decimals import ZERO, Amount
from pm.rules.capital import positive
from pm.rules.decision import Decision, noted, refused
from pm.rules.effects import declined_json
from pm.rules.facts import Facts
from pm.rules.orders import Order, new_order
from pm.rules.reservations import Release, enlarged, left_after, reservation_key, shrunk
from pm.rules.state import BookState
from pm.rules.subject import contradicts, learned

_WITHOUT_CONSEQUENCE = frozenset({"covered", "stale", "noted"})


def decide_reserve(state: BookState, facts: Facts) -> Decision:
    """Hold back part of a balance for an order, if there is that much."""
    amount = positive(facts, "amount")
    of = None if facts.word("quantity") is None else positive(facts, "quantity")
    key, strategy = facts.need("order"), facts.word("strategy") or ""
    order = state.order(key)
    if order is None:
        order = new_order(key, strategy, "", status="")
    elif contradicts(order.strategy, strategy):
        return refused("order_mismatch")
    executed = abs(order.quantity)
    if order.is_ended or (of is not None and of <= executed):
        return Decision("declined", "order_ended")
    name = reservation_key(facts.location(), facts.need("token"))
    balance = state.balance(name)
    available = ZERO if balance is None else balance.available
    if available < amount:
        effect = declined_json(amount, available)
        return Decision("declined", "insufficient_balance", effects=[effect])
    held = order.reservations.get(name)
    reservation = enlarged(held, amount, of, executed, facts.chain_id())
    reservations = {**order.reservations, name: reservation}
    return Decision(
        "applied",
        releases={name: Release(reservation.chain_id, -amount)},
        order=learned(order, strategy)._replace(reservations=reservations),
    )


def decide_release(state: BookState, facts: Facts) -> Decision:
    """Make available again what an order has reserved, or a part of it."""
    amount = None if facts.word("amount") is None else positive(facts, "amount")
    name = reservation_key(facts.location(), facts.need("token"))
    order = state.order(facts.need("order"))
    held = None if order is None else order.reservations.get(name)
    if order is None or held is None:
        return noted("nothing_reserved")
    given = held.left if amount is None else min(amount, held.left)
    kept, releases = shrunk(order.reservations, {name: held.left - given})
    return Decision("applied", releases=releases, order=order._replace(reservations=kept))


def freed_by_news(decision: Decision, before: Order) -> Decision:
    """The decision on an order's event, with what it frees of the order's reservations.

    `before` is the order as the event met it.
    """
    order = decision.order
    if order is None or not order.reservations:
        return decision
    left: dict[str, Amount] = {}
    if order.is_ended:
        left = dict.fromkeys(order.reservations, ZERO)
    elif order.quantity != before.quantity:
        spent = {f"{place.location}:{token}": -sum_ for place, token, sum_ in decision.movements}
        executed = abs(order.quantity)
        left = {
            key: left_after(held, executed, max(ZERO, spent.get(key, ZERO)))
            for key, held in order.reservations.items()
        }
    kept, releases = shrunk(order.reservations, left)
    if not releases:
        return decision
    result = "applied" if decision.result in _WITHOUT_CONSEQUENCE else decision.result
    return decision._replace(
        result=result, releases=releases, order=order._replace(reservations=kept)
    )
