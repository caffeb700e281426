"""Whatever happens in a book: parts of its attribution add up to its totals, to the last digit."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from functools import cache

import pytest

from pm.attribution.answer import PerformanceAttribution
from pm.attribution.money import Known
from pm.attribution.money import total as total_of
from pm.attribution.worth import Terms, worth
from pm.days import utc_day
from pm.decimals import ZERO, Amount
from tests.attribution.desk import Desk
from tests.attribution.told_books import ToldBook, random_book, strategies

NOW = "2023-11-17T12:00:00"
SEEDS = (1, 2)
EVENTS = 700
PARTS = ("realized_pnl", "carry", "transfer_cost", "fee_value", "total_volume")


@pytest.fixture(params=SEEDS)
def life(request: pytest.FixtureRequest) -> ToldBook:
    """A random book; its seed is in the name of the test."""
    return _life(request.param)


@cache
def _life(seed: int) -> ToldBook:
    return random_book(seed, EVENTS)


def priced(desk: Desk, life: ToldBook, seed: int = 5) -> None:
    """Put a book in, with a close of every instrument on each of its days, and current marks."""
    chance = random.Random(seed)
    desk.put(life)
    for terms in terms_of(life):
        for at in ("2023-11-13", "2023-11-14", "2023-11-15", "2023-11-16", "2023-11-17"):
            price = Amount(chance.randrange(1, 10**9), 4)
            desk.mark(terms.instrument, terms.quote, str(price), f"{at}T11:59:00")


def terms_of(life: ToldBook) -> list[Terms]:
    """The terms of every instrument that has a position."""
    found: dict[str, Terms] = {}
    for key, held in life.book.expected_state().items():
        if key.startswith("position:") and isinstance(held, dict):
            found[held["instrument_id"]] = Terms(
                instrument=held["instrument_id"],
                base=held["base"],
                quote=held["quote"],
                settlement=held["settlement"],
                multiplier=Amount.parse(held["multiplier"]),
                inverse=held["inverse"] == "1",
            )
    return [found[name] for name in sorted(found)]


def parsed(text: str) -> dict[str, Amount]:
    """Amounts of a stored map, those of 0 left out."""
    amounts = {token: Amount.parse(amount) for token, amount in json.loads(text).items()}
    return {token: amount for token, amount in amounts.items() if amount}


def known(parts: Iterable[Known]) -> dict[str, Amount | None]:
    """The sum of parts, tokens at 0 left out."""
    return {token: amount for token, amount in sorted(total_of(parts).items()) if amount != ZERO}


def test_figures_of_a_whole_life_are_the_totals_of_the_strategy(desk: Desk, life: ToldBook) -> None:
    priced(desk, life)
    for strategy in strategies(life):
        found = desk.performance(NOW, strategy=strategy)
        totals = life.state(f"strategy:{strategy}")

        for name, stored in zip(PARTS, (*PARTS[:4], "volume"), strict=True):
            assert known([getattr(found, name).by_token]) == parsed(totals[stored]), name
        assert known([found.fees_paid]) == parsed(totals["fees_paid"])
        counts = ("trade_count", "orders_filled", "orders_rejected", "trips_won", "trips_unknown")
        assert [getattr(found, name) for name in counts] == [int(totals[name]) for name in counts]


def test_unrealized_pnl_of_a_whole_life_is_worth_less_cost(desk: Desk, life: ToldBook) -> None:
    priced(desk, life)
    prices = {terms.instrument: terms for terms in terms_of(life)}
    for strategy in strategies(life):
        found = desk.performance(NOW, strategy=strategy)
        expected = []
        for key, held in life.book.expected_state().items():
            if not key.startswith(f"position:{strategy}:") or not isinstance(held, dict):
                continue
            terms = prices[held["instrument_id"]]
            close = desk.client.hget(
                f"pm:{{ref}}:mark-days:{terms.instrument}/{terms.quote}", "2023-11-17"
            )
            price = Amount.parse(json.loads(str(close))["price"])
            value = worth(Amount.parse(held["quantity"]), price, terms)
            assert value is not None
            expected.append({terms.settlement: value - Amount.parse(held["cost"])})
        assert known([found.unrealized_pnl.by_token]) == known(expected)


def test_venues_pairs_and_rows_add_up_to_the_strategy(desk: Desk, life: ToldBook) -> None:
    priced(desk, life)
    for strategy in strategies(life):
        for granularity in ("trade_level", "daily"):
            found = desk.performance(NOW, strategy=strategy, granularity=granularity)
            for parts in (found.venue_attribution, found.token_pair_attribution):
                for name in PARTS:
                    assert known(getattr(part, name).by_token for part in parts.values()) == known(
                        [getattr(found, name).by_token]
                    )
                assert sum(part.trade_count for part in parts.values()) == found.trade_count
            if granularity == "daily":
                assert known(row.realized_pnl.by_token for row in found.details) == known(
                    [found.realized_pnl.by_token]
                )
            else:
                assert known({row.settlement: row.realized_pnl} for row in found.details) == known(
                    [found.realized_pnl.by_token]
                )
            pairs = found.token_pair_attribution.values()
            assert known(pair.unrealized_pnl.by_token for pair in pairs) == known(
                [found.unrealized_pnl.by_token]
            )


def test_strategies_add_up_to_the_book(desk: Desk, life: ToldBook) -> None:
    priced(desk, life)
    found = [desk.performance(NOW, strategy=strategy) for strategy in strategies(life)]
    totals = life.state("book")

    for name, stored in zip(PARTS, (*PARTS[:4], "volume"), strict=True):
        assert known(getattr(part, name).by_token for part in found) == parsed(totals[stored])
    assert sum(part.trade_count for part in found) == int(totals["trade_count"])


def test_days_add_up_to_the_range(desk: Desk, life: ToldBook) -> None:
    priced(desk, life)
    for strategy in strategies(life):
        found = desk.performance(NOW, "2023-11-14", strategy=strategy, granularity="daily")
        assert len(found.daily) == 4
        for name in ("realized_pnl", "unrealized_pnl", "total_pnl"):
            days = known(getattr(day, name).by_token for day in found.daily)
            assert days == known([getattr(found, name).by_token]), name


def test_parts_of_a_day_add_up_to_the_day(desk: Desk, life: ToldBook) -> None:
    priced(desk, life)
    desk.settings = desk.settings.model_copy(
        update={
            "valuation": desk.settings.valuation.model_copy(update={"mark_max_age_seconds": 10**6})
        }
    )
    times = ("2023-11-14", "2023-11-14T23:59:59.5", "2023-11-15T07:00:00", "2023-11-15T21:01:02")
    for strategy in strategies(life):
        whole = desk.performance(NOW, "2023-11-14", "2023-11-15", strategy=strategy)
        parts: list[PerformanceAttribution] = [
            desk.performance(NOW, start, end, strategy=strategy)
            for start, end in zip(times, (*times[1:], "2023-11-15"), strict=True)
        ]
        for name in (*PARTS, "unrealized_pnl", "total_pnl"):
            assert known(getattr(part, name).by_token for part in parts) == known(
                [getattr(whole, name).by_token]
            ), name
        assert sum(len(part.details) for part in parts) == len(whole.details)
        assert sum(part.trade_count for part in parts) == whole.trade_count > 0


def test_lines_of_a_day_add_up_in_every_token_and_in_the_reporting_currency(
    desk: Desk, life: ToldBook
) -> None:
    priced(desk, life)
    chance = random.Random(9)
    for day in ("2023-11-13", "2023-11-14", "2023-11-15", "2023-11-16"):
        for token in ("BTC", "USDT", "USDC.e"):
            price = Amount(chance.randrange(1, 10**9), 4)
            desk.mark(token, "USD", str(price), f"{day}T12:00:00")
    lines = ("carried_positions", "new_trades", "carry", "transfer_cost", "corrections")
    for day in ("2023-11-14", "2023-11-15", "2023-11-16"):
        found = desk.explain(NOW, day)
        fees = {x: amount for x, amount in found.fees.by_token.items() if amount is not None}
        parts = [getattr(found, name).by_token for name in lines]
        whole = {x: amount for x, amount in found.total.by_token.items() if x in fees}
        summed = known([*({x: part.get(x, ZERO) for x in fees} for part in parts), fees])
        assert summed == known([whole])
        if found.total.reported is not None:
            names = (*lines, "fees", "currency", "rounding")
            reported = [getattr(found, name).reported for name in names]
            assert sum(reported, ZERO) == found.total.reported


def test_the_explained_day_is_what_performance_says_of_it(desk: Desk, life: ToldBook) -> None:
    priced(desk, life)
    for strategy in strategies(life):
        for day in ("2023-11-14", "2023-11-15"):
            explained = desk.explain(NOW, day, strategy)
            attributed = desk.performance(NOW, day, day, strategy=strategy, granularity="daily")
            assert known([explained.total.by_token]) == known([attributed.net_pnl.by_token])
            if any(known([explained.corrections.by_token]).values()):
                continue  # a correction's price P&L and its fees are one line
            price_lines = (explained.carried_positions, explained.new_trades)
            assert known(line.by_token for line in price_lines) == known(
                [attributed.total_pnl.by_token]
            )


def test_random_lives_span_several_days() -> None:
    days = {
        utc_day(int(json.loads(entry.facts)["executed_at"]))
        for entry in _life(SEEDS[0]).entries
        if "executed_at" in entry.facts
    }
    assert {"2023-11-14", "2023-11-15"} <= days
