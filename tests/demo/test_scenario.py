"""A made-up day is the same for the same seed, and the books' rules agree with its own sums."""

from __future__ import annotations

from collections import Counter

import pytest

from pm.demo.desk import BOOKS, book_of
from pm.demo.scenario import Scenario, build_scenario
from pm.events.facts import Facts, Place
from pm.events.model import Quarantined
from pm.events.order_context import NOTHING_KNOWN, OrderContext, order_hints
from pm.events.wire import wire_events
from pm.reference.snapshot import Reference
from pm.rules.book import Book
from pm.wire.frame import decode_frame

SEEDS = (1, 2, 3, 1_000_003)
EXECUTIONS = 400


def reference_of(scenario: Scenario) -> Reference:
    known, late = scenario.reference, scenario.late_instruments
    return Reference.build(
        1,
        [*known.instruments.values(), *late.instruments.values()],
        known.tokens.values(),
        known.venues.values(),
    )


def books_after(scenario: Scenario) -> dict[str, Book]:
    """The day through the rules alone: no server, no gateway, every instrument known."""
    reference = reference_of(scenario)
    facts = Facts(reference)
    books = {name: Book() for name in BOOKS}
    for number, (name, event) in enumerate(scenario.before, 1):
        place = Place("executions", f"{number}-0", 0, 1, 1)
        assert books[name].apply(facts.text(event, place)).result == "applied"
    orders: dict[int, OrderContext] = {}
    for number, sent in enumerate(scenario.frames, 1):
        frame = decode_frame(sent.raw)
        for order, hint in order_hints(frame).items():
            orders[order] = hint.merged(orders.get(order, NOTHING_KNOWN))
        events = wire_events(frame, orders, 1, reference, strategy_from_order_id=True)
        for index, told in enumerate(events):
            assert not isinstance(told, Quarantined), told
            assert told.strategy_id is not None
            place = Place("executions:relay", f"{number}-0", index, len(events), 1)
            text = facts.text(told, place, sent.raw)
            assert books[book_of(told.strategy_id)].apply(text).result != "refused"
    return books


@pytest.fixture(scope="module", params=SEEDS)
def scenario(request: pytest.FixtureRequest) -> Scenario:
    return build_scenario(request.param, EXECUTIONS)


@pytest.fixture(scope="module")
def books(scenario: Scenario) -> dict[str, Book]:
    return books_after(scenario)


def test_the_same_seed_makes_the_same_day() -> None:
    assert build_scenario(5, 300).frames == build_scenario(5, 300).frames


def test_another_seed_makes_another_day() -> None:
    assert build_scenario(5, 300).frames != build_scenario(6, 300).frames


def test_a_day_has_the_executions_asked_for_and_few_more(scenario: Scenario) -> None:
    assert EXECUTIONS <= scenario.executions < EXECUTIONS + 60


def test_the_rules_hold_the_quantities_the_day_adds_up_to(
    scenario: Scenario, books: dict[str, Book]
) -> None:
    held = {
        (name, int(record.strategy), record.instrument): record.position.quantity
        for name, book in books.items()
        for record in book.state.positions.values()
    }
    assert held == {tuple(key): sums.quantity for key, sums in scenario.expected.positions.items()}


def test_the_rules_charge_the_fees_the_day_adds_up_to(
    scenario: Scenario, books: dict[str, Book]
) -> None:
    for key, sums in scenario.expected.positions.items():
        position = books[key.book].state.positions[f"{key.strategy}:{key.instrument}"].position
        paid = {token: fee for token, fee in position.fees.paid.items() if fee}
        assert paid == {token: fee for token, fee in sums.fees.items() if fee}, key


def test_cost_less_realized_is_the_sum_of_notionals(
    scenario: Scenario, books: dict[str, Book]
) -> None:
    for key, sums in scenario.expected.positions.items():
        position = books[key.book].state.positions[f"{key.strategy}:{key.instrument}"].position
        assert position.cost - position.realized_pnl == sums.notional, key


def test_the_rules_hold_the_balances_the_day_adds_up_to(
    scenario: Scenario, books: dict[str, Book]
) -> None:
    held = {
        (name, *key.split(":")): record.balance.total
        for name, book in books.items()
        for key, record in book.state.balances.items()
    }
    assert held == {tuple(key): total for key, total in scenario.expected.balances.items()}


def test_every_execution_counts_once(scenario: Scenario, books: dict[str, Book]) -> None:
    counted = sum(book.state.totals.counts.trade_count for book in books.values())
    assert counted == scenario.executions


def test_futures_are_flat_at_the_end(books: dict[str, Book]) -> None:
    futures = [
        record
        for record in books["derivatives"].state.positions.values()
        if record.terms.kind in ("future", "perpetual")
    ]
    assert futures
    assert not any(record.position.quantity for record in futures)


def test_arbitrage_traces_run_over_chains_and_mostly_complete(books: dict[str, Book]) -> None:
    traces = [trace for trace, _ in books["onchain"].state.traces.values()]
    assert traces
    assert all(trace.arbitrage for trace in traces)
    assert sum(trace.completed for trace in traces) > len(traces) / 2
    places = [sum(f'"{chain}"' in step for step in trace.steps)
              for trace in traces for chain in ("ethereum", "polygon", "arbitrum")]  # fmt: skip
    assert sum(places) == sum(len(trace.steps) for trace in traces)


def test_every_way_of_telling_an_execution_occurs(scenario: Scenario) -> None:
    layouts = Counter(
        tlv.layout for frame in scenario.frames for tlv in decode_frame(frame.raw).tlvs
    )
    wanted = {"FILL32", "OS25", "ER48", "FILL65", "ER96", "ORDBIN", "ERBIN52", "TCDOC36"}
    assert wanted <= layouts.keys()
