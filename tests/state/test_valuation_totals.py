"""What positions are worth at their marks, and totals that move with them by the same difference.

Whatever is applied between two valuations, totals are the sums over positions. Only a call that was
cut off leaves them apart; the book then says so until they are counted anew.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

import pytest
import redis

from pm import keys
from pm.books.applying import redo
from pm.decimals import Amount, multiply_divide
from tests.random_books import RandomLife
from tests.servers import Server
from tests.state import facts
from tests.state import life_facts as life
from tests.state.books import (
    BOOK,
    PREFIX,
    LaneFeed,
    assert_verified,
    contents,
    from_texts,
    opened,
    put_back,
    snapshot,
)
from tests.state.faults import Faults, InjectedFault
from tests.state.marked import is_torn, members, recounted, set_prices, unsummed, worths
from tests.state.scene import Scene

EVENTS = 400
PRICES = ("", "0", "1", "100", "104.5", "0.000000000000000007", "59999.99")

LONG = facts.fill("O1", "2")
MORE, LESS, CLOSED = facts.fill("O2", "1", "130"), facts.fill("O2", "-1"), facts.fill("O2", "-2")
FLIPPED, AGAIN = facts.fill("O2", "-5", "110"), facts.fill("O3", "3", "90")
OF_BTC = "7:" + facts.BTC["instrument"]
OF_INVERSE = "7:" + facts.INVERSE["instrument"]
OF_SHARE = "7:" + facts.SHARE["instrument"]
CONTRACTS = life.opening(facts.INVERSE, "7", "1000", "-0.2")
FEWER = life.opening(facts.INVERSE, "7", "-1500", "0.25")
SHARES = life.opening(facts.SHARE, "7", "7", "70")

COURSES: dict[str, tuple[facts.Facts, str, str, list[facts.Facts], tuple[str, str, int]]] = {
    "bought more": (LONG, OF_BTC, "110", [MORE], ("330", "0", 0)),
    "sold some": (LONG, OF_BTC, "110", [LESS], ("110", "10", 0)),
    "closed": (LONG, OF_BTC, "110", [CLOSED], ("0", "0", 0)),
    "flipped": (LONG, OF_BTC, "100", [FLIPPED], ("-300", "30", 0)),
    "closed and opened again": (LONG, OF_BTC, "110", [CLOSED, AGAIN], ("330", "60", 0)),
    "never marked": (LONG, OF_BTC, "", [MORE], ("", "", 1)),
    "never marked and closed": (LONG, OF_BTC, "", [CLOSED], ("0", "0", 0)),
    # 1000 and -500 contracts of 10 USD at 40,000 USD
    "inverse": (CONTRACTS, OF_INVERSE, "40000", [], ("-0.25", "-0.05", 0)),
    "inverse flipped": (
        CONTRACTS,
        OF_INVERSE,
        "40000",
        [FEWER],
        ("0.125", "0.041666666666666667", 0),
    ),
    "inverse at no price": (CONTRACTS, OF_INVERSE, "0", [], ("", "", 1)),
    "split": (SHARES, OF_SHARE, "12", [life.split(facts.SHARE, "3", "2", "0")], ("", "", 1)),
    "dividend": (
        SHARES,
        OF_SHARE,
        "12",
        [life.dividend(facts.SHARE, "D1", "ex", "1")],
        ("84", "14", 0),
    ),
}


@pytest.mark.parametrize("course", COURSES)
@pytest.mark.parametrize("in_one_call", [True, False])
def test_a_position_is_worth_its_quantity_at_its_mark(
    server: Server, course: str, in_one_call: bool
) -> None:
    begun, member, price, then, (value, unrealized, unmarked) = COURSES[course]
    client = opened(server)
    feed = LaneFeed(client, facts.placed(begun, *then))
    feed.apply(1)
    set_prices(client, {member: price})
    feed.feed([len(then)] if in_one_call else [1] * len(then))
    held = contents(client)
    position = held[PREFIX + "position:" + member][1]
    worth = (position[b"market_value"].decode(), position[b"unrealized_pnl"].decode())
    assert worth == (value, unrealized)
    assert worths(held)[""] == worths(held)["7"]
    assert worths(held)[""].unmarked == unmarked
    assert not unsummed(held)
    assert_verified(client)


@pytest.mark.parametrize("seed", range(7_000, 7_002))
def test_totals_are_sums_through_a_random_life(server: Server, seed: int) -> None:
    _live(opened(server), seed, EVENTS)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(7_100, 7_106))
def test_totals_are_sums_through_many_random_lives(server: Server, seed: int) -> None:
    _live(opened(server), seed, 4 * EVENTS)


def _live(client: redis.Redis, seed: int, events: int) -> None:
    choose = random.Random(seed)
    feed = LaneFeed(client, from_texts(RandomLife(seed).take(events)))
    marks = 0
    while feed.done < events:
        assert feed.apply(choose.choice((1, 2, 5, 20))).status == "applied"
        held = contents(client)
        about = f"seed {seed}, after {feed.done} events"
        assert not unsummed(held), about
        for member in members(held):
            _assert_worth(held[PREFIX + "position:" + member][1], f"{about}: {member}")
        chosen = [member for member in members(held) if choose.random() < 0.3]
        set_prices(client, {member: choose.choice(PRICES) for member in chosen})
        marks += len(chosen)
        assert not unsummed(contents(client)), f"{about} and marks"
    assert marks > events // 10, f"seed {seed}: hardly a mark was set"
    assert_verified(client, f"seed {seed}")


def _assert_worth(held: Mapping[bytes, bytes], about: str) -> None:
    """The value a position has is the one it has at its mark."""
    found = (held[b"market_value"].decode(), held[b"unrealized_pnl"].decode())
    mark, quantity = held[b"mark"].decode(), _amount(held, b"quantity")
    if not quantity:
        assert found == ("0", "0"), about
    elif not mark:
        assert found == ("", ""), about
    else:
        price, multiplier = Amount.parse(mark), _amount(held, b"multiplier")
        value = quantity * multiplier * price
        if held[b"inverse"] == b"1":
            value = -multiply_divide(quantity, multiplier, price, 18)
        assert found == (str(value), str(value - _amount(held, b"cost"))), about


def _amount(held: Mapping[bytes, bytes], name: bytes) -> Amount:
    return Amount.parse(held[name].decode())


def test_after_a_redo_the_book_says_that_totals_have_to_be_counted_anew(
    server: Server, faults: Faults
) -> None:
    client = server.client(decode=False, timeout_s=30.0)
    faults.load(client)
    scene, apart, command = Scene.on(server, client), 0, 120
    while _fails(faults, "apply", command, lambda: scene.apply(scene.rewind())):
        if redo(client, scene.feed().applier):
            assert is_torn(client), f"apply failed at command {command}"
            apart += bool(unsummed(contents(client)))
            recounted(scene.decoding)
            assert not is_torn(client)
            assert not unsummed(contents(client)), f"apply failed at command {command}"
            assert_verified(client)
        command += 17
    assert apart > 3, "totals were hardly ever apart"


def test_a_valuation_cut_off_is_told_and_counted_anew(server: Server, faults: Faults) -> None:
    faults.load(server.client())
    client, decoding = _valued(server), server.client()
    prices = dict.fromkeys(members(contents(client)), "120")
    before, unchanged = snapshot(client), contents(client)
    set_prices(client, prices)
    undisturbed = worths(contents(client))
    command = apart = 0
    while True:
        command += 1
        put_back(client, before)
        if not _fails(faults, "value", command, lambda: set_prices(client, prices)):
            break
        assert is_torn(client) == (contents(client) != unchanged), f"command {command}"
        apart += bool(unsummed(contents(client)))
        was_torn = is_torn(client)
        set_prices(client, prices)
        assert is_torn(client) == was_torn, "a later valuation does not hide it"
        recounted(decoding)
        assert worths(contents(client)) == undisturbed, f"command {command}"
        assert not unsummed(contents(client))
    assert apart > 3


def test_a_recount_cut_off_is_made_again(server: Server, faults: Faults) -> None:
    faults.load(server.client())
    client, decoding = _valued(server), server.client()
    undisturbed = worths(contents(client))
    client.hset(keys.strategy(BOOK, "7"), "market_value", '{"USDT":"1"}')
    client.hset(keys.book(BOOK), mapping={"unmarked": "9", "valuation_torn": "1"})
    before, command = snapshot(client), 0
    while True:
        command += 1
        put_back(client, before)
        if not _fails(faults, "recount_valuation", command, lambda: recounted(decoding)):
            break
        assert is_torn(client), f"command {command}"
        recounted(decoding)
        assert worths(contents(client)) == undisturbed, f"command {command}"
    assert command > 4
    assert worths(contents(client)) == undisturbed


def _valued(server: Server) -> redis.Redis:
    """A book with marked positions of several strategies, and one without a mark."""
    client = opened(server)
    events = [LONG, CONTRACTS, SHARES, facts.fill("O2", "-1", strategy="8")]
    LaneFeed(client, facts.placed(*events, facts.on_ethereum("O4", "3"))).feed([5])
    _, *marked = members(contents(client))
    set_prices(client, dict.fromkeys(marked, "100"))
    return client


def _fails(faults: Faults, entry: str, command: int, call: Callable[[], None]) -> bool:
    """Whether the call had such a command, and so failed."""
    faults.armed = {entry: command}
    try:
        call()
    except InjectedFault:
        return True
    faults.armed.clear()
    return False
