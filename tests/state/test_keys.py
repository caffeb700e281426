"""pm/keys.py and lua/lib/keys.lua name the same keys."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from pm import keys
from pm.books.applying import Prepared
from pm.functions import library
from tests.random_books import RandomLife
from tests.servers import Server
from tests.state import facts
from tests.state.books import BOOK, PREFIX, LaneFeed, contents, from_texts, opened, random_batches

EVENTS = {
    "fill": facts.fill("O1", "1", fees=[["BNB", "0.1", "trading"]], trace=facts.TRACE),
    "fill on chain": facts.on_ethereum("O1", "1", fees=[["ETH", "0.1", "gas"]]),
    "derivative": {**facts.result("O1", "1", "filled"), **facts.INVERSE, "trace": facts.TRACE},
    "rejected": facts.rejected("O1", fees=[["ETH", "0.1", "gas"]]),
    "rejected with instrument": {**facts.rejected("O1"), **facts.BTC},
    "order_status": {**facts.order_status("O1", "open"), "strategy": "7"},
    "deposit": facts.deposit("USDT", "5"),
    "opening": {**facts.deposit("BTC", "5"), **facts.BTC, "kind": "opening", "strategy": "7"}
    | {"cost": "500"},
    "quarantined": facts.quarantined(),
    "nothing": {"kind": "nothing"},
}

# The hashes by pattern and by function; the whole key must come out again.
PARTS: tuple[tuple[str, Callable[..., str]], ...] = (
    (r"book", keys.book),
    (r"journal", keys.journal),
    (r"quarantine", keys.quarantine),
    (r"positions", keys.positions),
    (r"closed", keys.closed),
    (r"strategies", keys.strategies),
    (r"balances", keys.balances),
    (r"traces", keys.traces),
    (r"lanes", keys.lanes),
    (r"seen:future", keys.seen_future),
    (r"seen:(\d+)", lambda book, generation: keys.seen(book, int(generation))),
    (r"position:([^:]+):([^:]+)", keys.position),
    (r"instrument:([^:]+)", keys.instrument),
    (r"strategy:([^:]+)", keys.strategy),
    (r"balance:([^:]+):([^:]+)", keys.balance),
    (r"chain:([^:]+)", keys.chain),
    (r"order:([^:]+:[^:]+)", keys.order),
    (r"trace:([0-9a-f]{32})", keys.trace),
    (r"attribution:([^:]+):(\d{4}-\d\d-\d\d)", keys.attribution),
)


class Calls:
    """Stands in for `library.call` and records what came back."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.replies: list[list[str]] = []
        self._call = library.call
        monkeypatch.setattr(library, "call", self)

    def __call__(self, *arguments: Any) -> list[str]:
        self.replies.append(self._call(*arguments))
        return self.replies[-1]


@pytest.mark.parametrize("what", EVENTS)
def test_facts_that_name_everything_need_one_round_trip(
    server: Server, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    client = opened(server)
    calls = Calls(monkeypatch)
    LaneFeed(client, facts.placed(EVENTS[what])).feed([1])
    assert [reply[0] for reply in calls.replies] == ["applied"]


@pytest.mark.parametrize("what", EVENTS)
def test_every_key_predicted_for_an_event_is_needed_or_depends_on_the_book(
    server: Server, what: str
) -> None:
    client = opened(server)
    (event,) = facts.placed(EVENTS[what])
    asked = _asked(client, event, keys.standing_keys(BOOK, 0))
    predicted = set(keys.event_keys(BOOK, event.facts))
    assert asked <= predicted
    spare = {key.removeprefix(PREFIX).partition(":")[0] for key in predicted - asked}
    assert spare <= {"balance", "chain", "position", "instrument", "strategy", "attribution"}


def test_a_redo_needs_one_round_trip_too(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    client = opened(server)
    feed = LaneFeed(client, facts.placed(*(event for event in EVENTS.values())))
    feed.feed([len(EVENTS)])
    before = contents(client)
    client.hset(keys.book(BOOK), mapping={"seq": "1", "cursor:executions": "0-0"})
    calls = Calls(monkeypatch)
    feed.apply(1)
    # torn, redone and whole, and then the cursor is further on
    assert [reply[0] for reply in calls.replies] == ["torn", "redone", "whole", "cursor"]
    assert contents(client).keys() == before.keys()


def test_an_order_that_only_the_book_knows_takes_a_second_round_trip(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = opened(server)
    known = facts.fill("O1", "1")
    status = facts.order_status("O1", "cancelled", fees=[["BNB", "0.1", "gas"]])
    LaneFeed(client, facts.placed(known)).feed([1])
    calls = Calls(monkeypatch)
    LaneFeed(client, facts.placed(known, status)).feed([1])
    assert [reply[0] for reply in calls.replies] == ["need", "applied"]
    strategy = keys.strategy(BOOK, "7")
    assert strategy in calls.replies[0]


def test_generations_nobody_predicted_are_asked_for_and_then_remembered(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = opened(server, generation_size=10)
    events = facts.placed(*(facts.fill(f"O{number}", "1") for number in range(78)))
    LaneFeed(client, events).apply(75)
    calls = Calls(monkeypatch)
    newcomer = LaneFeed(client, events)
    for _ in range(3):
        newcomer.apply(1)
    assert [reply[0] for reply in calls.replies] == ["need", "applied", "applied", "applied"]
    assert calls.replies[0][1:] == [keys.seen(BOOK, 6), keys.seen(BOOK, 7)]


@pytest.mark.parametrize("seed", [6_000, 6_001])
def test_every_key_of_a_book_is_one_of_the_functions(server: Server, seed: int) -> None:
    client = opened(server, generation_size=50)
    LaneFeed(client, from_texts(RandomLife(seed).take(300))).feed(random_batches(seed))
    names = contents(client).keys()
    kinds = {_kind(name) for name in names}
    assert kinds == {pattern for pattern, _ in PARTS}, f"seed {seed}"


def _kind(name: str) -> str:
    for pattern, function in PARTS:
        match = re.fullmatch(re.escape(PREFIX) + pattern, name)
        if match:
            assert function(BOOK, *match.groups()) == name
            return pattern
    raise AssertionError(f"no function of pm.keys makes {name}")


def _asked(client: Any, event: Prepared, given: list[str]) -> set[str]:
    """The keys `apply` asks for in all when it is given only the standing ones."""
    asked: set[str] = set()
    while True:
        arguments: list[str | bytes] = [
            "executions",
            "0-0",
            "0",
            "10",
            "PUBLISH",
            event.text,
            event.raw,
        ]
        reply = library.call(client, "apply", [*given, *sorted(asked)], arguments)
        if reply[0] != "need":
            assert reply[0] == "applied"
            return asked
        asked |= set(reply[1:])


def test_every_kind_of_event_is_among_the_examples() -> None:
    kinds = {event["kind"] for event in EVENTS.values()}
    seen: set[str] = set()
    life: Mapping[str, Any]
    for text in from_texts(RandomLife(1).take(300)):
        life = text.facts
        seen.add(life["kind"])
    assert seen == kinds
