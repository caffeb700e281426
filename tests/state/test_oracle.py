"""What the scripts make of any events is what the rules in Python make of them."""

from __future__ import annotations

import pytest

from pm import keys
from tests.random_books import RandomLife
from tests.servers import AnyServer
from tests.state import facts
from tests.state.books import (
    BOOK,
    LaneFeed,
    assert_verified,
    batches_of,
    contents,
    differences,
    from_texts,
    journal_of,
    opened,
    random_batches,
)

GENERATIONS = (5, 50, 100_000)
EVENTS = 300
EVENTS_SLOW = 10_000
SEEDS = range(1_000, 1_006)
SEEDS_SLOW = range(2_000, 2_060)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_random_life_verifies_against_the_rules(server: AnyServer, seed: int) -> None:
    _live(server, seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS_SLOW)
def test_many_random_lives_verify_against_the_rules(server: AnyServer, seed: int) -> None:
    _live(server, seed)


def _live(server: AnyServer, seed: int) -> None:
    size = GENERATIONS[seed % len(GENERATIONS)]
    client = opened(server, generation_size=size)
    life = RandomLife(seed, generation_size=size)
    feed = LaneFeed(client, from_texts(life.take(EVENTS)))
    assert "not_reproducible" not in life.corrections.reasons, f"seed {seed}"
    feed.feed(random_batches(seed))
    assert_verified(client, f"seed {seed}, generations of {size}")
    results = feed.counts
    assert results.applied > EVENTS // 4, f"seed {seed}: a life of almost nothing: {results}"


@pytest.mark.parametrize("seed", range(3_000, 3_003))
@pytest.mark.parametrize("generation_size", [5, 100_000])
def test_any_split_of_a_lane_gives_the_same_bytes(
    server: AnyServer, seed: int, generation_size: int
) -> None:
    events = from_texts(RandomLife(seed, generation_size=generation_size).take(120))
    whole = None
    for size in (1, 2, 7, len(events)):
        client = opened(server, generation_size=generation_size)
        LaneFeed(client, events).feed(batches_of(size))
        held = contents(client)
        whole = whole or held
        assert not differences(held, whole), f"seed {seed}, batches of {size} against 1"
        client.flushall()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3_500, 3_503))
def test_any_split_of_a_long_lane_gives_the_same_bytes_on_every_engine(
    valkey_server: AnyServer, redis_server: AnyServer, seed: int
) -> None:
    size = GENERATIONS[seed % len(GENERATIONS)]
    events = from_texts(RandomLife(seed, generation_size=size).take(EVENTS_SLOW))
    whole = None
    for number, server in enumerate((valkey_server, redis_server) * 2):
        client = opened(server, generation_size=size)
        LaneFeed(client, events).feed(random_batches(seed + 7 * number))
        held = contents(client)
        if whole is None:
            assert_verified(client, f"seed {seed}, generations of {size}")
        whole = whole or held
        assert not differences(held, whole), f"seed {seed}, split {number} against 0"
        client.flushall()


@pytest.mark.parametrize("seed", range(4_000, 4_003))
def test_two_engines_hold_the_same_bytes(
    valkey_server: AnyServer, redis_server: AnyServer, seed: int
) -> None:
    events = from_texts(RandomLife(seed).take(EVENTS))
    size = GENERATIONS[seed % len(GENERATIONS)]
    held = []
    for server in (valkey_server, redis_server):
        client = opened(server, generation_size=size)
        LaneFeed(client, events).feed(random_batches(seed))
        held.append(contents(client))
    assert len(journal_of(held[0])[1]) == EVENTS + 1
    assert not differences(*held), f"seed {seed}, generations of {size}"


def test_two_lanes_interleaved_verify(server: AnyServer) -> None:
    seed = 5_000
    client = opened(server, generation_size=50)
    feeds = [
        LaneFeed(client, from_texts(RandomLife(seed + n, lane=lane, generation_size=None).take(80)))
        for n, lane in enumerate(("executions", "executions:relay-1"))
    ]
    for size, _ in zip(random_batches(seed), range(40), strict=False):
        for feed in feeds:
            if feed.done < len(feed.events):
                feed.apply(size)
    assert [feed.done for feed in feeds] == [80, 80], f"seed {seed}"
    assert_verified(client, f"seed {seed}")


@pytest.mark.parametrize("batch", [1, 3])
def test_a_position_has_the_terms_of_its_last_event(server: AnyServer, batch: int) -> None:
    client = opened(server)
    changed = {"dust": "0.5", "chain_id": "10", "location": "binance.optimism"}
    events = [facts.fill("O1", "1"), facts.fill("O2", "1"), facts.fill("O3", "0.25", **changed)]
    LaneFeed(client, facts.placed(*events)).feed(batches_of(batch))
    held = client.hgetall(keys.position(BOOK, "7", facts.BTC["instrument"]))
    assert (held[b"dust"], held[b"chain_id"], held[b"quantity"]) == (b"0.5", b"10", b"2.25")
    assert_verified(client)


def test_a_position_whose_facts_do_not_say_what_it_is_is_never_begun(server: AnyServer) -> None:
    client = opened(server)
    before = contents(client)
    bare = {"strategy": "7", "instrument": facts.BTC["instrument"], "cost": "5"}
    feed = LaneFeed(client, facts.placed({**facts.deposit("BTC", "1"), **bare}))
    outcome = feed.apply(1)
    assert outcome.status == "failed"
    assert "do not say what it is" in outcome.error
    assert contents(client) == before
