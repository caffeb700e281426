"""Marks in a server: the newest wins in any order, and the past stays readable."""

from __future__ import annotations

import itertools
import os
import random
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
import redis

from pm import keys
from pm.decimals import Amount
from pm.functions import library
from pm.functions.library import LibraryMissing
from pm.marks import store
from pm.marks.mark import MARK_KINDS, SECOND_NS, Mark
from pm.settings import ValuationSettings
from tests.marks.made import AAPL, DAY_S, NOW, REFERENCE, STALE_S, mark
from tests.servers import Server
from tests.state.faults import Faults, InjectedFault

SEED = int(os.environ.get("PM_TEST_SEED", "1"))
PAIR = ("BTC", "USD")
TODAY, YESTERDAY, DAY_BEFORE = "2023-11-14", "2023-11-13", "2023-11-12"


def btc(price: str, age_s: int = 0, kind: str = "last", **changed: int) -> Mark:
    return mark(*PAIR, price, age_s, kind, **changed)  # type: ignore[arg-type]


def kept(client: redis.Redis) -> list[tuple[str, str]]:
    """Kind and price of what is kept."""
    return [(found.kind, str(found.price)) for found in store.read(client, [PAIR])]


def closes(client: redis.Redis) -> dict[str, str]:
    found = store.days(client, [PAIR], "2023-11-01", "2023-11-30")[PAIR]
    return {day: str(price) for day, price in found.items()}


def history_length(client: redis.Redis) -> int:
    return int(client.xlen(keys.mark_history(*PAIR)))


# --- the newest wins ---


def test_a_mark_comes_back_as_it_was_recorded(client: redis.Redis) -> None:
    told = [
        Mark("BTC", "USD", Amount.parse("0.000000000000000001"), NOW + 123, "a%3Ab", kind, NOW)
        for kind in MARK_KINDS
    ]
    assert store.record(client, told) == (4, 0)
    assert store.read_all(client) == told
    assert store.read(client, [PAIR]) == told


def test_marks_are_read_whether_or_not_the_client_decodes(server: Server) -> None:
    client = server.client(decode=False)
    library.load(client)
    assert store.record(client, [btc("1"), mark("ETH", "USD", "2")]) == (2, 0)
    assert store.read_all(client) == [btc("1"), mark("ETH", "USD", "2")]
    assert store.history(client, *PAIR, NOW) == btc("1")
    assert closes(client) == {TODAY: "1"}


def test_a_later_mark_replaces_an_earlier_one_and_an_earlier_one_changes_nothing(
    client: redis.Redis,
) -> None:
    assert store.record(client, [btc("1", 10)]) == (1, 0)
    assert store.record(client, [btc("2", 5)]) == (1, 0)
    before = (kept(client), history_length(client), closes(client))
    assert store.record(client, [btc("3", 7), btc("4", 100)]) == (0, 2)
    assert (kept(client), history_length(client), closes(client)) == before
    assert kept(client) == [("last", "2")]


def test_of_two_marks_of_one_time_the_later_arrival_wins(client: redis.Redis) -> None:
    store.record(client, [btc("1", received_at=NOW + 5)])
    assert store.record(client, [btc("2", received_at=NOW + 4)]) == (0, 1)
    assert store.record(client, [btc("3", received_at=NOW + 5)]) == (1, 0)
    assert kept(client) == [("last", "3")]
    assert closes(client) == {TODAY: "3"}


def test_each_class_keeps_its_own_newest(client: redis.Redis) -> None:
    told = [btc("1", 5, "last"), btc("2", 50, "mid"), btc("3", 60, "mark"), btc("4", 70, "mark")]
    assert store.record(client, told) == (3, 1)
    assert kept(client) == [("mark", "3"), ("mid", "2"), ("last", "1")]


def test_a_mark_told_twice_is_kept_once(client: redis.Redis) -> None:
    for _ in range(2):
        assert store.record(client, [btc("1", 20), btc("2", 5)])
    assert kept(client) == [("last", "2")]
    assert history_length(client) == 2


def test_times_of_different_lengths_are_compared_as_numbers(client: redis.Redis) -> None:
    early = Mark(*PAIR, Amount(1), 999_999_999_999_999, "desk", "last", NOW)
    late = Mark(*PAIR, Amount(2), 1_000_000_000_000_000, "desk", "last", NOW)
    assert store.record(client, [early, late, early]) == (2, 1)
    assert kept(client) == [("last", "2")]


