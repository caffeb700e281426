"""pm/keys.py and lua/lib/keys.lua name the same keys."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

import pytest
import redis

from pm import keys
from pm.books.applying import Counts
from pm.functions import library
from tests import told_book
from tests.random_books import RandomLife
from tests.servers import Server
from tests.state import capital_facts as capital
from tests.state import correction_facts as corrections
from tests.state import eventful, facts
from tests.state import life_facts as life
from tests.state.books import BOOK, PREFIX, LaneFeed, contents, from_texts, opened, random_batches
from tests.state.capital_facts import BASIS, FROM_BINANCE, INTO_KRAKEN
from tests.valuation.desk import Desk

EVENTS = {
    "fill": facts.fill("O71", "1", fees=[["BNB", "0.1", "trading"]], trace=facts.TRACE),
    "fill on chain": facts.on_ethereum("O72", "1", fees=[["ETH", "0.1", "gas"]]),
    "derivative": {**facts.result("O73", "1", "filled"), **facts.INVERSE, "trace": facts.TRACE},
    "rejected": facts.rejected("O74", fees=[["ETH", "0.1", "gas"]]),
    "rejected with instrument": {**facts.rejected("O75"), **facts.BTC},
    "order_status": {**facts.order_status("O76", "open"), "strategy": "7"},
    "deposit": facts.deposit("USDT", "5"),
    "opening": life.opening(facts.BTC, "7", "5", "500"),
    "quarantined": facts.quarantined(),
    "nothing": {"kind": "nothing"},
    "reserve": capital.reserve("O9", "USDT", "5", "2"),
    "release": capital.release("O20", "USDT", "5"),
    "withdrawal": capital.withdrawal("USDT", "5"),
    "withdrawal with basis": capital.withdrawal("BTC", "5", **BASIS),
    "allocation": capital.allocation("7", "USDT", "5"),
    "transfer sent": capital.sent("T2", "USDT", "5", trace=facts.TRACE),
    "transfer sent with basis": capital.sent("T2", "BTC", "5", **BASIS),
    "transfer arrived": capital.arrived("T1", "BTC", "0.3", **BASIS, **INTO_KRAKEN),
    "transfer arrived as another token": capital.arrived(
        "T1", "BTC", "0.3", **BASIS, **INTO_KRAKEN, to_token="WBTC"
    ),
    "transfer arrived from another book": capital.arrived(
        "T2", "BTC", "0.3", from_book="other", strategy="7", cost="30", **INTO_KRAKEN
    ),
    "transfer failed": capital.failed("T1", "BTC", **BASIS, **FROM_BINANCE),
    "transfer whole": capital.moved("T2", "BTC", "0.2", "0.1", **BASIS, **INTO_KRAKEN),
    "funding": life.funding(facts.INVERSE, "1", amount="0.003", strategy="7"),
    "dividend ex": life.dividend(facts.SHARE, "D2", "ex", "0.5", strategy="7"),
    "dividend paid": life.dividend(facts.SHARE, "D1", "paid", "0.5"),
    "dividend whole": life.dividend(facts.SHARE, "D2", "whole", "0.5", strategy="7"),
    "split": life.split(facts.SHARE, "3", "2", "0", price="12", strategy="7"),
    "expiry": life.expiry(facts.OPTION, strategy="8"),
    "exercise for cash": life.for_cash(facts.CALL, "5", strategy="7"),
    "exercise for delivery": life.for_delivery(
        facts.CALL, "put", "9", facts.KRAKEN_BTC, strategy="7"
    ),
    "settlement": life.settlement(facts.FUTURE, "105", strategy="7"),
    "fee_value": life.fee_value(facts.BTC, "BNB", "0.1", "30"),
    "trace_expired": life.trace_expired(facts.TRACE["id"], 1, "stranded"),
    "trace_archived": life.trace_archived(eventful.ENDED["id"], 2),
    "bust": told_book.bust("binance/O1/2"),
    "correct": told_book.correct("binance/O1/2", price="99"),
    "correction_failed": corrections.failure("C0"),
    "adjustment": corrections.adjustment("USDT", "-1.5"),
    "adjustment of a position": {
        **life.opening(facts.BTC, "7", "5", "500"),
        **corrections.adjustment("BTC", "1"),
    },
    "restatement": eventful.restated(),
}
"""Facts that name all they touch. What they need of the books is in the past of `eventful`."""

OF_THE_BOOK = {
    "order_status": (facts.order_status("O20", "cancelled", fees=[["BNB", "1", "gas"]]), 2),
    "transfer failed": (capital.failed("T1", "BTC", **BASIS), 2),
    "dividend paid": (life.dividend(facts.SHARE, "D1", "paid", "0.5", amount="2.5"), 2),
    "funding": (life.funding(facts.INVERSE, "1", amount="0.003"), 3),
    "split": (life.split(facts.SHARE, "3", "2", "0", price="12"), 3),
    "exercise": (life.for_delivery(facts.CALL, "put", "9", facts.KRAKEN_BTC), 3),
    "settlement": (life.settlement(facts.FUTURE, "105"), 3),
}
"""Facts that leave something to the books, and how many calls it takes to find out what."""

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
    (r"pending:((?:transfer|dividend|correction)\.[^:]+)", keys.pending),
    (r"pendings", keys.pendings),
    (r"reservations", keys.reservations),
    (r"restatements", keys.restatements),
)
OF_VALUATION: tuple[tuple[str, Callable[..., str]], ...] = (
    (r"valuation(?::([^:]+))?", keys.valuation),
    (r"equity(?::([^:]+))?", keys.equity),
    (r"returns(?::([^:]+))?", keys.returns),
    (r"risk(?::([^:]+))?", keys.risk),
)
OF_PROCESSES: tuple[tuple[str, Callable[..., str]], ...] = (
    (r"breaks", keys.breaks),
    (r"breaks:open", keys.open_breaks),
    (r"break:([^:]+)", keys.break_record),
    (r"reconciliation", keys.reconciliation),
    (r"archive", keys.archive_head),
    (r"shadow:(.+)", keys.shadow),
    (r"aside:([^:]+):", keys.aside),
    (r"valuation-lease", keys.valuation_lease),
    (r"lease", keys.lease),
    (r"(executions(?::[^:]+)?)", keys.lane),
    (r"source:(executions:[^:]+)", keys.lane_source),
)
TRACE_ID = facts.TRACE["id"]
SAMPLES: dict[str, tuple[str, ...]] = {
    r"break:([^:]+)": ("B1",),
    r"shadow:(.+)": ("position:7:binance.coin.BTCUSDT",),
    r"aside:([^:]+):": ("1700000000000",),
    r"seen:(\d+)": ("3",),
    r"position:([^:]+):([^:]+)": ("7", "binance.coin.BTCUSDT"),
    r"instrument:([^:]+)": ("binance.coin.BTCUSDT",),
    r"strategy:([^:]+)": ("7",),
    r"balance:([^:]+):([^:]+)": ("binance", "BTC"),
    r"chain:([^:]+)": ("1",),
    r"order:([^:]+:[^:]+)": ("binance:O1",),
    r"trace:([0-9a-f]{32})": (TRACE_ID,),
    r"attribution:([^:]+):(\d{4}-\d\d-\d\d)": ("7", "2023-11-14"),
    r"pending:((?:transfer|dividend|correction)\.[^:]+)": ("transfer.T1",),
    r"valuation(?::([^:]+))?": ("7",),
    r"equity(?::([^:]+))?": ("7",),
    r"returns(?::([^:]+))?": ("7",),
    r"risk(?::([^:]+))?": ("7",),
    r"(executions(?::[^:]+)?)": ("executions:relay-1",),
    r"source:(executions:[^:]+)": ("executions:relay-1",),
}


class Calls:
    """Stands in for `library.call` and records what came back."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.replies: list[list[str]] = []
        self._call = library.call
        monkeypatch.setattr(library, "call", self)

    def __call__(self, *arguments: Any) -> list[str]:
        self.replies.append(self._call(*arguments))
        return self.replies[-1]


