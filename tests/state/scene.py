"""A book in front of an eventful batch, to be disturbed while the batch is applied."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import redis

from pm import keys
from pm.books import opening
from pm.books.applying import Prepared
from pm.verify import verify_book
from tests.servers import Server
from tests.state import eventful
from tests.state.books import (
    BOOK,
    Contents,
    LaneFeed,
    Snapshot,
    assert_verified,
    contents,
    differences,
    put_back,
    snapshot,
)
from tests.state.marked import is_torn, members, recounted, set_prices, worths


@dataclass(frozen=True, slots=True)
class Stage:
    """A book with a past, and what the batch that follows makes of it when nothing fails.

    What that is was verified once; a book with the same contents needs no verifying again.
    """

    events: list[Prepared]
    past: int
    before: Snapshot
    after: Snapshot
    unchanged: Contents
    undisturbed: Contents

    @classmethod
    def made(cls, client: redis.Redis) -> Stage:
        """Made on an empty server with a library loaded."""
        opening.open_book(client, BOOK, seen_generation_size=eventful.GENERATION_SIZE)
        past, batch = eventful.past(), eventful.batch()
        for event in batch:
            if event.raw:  # a redo asks the lane again for the bytes of what is quarantined
                lane = keys.lane(BOOK, event.facts["lane"])
                client.xadd(lane, {"event": event.raw}, event.facts["entry"])
        LaneFeed(client, past).feed([len(past)])
        _, *marked = members(contents(client))
        set_prices(client, dict.fromkeys(marked, "110.5"))
        before, unchanged = snapshot(client), contents(client)
        LaneFeed(client, [*past, *batch]).feed([len(batch)])
        assert_verified(client)
        after, undisturbed = snapshot(client), contents(client)
        return cls([*past, *batch], len(past), before, after, unchanged, undisturbed)


_MADE: dict[str, Stage] = {}


@dataclass(frozen=True, slots=True)
class Scene:
    """A stage on a server, where the batch can be applied again and again."""

    client: redis.Redis
    decoding: redis.Redis
    stage: Stage

    @classmethod
    def on(cls, server: Server, client: redis.Redis) -> Scene:
        """Set on an empty server with a library loaded; left after the batch."""
        if server.url not in _MADE:
            _MADE[server.url] = Stage.made(client)
        stage = _MADE[server.url]
        put_back(client, stage.after)
        return cls(client, server.client(timeout_s=30.0), stage)

    @property
    def events(self) -> list[Prepared]:
        """The past and the batch."""
        return self.stage.events

    @property
    def past(self) -> int:
        """How many of the events are the past."""
        return self.stage.past

    def rewind(self) -> LaneFeed:
        """The book as it was before the batch, and a feed that stands there."""
        put_back(self.client, self.stage.before)
        return self.feed()

    def feed(self) -> LaneFeed:
        """A feed of whoever comes next."""
        feed = LaneFeed(self.client, self.events)
        head = opening.head(self.client, BOOK)
        assert head is not None
        feed.applier.generation = head.generation
        return feed

    def apply(self, feed: LaneFeed) -> None:
        """Apply the batch in one call."""
        feed.apply(len(self.events))

    def state(self) -> Literal["unchanged", "done", "torn"]:
        """How a failed call left the book: done means that only its messages were not sent."""
        held = contents(self.client)
        if not differences(held, self.stage.unchanged):
            return "unchanged"
        feed = self.feed()
        if feed.done == len(self.events):
            assert not differences(held, self.stage.undisturbed)
            return "done"
        assert feed.done == self.past, "the cursor moves last"
        report = verify_book(self.client, BOOK)
        assert not report.is_whole, "torn, and verifying does not see it"
        return "torn"

    def assert_goes_on(self, about: str) -> None:
        """The next calls end where an undisturbed one would have."""
        feed = self.feed()
        for _ in range(2):  # mending may find a part done: then the rest is another call
            if feed.done < len(self.events):
                self.apply(feed)
        held = contents(self.client)
        found = differences(held, self.stage.undisturbed)
        assert not found, f"{about}: {found[:3]}"
        if is_torn(self.client):
            recounted(self.decoding)
            held = contents(self.client)
        assert worths(held) == worths(self.stage.undisturbed), about
