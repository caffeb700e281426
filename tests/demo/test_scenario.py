"""A made-up day is the same for the same seed, and the books' rules agree with its own sums."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from fractions import Fraction

import pytest

from pm.demo.amendments import Amendment, tell_of
from pm.demo.book_event import BookEvent
from pm.demo.desk import BOOKS, BRIDGE, book_of
from pm.demo.exact import text_of
from pm.demo.labels import amount_label
from pm.demo.scenario import Scenario, build_scenario, first_moment
from pm.events.facts import Direct, Facts, Place
from pm.events.model import Bust, Correct, Quarantined, Transfer
from pm.events.order_context import NOTHING_KNOWN, OrderContext, order_hints
from pm.events.wire import wire_events
from pm.reference.snapshot import Reference
from pm.rules.book import Book
from pm.wire.frame import decode_frame
from tests.told_book import ToldBook

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


def bridged() -> tuple[BookEvent, BookEvent]:
    """The two steps of the day's bridge."""
    book = book_of(BRIDGE.strategy)
    sent = Transfer(
        BRIDGE.transfer_id, "sent", BRIDGE.token, 1, amount=BRIDGE.sent,
        strategy_id=BRIDGE.strategy, instrument=BRIDGE.source, from_location="ethereum",
    )  # fmt: skip
    arrived = Transfer(
        BRIDGE.transfer_id, "arrived", BRIDGE.token, 2, arrived=BRIDGE.arrived,
        strategy_id=BRIDGE.strategy, instrument=BRIDGE.source, to_location="arbitrum",
        to_instrument=BRIDGE.target,
    )  # fmt: skip
    return BookEvent(book, sent), BookEvent(book, arrived)


def apply_all(
    books: dict[str, ToldBook], facts: Facts, events: Iterable[BookEvent], at: int
) -> None:
    """Apply events from entry `at` of the producers' lane on."""
    for number, (name, event) in enumerate(events, at):
        place = Place("executions", f"{number}-0", 0, 1, 1)
        applied = books[name].take(facts.text(event, place))
        assert applied.result == "applied", (event, applied)


def books_after(scenario: Scenario) -> dict[str, Book]:
    """The day through the rules alone: no server, no gateway, every instrument known."""
    reference = reference_of(scenario)
    facts = Facts(reference)
    books = {name: ToldBook() for name in BOOKS}
    apply_all(books, facts, scenario.before, 1)
    bridge_steps = dict(zip((100, 300), bridged(), strict=True))
    orders: dict[int, OrderContext] = {}
    for number, sent in enumerate(scenario.frames, 1):
        if number in bridge_steps:
            apply_all(books, facts, [bridge_steps[number]], 1_000 + number)
        frame = decode_frame(sent.raw)
        for order, hint in order_hints(frame).items():
            orders[order] = hint.merged(orders.get(order, NOTHING_KNOWN))
        events = wire_events(frame, orders, 1, reference, strategy_from_order_id=True)
        for index, told in enumerate(events):
            assert not isinstance(told, Quarantined), told
            assert told.strategy_id is not None
            place = Place("executions:relay", f"{number}-0", index, len(events), 1)
            text = facts.text(told, place, sent.raw)
            assert books[book_of(told.strategy_id)].take(text).result != "refused"
    for amendment in scenario.amendments:
        book = books[amendment.told.key.book]
        asked = correction(amendment)
        book.take(facts.text(asked, Direct(1)))
        assert book.make(asked.event_id).result == "applied"
    apply_all(books, facts, scenario.close.events, 10_000)
    return {name: told.book for name, told in books.items()}


def correction(amendment: Amendment) -> Bust | Correct:
    """What a venue says of a trade."""
    told, price = amendment
    venue = told.key.instrument.partition(".")[0]
    order_id, execution_id = map(str, told.name)
    asked = Bust("C-bust", execution_id, order_id, venue, 1, venue, "erroneous trade")
    if price is None:
        return asked
    return Correct(*asked[:7], price=text_of(price))._replace(event_id="C-correct")


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
        (name, int(record.strategy), record.instrument): str(record.position.quantity)
        for name, book in books.items()
        for record in book.state.positions.values()
    }
    expected = scenario.expected.positions
    assert held == {tuple(key): text_of(sums.quantity) for key, sums in expected.items()}


