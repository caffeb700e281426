"""Events that come by no lane: the answer to each, counted once, whatever fails on the way.

Commands of `submit` fail in turn. Whoever then asks again gets the answers of a second call after a
first one with as many of the events as the failed attempt had brought into the journal.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass

import pytest
import redis

from pm import keys
from pm.books.applying import Answer, Applier, Submission
from pm.functions import library
from tests.servers import Server
from tests.state import capital_facts as capital
from tests.state import eventful, facts
from tests.state import life_facts as life
from tests.state.books import (
    BOOK,
    PREFIX,
    Contents,
    LaneFeed,
    Snapshot,
    assert_verified,
    contents,
    differences,
    journal_of,
    opened,
    put_back,
    snapshot,
)
from tests.state.capital_facts import BASIS, INTO_KRAKEN
from tests.state.faults import Faults, InjectedFault

LATER = facts.START + 100 * facts.SECOND
STRIDE = 7

EVENTS = (
    capital.reserve("O22", "USDT", "50"),
    capital.release("O22", "USDT", "20"),
    capital.sent("T2", "BTC", "0.2", **BASIS),
    capital.arrived("T1", "BTC", "0.39", **BASIS, **INTO_KRAKEN),
    capital.arrived("T9", "USDT", "5"),
    capital.reserve("O23", "USDT", "1000000"),
    capital.withdrawal("BTC", "0.05", **BASIS),
    capital.allocation("12", "USDT", "500"),
    life.dividend(facts.SHARE, "D1", "paid", "0.5"),
    life.split(facts.SHARE, "3", "2", "0", price="12"),
    life.fee_value(facts.BTC, "BNB", "0.1", "30"),
    life.trace_expired(facts.TRACE["id"], 1, "stranded"),
)
REFUSED = Answer("refused", "unknown_transfer", "[]")
DECLINED = Answer(
    "declined",
    "insufficient_balance",
    '[{"type":"declined","requested":"1000000","available":"510"}]',
)


@dataclass(slots=True)
class Site:
    """A book with a past, and what calls make of it, the first of them with fewer events."""

    client: redis.Redis
    before: Snapshot
    past: int
    ends: dict[int, tuple[tuple[Answer, ...], Contents]]

    @classmethod
    def on(cls, client: redis.Redis) -> Site:
        past = eventful.past()
        LaneFeed(client, past).feed([len(past)])
        return cls(client, snapshot(client), len(past) + 1, {})

    def rewind(self) -> None:
        """The book as it was before the first call."""
        put_back(self.client, self.before)

    def taken(self) -> int:
        """How many events a failed call has brought into the journal."""
        return int(self.client.xlen(keys.journal(BOOK))) - self.past

    def end(self, first: int) -> tuple[tuple[Answer, ...], Contents]:
        """The answers to all events after a call with the `first` of them, and what it comes to."""
        if first not in self.ends:
            self.rewind()
            if first:
                submit(self.client, first=first)
            self.ends[first] = (submit(self.client).answers, contents(self.client))
            assert_verified(self.client)
        return self.ends[first]


def submit(
    client: redis.Redis, *, quarantine_max: int = 1000, first: int = len(EVENTS)
) -> Submission:
    """The first events in one call."""
    texts = facts.direct(*EVENTS, at=LATER)[:first]
    return Applier(BOOK, quarantine_max).submit(client, texts)


def test_every_event_is_answered(server: Server) -> None:
    answers, held = Site.on(opened(server)).end(0)
    assert (answers[4], answers[5]) == (REFUSED, DECLINED)
    assert {answer.result for answer in answers[:4] + answers[6:]} == {"applied"}
    entries = journal_of(held)[1][-len(EVENTS) :]
    assert [entry[b"effects"].decode() for _, entry in entries] == [
        told.effects for told in answers
    ]
    assert b"lane" not in b"".join(entry[b"facts"] for _, entry in entries)


def test_what_is_submitted_again_counts_once(server: Server) -> None:
    site = Site.on(opened(server))
    before = site.end(0)[1]
    answers, held = site.end(len(EVENTS))
    # what changed nothing is decided again
    assert (answers[4].result, answers[5].result) == ("refused", "declined")
    assert {answer.result for answer in answers[:4] + answers[6:]} == {"duplicate"}
    changed = {key for key in held if held[key] != before.get(key)}
    assert changed == {keys.book(BOOK), keys.journal(BOOK), keys.quarantine(BOOK)}


def test_a_submission_is_seen_by_the_lane_that_comes_next(server: Server) -> None:
    client = opened(server)
    deposit = facts.deposit("USDT", "5")
    assert Applier(BOOK, 10).submit(client, facts.direct(deposit)).answers[0].result == "applied"
    feed = LaneFeed(client, facts.placed(deposit, facts.deposit("USDT", "6")))
    feed.feed([2])
    assert (feed.counts.duplicate, feed.counts.applied) == (1, 1)
    assert client.hget(keys.balance(BOOK, "binance", "USDT"), "total") == b"11"
    assert_verified(client)


def test_a_full_quarantine_keeps_all_of_a_submission_out(server: Server) -> None:
    client = opened(server)
    before = contents(client)
    assert submit(client, quarantine_max=0) == Submission("full", 1)
    assert contents(client) == before


def test_an_event_no_rule_can_decide_keeps_all_of_a_submission_out(server: Server) -> None:
    client = opened(server)
    before = contents(client)
    texts = facts.direct(facts.deposit("USDT", "5"), facts.deposit("USDT", "much"))
    submission = Applier(BOOK, 10).submit(client, texts)
    assert (submission.status, submission.answers) == ("failed", ())
    assert submission.error
    assert contents(client) == before


def test_a_book_that_does_not_exist_takes_no_submission(server: Server) -> None:
    client = opened(server)
    texts = facts.direct(facts.deposit("USDT", "5"))
    assert Applier("other", 10).submit(client, texts) == Submission("no_book")


def test_a_command_of_submit_may_fail(server: Server, faults: Faults) -> None:
    _fail(server, faults, STRIDE)


@pytest.mark.slow
def test_every_command_of_submit_may_fail(server: Server, faults: Faults) -> None:
    _fail(server, faults, 1)


def _fail(server: Server, faults: Faults, stride: int) -> None:
    faults.load(server.client())
    client = opened(server)
    site, command = Site.on(client), 1
    found: Counter[int] = Counter()
    while _fails(client, faults, site, command):
        about, taken = f"submit failed at command {command}", site.taken()
        left = snapshot(client)
        answers, held = site.end(taken)
        put_back(client, left)
        assert submit(client).answers == answers, about
        changed = differences(contents(client), held)
        assert not changed, f"{about}: {changed[:3]}"
        found[taken] += 1
        command += stride
    assert found[0] * stride > 25, found
    assert found[len(EVENTS)] * stride > 35, found
    assert found.keys() - {0, len(EVENTS)}, "no call was cut off while it wrote the journal"


def _fails(client: redis.Redis, faults: Faults, site: Site, command: int) -> bool:
    site.rewind()
    faults.armed = {"submit": command}
    try:
        submit(client)
    except InjectedFault:
        return True
    faults.armed.clear()
    return False


def test_a_full_quarantine_does_not_keep_a_torn_book_from_being_mended(
    server: Server, faults: Faults
) -> None:
    faults.load(server.client())
    client = opened(server)
    before, command = snapshot(client), 0
    texts = facts.direct(facts.deposit("USDT", "3"), capital.arrived("T9", "USDT", "5"))
    while not client.exists(PREFIX + "quarantine"):
        command += 1
        put_back(client, before)
        faults.armed = {"submit": command}
        with pytest.raises(InjectedFault):
            Applier(BOOK, 1).submit(client, texts)
    # the torn call itself filled it
    assert Applier(BOOK, 1).submit(client, texts) == Submission("full", 3)
    assert_verified(client)
    assert json.loads(client.xrange(PREFIX + "quarantine")[0][1][b"facts"])["transfer"] == "T9"


def test_a_submission_needs_the_library(server: Server) -> None:
    with pytest.raises(library.LibraryMissing, match="pm functions load"):
        submit(server.client(decode=False))


def test_a_refused_event_without_a_lane_does_not_keep_a_torn_book_from_being_mended(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults = Faults()
    monkeypatch.setattr(library, "call", faults.call)
    faults.load(server.client())
    client = opened(server)
    text = json.dumps({**facts.quarantined(), "received_at": "1"})
    begun = client.xlen(keys.journal(BOOK))
    for command in range(1, 50):
        faults.armed = {"submit": command}
        with pytest.raises(InjectedFault):
            Applier(BOOK, 10).submit(client, [text])
        if client.xlen(keys.journal(BOOK)) > begun:
            break
    faults.armed = {}
    assert Applier(BOOK, 10).submit(client, [text]).seq == begun + 2
    assert_verified(client)
