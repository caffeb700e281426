"""A book in front of an eventful batch, to be disturbed while the batch is applied."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import redis

from pm import keys
from pm.books import opening
from pm.books.applying import Prepared
from pm.verify import verify_book
from tests.state import facts
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


@dataclass(frozen=True, slots=True)
class Scene:
    """A book with a past, and what the batch that follows makes of it when nothing fails.

    What that is was verified once; a book with the same contents needs no verifying again.
    """

    client: redis.Redis
    events: list[Prepared]
    past: int
    before: Snapshot
    unchanged: Contents
    undisturbed: Contents

    @classmethod
    def on(cls, client: redis.Redis) -> Scene:
        """Set on an empty server with a library loaded; left after the batch."""
        opening.open_book(client, BOOK, seen_generation_size=facts.EVENTFUL_GENERATION)
        past, batch = facts.eventful()
        for event in batch:
            if event.raw:  # a redo asks the lane again for the bytes of what is quarantined
                lane = keys.lane(BOOK, event.facts["lane"])
                client.xadd(lane, {"event": event.raw}, event.facts["entry"])
        LaneFeed(client, past).feed([len(past)])
        before, unchanged = snapshot(client), contents(client)
        LaneFeed(client, [*past, *batch]).feed([len(batch)])
        assert_verified(client)
        return cls(client, [*past, *batch], len(past), before, unchanged, contents(client))

    def rewind(self) -> LaneFeed:
        """The book as it was before the batch, and a feed that stands there."""
        put_back(self.client, self.before)
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
        if not differences(held, self.unchanged):
            return "unchanged"
        feed = self.feed()
        if feed.done == len(self.events):
            assert not differences(held, self.undisturbed)
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
        found = differences(contents(self.client), self.undisturbed)
        assert not found, f"{about}: {found[:3]}"