def test_the_rules_charge_the_fees_the_day_adds_up_to(
    scenario: Scenario, books: dict[str, Book]
) -> None:
    for key, sums in scenario.expected.positions.items():
        position = books[key.book].state.positions[f"{key.strategy}:{key.instrument}"].position
        paid = {token: str(fee) for token, fee in position.fees.paid.items() if fee}
        assert paid == {token: text_of(fee) for token, fee in sums.fees.items() if fee}, key
        assert str(position.fees.value) == text_of(sums.fee_value), key


def test_the_rules_arrive_at_the_cost_and_the_gains_the_day_adds_up_to(
    scenario: Scenario, books: dict[str, Book]
) -> None:
    for key, sums in scenario.expected.positions.items():
        position = books[key.book].state.positions[f"{key.strategy}:{key.instrument}"].position
        assert str(position.cost) == text_of(sums.cost), key
        assert str(position.realized_pnl) == text_of(sums.realized), key
        assert str(position.figures.carry) == text_of(sums.carry), key
        assert str(position.figures.transfer_cost) == text_of(sums.transfer_cost), key


def test_the_rules_hold_the_balances_the_day_adds_up_to(
    scenario: Scenario, books: dict[str, Book]
) -> None:
    held = {
        (name, *key.split(":")): str(record.balance.total)
        for name, book in books.items()
        for key, record in book.state.balances.items()
    }
    expected = scenario.expected.balances
    assert held == {tuple(key): text_of(total) for key, total in expected.items()}


def test_every_execution_counts_once(scenario: Scenario, books: dict[str, Book]) -> None:
    counted = sum(book.state.totals.counts.trade_count for book in books.values())
    busted = sum(amendment.price is None for amendment in scenario.amendments)
    assert (counted, busted) == (scenario.executions - 1, 1)


def test_futures_and_shares_are_held_when_the_day_closes(scenario: Scenario) -> None:
    held = {
        key.instrument: holding.quantity
        for key, holding in scenario.expected.positions.items()
        if "future" in key.instrument or "stock" in key.instrument
    }
    assert len(held) == 4
    assert all(held.values())


def test_the_close_says_what_it_comes_to(scenario: Scenario) -> None:
    of_close = scenario.expected.positions
    carry = [text_of(held.carry) for held in of_close.values() if held.carry]
    assert len(carry) == 2
    told = " ".join(scenario.close.told)
    assert all(amount_label(amount) in told for amount in carry)


@pytest.mark.parametrize("executions", [1, 20, EXECUTIONS])
def test_a_day_of_any_length_has_a_trade_to_bust_and_another_to_correct(executions: int) -> None:
    day = build_scenario(2, executions)
    busted, corrected = day.amendments
    assert busted.told != corrected.told
    assert busted.price is None
    assert corrected.price not in (None, corrected.told.trade.price)
    told = tell_of(day.amendments, day.expected.reference)
    assert " busts trend's " in told
    assert " corrects the price of trend's " in told


def test_a_later_day_is_the_same_but_for_its_times() -> None:
    day, later = build_scenario(5, 300), build_scenario(5, 300, 1_800_000_000_000_000_000)
    assert later.expected.positions == day.expected.positions
    assert later.expected.balances == day.expected.balances
    assert len(later.frames) == len(day.frames)
    assert later.prices[0].at == 1_800_000_000_000_000_000


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("executions", [1, 400])
def test_a_day_is_over_by_the_moment_it_was_to_be(seed: int, executions: int) -> None:
    first_at = first_moment(1_800_000_000_000_000_000, executions)
    day = build_scenario(seed, executions, first_at)
    assert day.close.prices.at < 1_800_000_000_000_000_000


def test_orders_that_reserve_ask_for_all_they_can_take(scenario: Scenario) -> None:
    assert scenario.reservations
    reference = reference_of(scenario)
    for order in scenario.reservations:
        tokens = {
            token
            for known in reference.instruments.values()
            if known.venue == order.venue
            for token in (known.base, known.quote)
        }
        assert order.token in tokens
        assert Fraction(order.amount) > 0 < Fraction(order.quantity)


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
