"""The fills that are measured with are those of a desk, and the same ones every time."""

from __future__ import annotations

from pm.bench.workload import EXCHANGE, TOKEN, Desk, Spread
from pm.decimals import ZERO, Amount

SPREAD = Spread(positions=40, side=4)


def test_the_same_seed_makes_the_same_fills() -> None:
    assert Desk(SPREAD, EXCHANGE, 7).fills(200) == Desk(SPREAD, EXCHANGE, 7).fills(200)


def test_openings_open_each_position_once() -> None:
    opened = [(fill.strategy_id, fill.instrument) for fill in Desk(SPREAD, TOKEN, 7).openings()]
    assert len(opened) == len(set(opened)) == SPREAD.positions


def test_each_strategy_holds_a_side_of_instruments_and_the_other_way_round() -> None:
    pairs = SPREAD.pairs()
    assert all(sum(pair[0] == strategy for pair in pairs) == 4 for strategy, _ in pairs[:32])
    assert all(sum(pair[1] == instrument for pair in pairs) == 4 for _, instrument in pairs[:32])


def test_a_desk_opens_adds_reduces_flips_and_closes() -> None:
    desk = Desk(SPREAD, EXCHANGE, 7)
    held: dict[tuple[int, str], Amount] = {}
    seen: set[tuple[int, bool] | str] = set()
    for fill in [*desk.openings(), *desk.fills(2_000)]:
        place = (fill.strategy_id, fill.instrument)
        before = held.get(place, ZERO)
        held[place] = after = before + Amount.parse(fill.quantity)
        seen.add((before.sign * after.sign, abs(after) > abs(before)))
        if before:
            seen.add("close" if not after else "stay")
    assert {(0, True), (0, False), (1, True), (1, False), (-1, True), "close"} <= seen


def test_orders_have_one_fill_or_two() -> None:
    fills = Desk(SPREAD, EXCHANGE, 7).fills(2_000)
    orders = [fill.order_id for fill in fills]
    assert {orders.count(order) for order in set(orders)} == {1, 2}
    assert len({fill.execution_id for fill in fills}) == len(fills)


def test_token_amounts_use_their_eighteen_decimals() -> None:
    fills = Desk(SPREAD, TOKEN, 7).fills(100)
    assert max(Amount.parse(fill.quantity).scale for fill in fills) == 18
    assert max(Amount.parse(fill.price).scale for fill in fills) == 18
