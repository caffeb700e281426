"""What was refused comes back: an instrument is added later, and its executions are replayed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest
import redis

from pm import keys
from pm.books import lanes, opening, quarantine, reference_store
from pm.books.applying import Answer, Applier, Counts, Submission
from pm.books.opening import BookError
from pm.books.quarantine import Refused
from pm.events.facts import Direct, Facts
from pm.events.message import pack
from pm.events.model import Event, Fill, Transfer
from pm.settings import Settings
from tests.servers import Server
from tests.state import facts
from tests.state.books import BOOK, LaneFeed, assert_verified, opened
from tests.state.reference_data import ADA, BTC, instruments
from workers.worker import new_consumer


@dataclass(frozen=True, slots=True)
class Site:
    """A book that knows one instrument, and a worker for it."""

    client: redis.Redis

    @classmethod
    def on(cls, server: Server) -> Site:
        site = cls(opened(server))
        site.know(BTC)
        return site

    def know(self, instrument: str) -> None:
        version, changed = reference_store.merge(self.client, instruments(instrument))
        opening.adopt_reference(self.client, BOOK, version, len(changed))

    def consume(self) -> Counts:
        """Take all that waits in the lanes."""
        consumer = new_consumer(Settings(), BOOK)
        while consumer.lag(self.client):
            consumer.consume(self.client)
        return consumer.totals

    def replay(self, refused: Refused) -> tuple[bool, str]:
        """Replay one event and take it; whether it left the quarantine, and how it ended."""
        entry = quarantine.replay(self.client, refused)
        before = opening.head(self.client, BOOK)
        assert before is not None
        self.consume()
        return quarantine.settle(self.client, refused, entry, before.seq)


@pytest.fixture
def site(server: Server) -> Site:
    return Site.on(server)


def fill(order: str, instrument: str, *, strategy: int = 7, number: int = 1) -> Fill:
    executed_at = facts.START + number
    return Fill(
        f"T{number}", order, "binance", strategy, instrument, "2", "100", executed_at=executed_at
    )


def transfer(step: str, **more: str) -> Transfer:
    event: Any = {"transfer_id": "T1", "step": step, "token": "USDT", "executed_at": facts.START}
    return Transfer(**event, **more)


def submit(site: Site, event: Event) -> Submission:
    """Put an event into the book through no lane."""
    text = Facts(reference_store.load_version(site.client)).text(event, Direct(facts.START))
    return Applier(BOOK, 10).submit(site.client, [text])


def publish(site: Site, *fills: Fill) -> None:
    lanes.publish(site.client, BOOK, [pack(each) for each in fills], facts.START + 10)


def test_an_execution_of_an_instrument_added_later_is_taken_by_its_replay(site: Site) -> None:
    publish(site, fill("O1", BTC), fill("O2", ADA))
    assert site.consume() == Counts(applied=1, refused=1)
    (refused,) = quarantine.listed(site.client, BOOK)
    assert (refused.reason, refused.raw) == ("unknown_instrument", pack(fill("O2", ADA)))
    assert refused.received_at == facts.START + 10

    assert site.replay(refused) == (False, "refused unknown_instrument")
    assert quarantine.listed(site.client, BOOK) == [refused]

    site.know(ADA)
    assert site.replay(refused) == (True, "applied")
    position = site.client.hgetall(keys.position(BOOK, "7", ADA))
    assert position[b"quantity"] == b"2"
    assert_verified(site.client)


def test_a_replay_of_what_was_taken_already_is_a_duplicate_and_leaves_too(site: Site) -> None:
    publish(site, fill("O2", ADA), fill("O2", ADA))
    site.consume()
    first, second = quarantine.listed(site.client, BOOK)
    site.know(ADA)
    assert site.replay(second) == (True, "applied")
    assert site.replay(first) == (True, "duplicate")
    assert quarantine.listed(site.client, BOOK) == []
    assert site.client.hget(keys.position(BOOK, "7", ADA), "quantity") == b"2"
    assert_verified(site.client)


def test_an_event_refused_for_its_order_is_replayed_from_its_facts(site: Site) -> None:
    publish(site, fill("O1", BTC), fill("O1", BTC, strategy=8, number=2))
    assert site.consume() == Counts(applied=1, refused=1)
    (refused,) = quarantine.listed(site.client, BOOK)
    assert (refused.reason, refused.raw) == ("order_mismatch", b"")
    entry = quarantine.replay(site.client, refused)
    site.consume()
    _, again = quarantine.listed(site.client, BOOK)
    place = {"lane": keys.QUARANTINE_LANE, "entry": entry}
    assert again.facts == {**refused.facts, **place}
    assert quarantine.settle(site.client, refused, entry, refused.seq) == (
        False,
        "refused order_mismatch",
    )
    assert quarantine.listed(site.client, BOOK) == [refused]
    assert_verified(site.client)


def test_an_event_that_came_by_no_lane_is_replayed_from_its_facts(site: Site) -> None:
    arrival = transfer("arrived", arrived="5", to_venue="kraken")
    assert submit(site, arrival).answers == (Answer("refused", "unknown_transfer", "[]"),)
    (refused,) = quarantine.listed(site.client, BOOK)
    assert ("lane" in refused.facts, refused.raw) == (False, b"")

    assert site.replay(refused) == (False, "refused unknown_transfer")
    assert quarantine.listed(site.client, BOOK) == [refused]

    submit(site, transfer("sent", amount="6", from_venue="binance"))
    assert site.replay(refused) == (True, "applied")
    assert quarantine.listed(site.client, BOOK) == []
    assert site.client.hget(keys.balance(BOOK, "kraken", "USDT"), "total") == b"5"
    assert_verified(site.client)


def test_a_direct_event_that_counted_meanwhile_is_a_duplicate_and_leaves(site: Site) -> None:
    arrival = transfer("arrived", arrived="5", to_venue="kraken")
    submit(site, arrival)
    (refused,) = quarantine.listed(site.client, BOOK)
    submit(site, transfer("sent", amount="6", from_venue="binance"))
    assert submit(site, arrival).answers[0].result == "applied"
    assert site.replay(refused) == (True, "duplicate")
    assert quarantine.listed(site.client, BOOK) == []
    assert_verified(site.client)


def test_what_was_submitted_without_an_event_in_it_says_that_it_cannot_be_replayed(
    server: Server,
) -> None:
    client = opened(server)
    unplaced = json.dumps({**facts.quarantined(), "received_at": "1"})
    Applier(BOOK, 10).submit(client, [unplaced])
    (refused,) = quarantine.listed(client, BOOK)
    with pytest.raises(BookError, match=r"main: quarantine entry 2 cannot be replayed: .*no event"):
        quarantine.replay(client, refused)


def test_what_a_replay_could_decode_and_not_take_is_kept(server: Server) -> None:
    # a frame nobody could read, quarantined as one event, turns out to hold two
    client = opened(server)
    LaneFeed(client, facts.placed(facts.quarantined("bad_checksum"))).feed([1])
    (refused,) = quarantine.listed(client, BOOK)
    parts = [facts.fill("O1", "1"), facts.quarantined("unknown_instrument")]
    LaneFeed(client, facts.placed(parts, lane=keys.QUARANTINE_LANE)).feed([2])
    assert quarantine.settle(client, refused, "1-0", refused.seq) == (True, "applied")
    (left,) = quarantine.listed(client, BOOK)
    assert (left.reason, left.facts["index"]) == ("unknown_instrument", "1")


def test_bytes_that_are_no_event_stay(site: Site) -> None:
    lanes.publish(site.client, BOOK, [b"\xc1 no event"], facts.START)
    site.consume()
    (refused,) = quarantine.listed(site.client, BOOK)
    assert (refused.reason, refused.raw) == ("malformed_event", b"\xc1 no event")
    assert site.replay(refused) == (False, "refused malformed_event")


def test_one_entry_is_found_by_its_seq(site: Site) -> None:
    publish(site, fill("O2", ADA))
    site.consume()
    (refused,) = quarantine.listed(site.client, BOOK)
    assert quarantine.one(site.client, BOOK, refused.seq) == refused
    with pytest.raises(BookError, match="book main: the quarantine has no entry 99"):
        quarantine.one(site.client, BOOK, 99)


def test_the_list_can_be_cut(server: Server) -> None:
    client = opened(server)
    events = facts.placed(*(facts.quarantined(f"r{number}") for number in range(5)))
    LaneFeed(client, events).feed([5])
    reasons = [refused.reason for refused in quarantine.listed(client, BOOK, 2)]
    assert reasons == ["r0", "r1"]


def test_an_entry_says_where_it_came_from(server: Server) -> None:
    client = opened(server)
    events = facts.placed(facts.fill("O1", "1"), facts.quarantined())
    LaneFeed(client, events).feed([2])
    (refused,) = quarantine.listed(client, BOOK)
    assert refused.seq == 3
    assert refused.facts == json.loads(events[1].text)
    assert refused.raw == facts.RAW