@pytest.mark.parametrize("seed", range(SEED, SEED + 5))
def test_any_order_in_any_batches_keeps_the_same(client: redis.Redis, seed: int) -> None:
    source = random.Random(seed)
    told = [
        btc(str(number), source.randrange(0, 2 * DAY_S, 3600), source.choice(MARK_KINDS),
            received_at=NOW + number)
        for number in range(150)
    ]  # fmt: skip
    outcomes = set()
    for _ in range(3):
        source.shuffle(told)
        client.flushall()
        remaining = iter(told)
        while batch := list(itertools.islice(remaining, source.randrange(1, 40))):
            store.record(client, batch)
        outcomes.add((tuple(store.read_all(client)), tuple(sorted(closes(client).items()))))
    [(found, _)] = outcomes
    expected = {
        kind: max(
            (each for each in told if each.kind == kind),
            key=lambda each: (each.time, each.received_at),
        )
        for kind in MARK_KINDS
    }
    assert list(found) == [expected[kind] for kind in MARK_KINDS], f"seed {seed}"


def test_the_newest_wins_among_writers_at_once(server: Server) -> None:
    writers = 4
    clients = [server.client() for _ in range(writers)]
    library.load(clients[0])

    def told_by(number: int) -> list[Mark]:
        ages = sorted(random.Random(SEED + number).sample(range(1000), 300), reverse=True)
        return [btc(f"{age}.{number + 1}", age, received_at=NOW + number) for age in ages]

    def write(number: int) -> tuple[int, int]:
        accepted = older = 0
        for each in told_by(number):
            counts = store.record(clients[number], [each])
            accepted, older = accepted + counts.accepted, older + counts.older
        return accepted, older

    with ThreadPoolExecutor(writers) as pool:
        counts = list(pool.map(write, range(writers)))
    everything = [each for number in range(writers) for each in told_by(number)]
    newest = max(everything, key=lambda each: (each.time, each.received_at))
    assert store.read(clients[0], [PAIR]) == [newest], f"seed {SEED}"
    assert [sum(each) for each in counts] == [300] * writers
    assert history_length(clients[0]) == sum(accepted for accepted, _ in counts)


def test_more_marks_than_fit_a_call_are_all_recorded(client: redis.Redis) -> None:
    told = [mark(f"T{number}", "USD", str(number)) for number in range(1, 1_051)]
    assert store.record(client, iter(told)) == (1_050, 0)
    assert sorted(store.read_all(client)) == sorted(told)


def test_recording_nothing_calls_nothing(server: Server) -> None:
    assert store.record(server.client(), []) == (0, 0)
    assert store.read(server.client(), []) == []


def test_without_the_library_it_is_missed_by_name(server: Server) -> None:
    with pytest.raises(LibraryMissing, match="pm_mark_"):
        store.record(server.client(), [btc("1")])


# --- history ---


def test_the_history_tells_what_the_price_was(client: redis.Redis) -> None:
    store.record(client, [btc("1", 30), btc("2", 20), btc("3", 10)])
    at = [store.history(client, *PAIR, NOW - age * SECOND_NS) for age in (31, 30, 21, 20, 10, 0)]
    assert [found and str(found.price) for found in at] == [None, "1", "1", "2", "3", "3"]
    assert store.history(client, "BTC", "EUR", NOW) is None


def test_a_class_that_lags_behind_another_is_found_at_its_own_time(client: redis.Redis) -> None:
    store.record(client, [btc("1", 30, "mid"), btc("2", 5), btc("3", 20, "mid"), btc("4", 1)])
    found = [store.history(client, *PAIR, NOW - age * SECOND_NS) for age in (25, 15, 3, 0)]
    assert [each and str(each.price) for each in found] == ["1", "3", "2", "4"]


def test_with_a_limit_the_best_class_fresh_by_then_counts(client: redis.Redis) -> None:
    store.record(client, [btc("1", 700, "mark"), btc("2", 500, "mid"), btc("3", 400)])
    at = NOW - 350 * SECOND_NS
    limits = (49, 50, 150, 349, 350)
    found = [store.history(client, *PAIR, at, limit) for limit in limits]
    assert [each and str(each.price) for each in found] == [None, "3", "2", "2", "1"]


@pytest.mark.parametrize("limit", [None, 40])
def test_a_long_history_is_searched_to_the_end(client: redis.Redis, limit: int | None) -> None:
    store.record(client, [btc(str(age), age) for age in range(1_000, -1, -1)])
    for age in (0, 1, 199, 200, 201, 999, 1_000):
        found = store.history(client, *PAIR, NOW - age * SECOND_NS, limit)
        assert found is not None
        assert str(found.price) == str(age)


def test_the_history_is_bounded(client: redis.Redis) -> None:
    store.record(client, (btc(str(number), 12_000 - number) for number in range(12_000)))
    assert 10_000 <= history_length(client) < 10_300
    assert store.history(client, *PAIR, NOW - 11_999 * SECOND_NS) is None


# --- daily closes and splits ---


def test_a_day_closes_with_its_latest_mark_whatever_came_when(client: redis.Redis) -> None:
    store.record(client, [btc("1", DAY_S), btc("9", 0)])
    assert store.record(client, [btc("2", DAY_S - 60), btc("3", DAY_S + 60)]) == (0, 2)
    assert store.record(client, [btc("4", 2 * DAY_S)]) == (0, 1)
    assert closes(client) == {DAY_BEFORE: "4", YESTERDAY: "2", TODAY: "9"}