def feed_of(client: redis.Redis, *events: facts.Facts) -> LaneFeed:
    """A feed of events that stand before the cursor of a book with a past."""
    past = eventful.past()
    LaneFeed(client, past).feed([len(past)])
    later = {"first": len(past) + 1, "at": facts.START + 100 * facts.SECOND}
    return LaneFeed(client, [*past, *facts.placed(*events, **later)])


@pytest.mark.parametrize("what", EVENTS)
def test_facts_that_name_everything_need_one_round_trip(
    server: Server, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    feed = feed_of(opened(server), EVENTS[what])
    calls = Calls(monkeypatch)
    outcome = feed.apply(1)
    assert [reply[0] for reply in calls.replies] == ["applied"]
    ends_as = {"quarantined": Counts(refused=1), "nothing": Counts(noted=1)}
    if what != "order_status":
        assert outcome.counts == ends_as.get(what, Counts(applied=1))


@pytest.mark.parametrize("what", EVENTS)
def test_every_key_predicted_for_an_event_is_needed_or_depends_on_the_book(
    server: Server, what: str
) -> None:
    client = opened(server)
    feed = feed_of(client, EVENTS[what])
    asked = _asked(client, feed, keys.standing_keys(BOOK, 0))
    predicted = set(keys.event_keys(BOOK, feed.events[-1].facts))
    assert asked <= predicted
    spare = {key.removeprefix(PREFIX).partition(":")[0] for key in predicted - asked}
    assert spare <= {"balance", "chain", "position", "instrument", "strategy", "attribution"}


@pytest.mark.parametrize("what", OF_THE_BOOK)
def test_what_only_the_book_knows_is_asked_for(
    server: Server, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    event, round_trips = OF_THE_BOOK[what]
    feed = feed_of(opened(server), event)
    calls = Calls(monkeypatch)
    assert feed.apply(1).counts == Counts(applied=1)
    replies = [reply[0] for reply in calls.replies]
    assert replies == [*["need"] * (round_trips - 1), "applied"]


def test_a_redo_needs_one_round_trip_too(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    client = opened(server)
    feed = feed_of(client, *EVENTS.values())
    torn = {name: client.hget(keys.book(BOOK), name) for name in ("seq", "cursor:executions")}
    feed.feed([len(EVENTS)])
    before = contents(client)
    client.hset(keys.book(BOOK), mapping=torn)
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
    kinds = {_kind(name) for name in contents(client)}
    assert kinds == {pattern for pattern, _ in PARTS}, f"seed {seed}"


def test_every_key_of_a_valued_book_is_one_of_the_functions(server: Server) -> None:
    desk = Desk.opened(server)
    desk.mark_usdt()
    desk.deposit("USDT", "1000")
    for _ in range(2):
        desk.allocate(7, "USDT", "500")
        desk.fill(facts.BTC["instrument"], "1", "100")
        desk.mark(facts.BTC["instrument"], "110")
        desk.run()
        desk.later(86_400)
        desk.mark_usdt()
    kinds = {_kind(name) for name in contents(server.client(decode=False))}
    assert {pattern for pattern, _ in OF_VALUATION} <= kinds


def test_a_key_is_of_one_function_alone() -> None:
    every = [*PARTS, *OF_VALUATION, *OF_PROCESSES]
    made = {pattern: function(BOOK, *SAMPLES.get(pattern, ())) for pattern, function in every}
    for pattern, name in made.items():
        assert [other for other, _ in every if _matches(other, name)] == [pattern]


def test_every_function_of_a_book_is_among_the_patterns() -> None:
    not_keys = {"of_book", "updates", "opening_keys", "standing_keys", "event_keys"}
    functions = {
        name
        for name, function in inspect.getmembers(keys, inspect.isfunction)
        if inspect.signature(function).parameters and not name.startswith(("_", "mark_", "job_"))
    }
    every = [*PARTS, *OF_VALUATION, *OF_PROCESSES]
    wrapped = {"seen": "seen:"}
    listed = {function.__name__ for _, function in every if function.__name__ != "<lambda>"}
    assert functions - not_keys - wrapped.keys() == listed


def _kind(name: str) -> str:
    for pattern, function in (*PARTS, *OF_VALUATION, *OF_PROCESSES):
        match = _matches(pattern, name)
        if match:
            assert function(BOOK, *match.groups()) == name
            return pattern
    raise AssertionError(f"no function of pm.keys makes {name}")


def _matches(pattern: str, name: str) -> re.Match[str] | None:
    return re.fullmatch(re.escape(PREFIX) + pattern, name)


def _asked(client: redis.Redis, feed: LaneFeed, given: list[str]) -> set[str]:
    """The keys `apply` asks for in all for the last event when given only the standing ones."""
    asked: set[str] = set()
    event, cursor = feed.events[-1], feed.events[-2].facts["entry"]
    while True:
        place = [feed.lane, cursor, "0", "10", "PUBLISH"]
        wanted = [*given, *sorted(asked)]
        reply = library.call(client, "apply", wanted, [*place, event.text, event.raw])
        if reply[0] != "need":
            assert reply[0] == "applied"
            return asked
        asked |= set(reply[1:])


def test_every_kind_of_event_is_among_the_examples() -> None:
    kinds = {event["kind"] for event in EVENTS.values()}
    lives = [from_texts(RandomLife(seed).take(300)) for seed in range(4)]
    assert {event.facts["kind"] for life in lives for event in life} == kinds