def test_days_begin_at_midnight_utc(client: redis.Redis) -> None:
    midnight = NOW // (DAY_S * SECOND_NS) * DAY_S * SECOND_NS
    told = [
        Mark(*PAIR, Amount(price), midnight + offset, "desk", "last", NOW)
        for price, offset in ((1, -1), (2, 0))
    ]
    store.record(client, told)
    assert closes(client) == {YESTERDAY: "1", TODAY: "2"}


def test_only_the_days_asked_for_are_read(client: redis.Redis) -> None:
    store.record(client, [btc("1", 2 * DAY_S), btc("2", DAY_S), btc("3")])
    pairs = [PAIR, ("ETH", "USD")]
    assert store.days(client, pairs, YESTERDAY, YESTERDAY) == {
        PAIR: {YESTERDAY: Amount(2)},
        ("ETH", "USD"): {},
    }
    assert store.days(client, pairs, TODAY, YESTERDAY) == {PAIR: {}, ("ETH", "USD"): {}}
    assert store.days(client, [], YESTERDAY, TODAY) == {}


def test_a_split_is_recorded_once(client: redis.Redis) -> None:
    assert store.record_split(client, AAPL, "S1", NOW, Amount(4), Amount(1))
    assert not store.record_split(client, AAPL, "S1", NOW + 1, Amount(5), Amount(1))
    assert store.record_split(client, AAPL, "S0", NOW - 1, Amount(1), Amount(3))
    [(instrument, found)] = store.splits(client).items()
    assert instrument == AAPL
    assert [(each.event_id, each.numerator, each.denominator) for each in found] == [
        ("S0", Amount(1), Amount(3)),
        ("S1", Amount(4), Amount(1)),
    ]


@pytest.mark.parametrize(("numerator", "denominator"), [(0, 1), (1, 0), (-1, 1), (1, -1)])
def test_a_split_into_nothing_is_refused(
    client: redis.Redis, numerator: int, denominator: int
) -> None:
    with pytest.raises(ValueError, match=rf"S1 of {AAPL}: {numerator}:{denominator}"):
        store.record_split(client, AAPL, "S1", NOW, Amount(numerator), Amount(denominator))
    assert store.splits(client) == {}


def test_daily_prices_from_before_splits_are_in_the_units_of_today(client: redis.Redis) -> None:
    pair = (AAPL, "USD")
    ages = ((800, 2 * DAY_S), (404, DAY_S), (100, 0))
    store.record(client, [mark(*pair, str(price), age) for price, age in ages])
    day_ns = DAY_S * SECOND_NS
    store.record_split(client, AAPL, "S2", NOW - day_ns // 2, Amount(4), Amount(1))
    store.record_split(client, AAPL, "S1", NOW - day_ns - day_ns // 2, Amount(3), Amount(2))
    found = store.days(client, [pair], DAY_BEFORE, TODAY)[pair]
    assert {day: str(price) for day, price in found.items()} == {
        DAY_BEFORE: "133.333333333333333333333333",
        YESTERDAY: "101",
        TODAY: "100",
    }


# --- prices of now ---


def test_prices_are_read_with_the_settings_in_force(client: redis.Redis) -> None:
    store.record(
        client, [mark("SOL", "EUR", "2", 59), mark("EUR", "JPY", "160", 61), mark(AAPL, "USD", "8")]
    )
    store.record_split(client, AAPL, "S1", NOW, Amount(4), Amount(1))
    valuation = ValuationSettings(hubs=("EUR",), mark_max_age_seconds=60, assume_peg=("USDT",))
    prices = store.read_prices(client, valuation, REFERENCE, NOW)
    rate = prices.rate("SOL", "JPY")
    assert (str(rate.value), rate.is_stale) == ("320", True)
    assert prices.rate("USDT", "USD").is_peg
    assert str(prices.price((AAPL, "USD")).value) == "8"
    later = store.read_prices(client, valuation, REFERENCE, NOW + STALE_S * SECOND_NS)
    assert later.price((AAPL, "USD")).is_stale


# --- calls that were cut off ---


def test_a_call_cut_off_anywhere_is_made_whole_by_the_next(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, faults = server.client(), Faults.installed(monkeypatch)
    faults.load(client)
    told = [btc("1", 9), btc("2", 5), btc("3", 5, "mid"), btc("4", 7, "mark")]
    store.record(client, told)
    whole = (store.read_all(client), closes(client), history_length(client))
    assert whole[2] == len(told)
    for number in itertools.count(1):
        client.flushall()
        faults.armed["mark"] = number
        with suppress(InjectedFault):
            store.record(client, told)
            break
        store.record(client, told)
        assert (store.read_all(client), closes(client), history_length(client)) == whole, number
    assert number > 4 * len(told)
