"""A command fails in the middle of a call: the book is unchanged, done, or torn and then mended.

Each command of `apply` over an eventful batch fails in turn, and each command of the `redo` that
mends what was torn. Afterwards the book is, to the last byte, one to which nothing ever happened.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import redis
from redis import exceptions

from pm.books import opening
from pm.books.applying import Prepared, redo
from pm.functions import library
from pm.verify import verify_book
from tests.servers import Server
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
from tests.state.faults import Faults

PAIRS_STRIDE = 6


@dataclass(frozen=True, slots=True)
class Scene:
    """A book with a past, and what the batch that follows makes of it when nothing fails."""

    client: redis.Redis
    faults: Faults
    events: list[Prepared]
    past: int
    before: Snapshot
    unchanged: Contents
    undisturbed: Contents

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

    def batch(self, feed: LaneFeed) -> None:
        """Apply what is left, in one call or, where that finds a part done, in two."""
        for _ in range(2):
            if feed.done < len(self.events):
                feed.apply(len(self.events))

    def fails(self, entry: str, command: int, feed: LaneFeed) -> bool:
        """Whether the command was reached, and so failed, in a call that is not repeated."""
        self.faults.armed = {entry: command}
        try:
            if entry == "redo":
                redo(self.client, feed.applier)
            else:
                feed.apply(len(self.events))
        except exceptions.ResponseError as error:
            assert "injected fault" in str(error), error
            return True
        return False

    def assert_whole_again(self, about: str) -> None:
        found = differences(contents(self.client), self.undisturbed)
        assert not found, f"{about}: {found[:3]}"
        assert_verified(self.client, about)


def scene_on(server: Server, faults: Faults) -> Scene:
    client = server.client(decode=False, timeout_s=30.0)
    faults.load(client)
    opening.open_book(client, BOOK, seen_generation_size=facts.EVENTFUL_GENERATION)
    past, batch = facts.eventful()
    LaneFeed(client, past).feed([len(past)])
    before, unchanged = snapshot(client), contents(client)
    LaneFeed(client, [*past, *batch]).feed([len(batch)])
    return Scene(client, faults, [*past, *batch], len(past), before, unchanged, contents(client))


def faults_in_apply(scene: Scene) -> Iterator[tuple[int, LaneFeed]]:
    """The book after each failing command of `apply` in turn."""
    command = 1
    while scene.fails("apply", command, feed := scene.rewind()):
        yield command, feed
        command += 1
    assert feed.done == len(scene.events), "the call must succeed when no command fails"


def is_torn(scene: Scene, feed: LaneFeed, held: Contents) -> bool:
    """Whether the book is neither as before nor done; then verifying it must say so."""
    if held == scene.unchanged:
        return False
    if feed.done == len(scene.events):
        # only messages of the feed were not sent; readers see the gap and read the journal
        assert not differences(held, scene.undisturbed)
        return False
    assert feed.done == scene.past, "the cursor moves last"
    assert not verify_book(scene.client, BOOK).is_whole
    return True


def test_every_command_of_apply_may_fail(server: Server, faults: Faults) -> None:
    scene = scene_on(server, faults)
    torn = unchanged = 0
    for command, feed in faults_in_apply(scene):
        held = contents(scene.client)
        torn += is_torn(scene, feed, held)
        unchanged += held == scene.unchanged
        scene.batch(scene.feed())
        scene.assert_whole_again(f"apply failed at command {command}")
    assert torn > 40
    assert unchanged > 40


def test_every_other_command_of_redo_may_fail_too(server: Server, faults: Faults) -> None:
    _fail_twice(server, faults, PAIRS_STRIDE)


@pytest.mark.slow
def test_every_command_of_redo_may_fail_after_every_command_of_apply(
    server: Server, faults: Faults
) -> None:
    _fail_twice(server, faults, 1)


def _fail_twice(server: Server, faults: Faults, stride: int) -> None:
    scene = scene_on(server, faults)
    pairs = 0
    for command, feed in faults_in_apply(scene):
        if not is_torn(scene, feed, contents(scene.client)) or command % stride:
            continue
        torn = snapshot(scene.client)
        second = 1 + (command // stride) % stride
        while scene.fails("redo", second, scene.feed()):
            scene.batch(scene.feed())
            scene.assert_whole_again(f"apply failed at {command}, then redo at {second}")
            put_back(scene.client, torn)
            pairs += 1
            second += stride
    assert pairs > 50


def test_redo_of_a_whole_book_changes_nothing(server: Server, faults: Faults) -> None:
    scene = scene_on(server, faults)
    assert redo(scene.client, scene.feed().applier) == 0
    scene.assert_whole_again("redo")


def test_redo_in_pieces_mends_all(
    server: Server, faults: Faults, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pm.books.applying.REDO_ENTRIES_MAX", 3)
    scene = scene_on(server, faults)
    torn = 0
    for command, feed in faults_in_apply(scene):
        if command % 3 == 0 and is_torn(scene, feed, contents(scene.client)):
            torn += 1
            scene.batch(scene.feed())
            scene.assert_whole_again(f"apply failed at command {command}")
    assert torn > 10


@pytest.mark.parametrize("generation_size", [5, 100])
def test_every_command_of_open_book_may_fail(
    server: Server, faults: Faults, generation_size: int
) -> None:
    client = server.client(decode=False)
    faults.load(client)
    opening.open_book(client, BOOK, seen_generation_size=5)
    undisturbed = contents(client)
    command = 0
    while True:
        command += 1
        client.flushall()
        faults.armed = {"open_book": command}
        try:
            opening.open_book(client, BOOK, seen_generation_size=5)
        except exceptions.ResponseError:
            is_begun = client.exists(f"pm:{{{BOOK}}}:journal")
            asked = generation_size if is_begun else 5
            assert opening.open_book(client, BOOK, seen_generation_size=asked)
            assert not differences(contents(client), undisturbed), f"failed at command {command}"
            assert_verified(client, f"failed at command {command}")
        else:
            break
    assert command > 10


def test_every_command_of_adopt_reference_may_fail(server: Server, faults: Faults) -> None:
    client = server.client(decode=False)
    faults.load(client)
    opening.open_book(client, BOOK, seen_generation_size=5)
    before = snapshot(client)
    opening.adopt_reference(client, BOOK, 3, 12)
    adopted = contents(client)
    command = 0
    while True:
        command += 1
        put_back(client, before)
        faults.armed = {"adopt_reference": command}
        try:
            opening.adopt_reference(client, BOOK, 3, 12)
        except exceptions.ResponseError:
            feed = LaneFeed(client, facts.placed(facts.deposit("USDT", "1")))
            redo(client, feed.applier)
            opening.adopt_reference(client, BOOK, 3, 12)
            assert not differences(contents(client), adopted), f"failed at command {command}"
        else:
            break
    assert command == 4


def test_a_torn_book_refuses_to_adopt_reference_data(server: Server, faults: Faults) -> None:
    scene = scene_on(server, faults)
    torn = next(
        feed for _, feed in faults_in_apply(scene) if is_torn(scene, feed, contents(scene.client))
    )
    with pytest.raises(opening.BookError, match="main is torn"):
        opening.adopt_reference(scene.client, BOOK, 1, 1)
    scene.batch(torn)
    opening.adopt_reference(scene.client, BOOK, 1, 1)
    assert_verified(scene.client)


def test_the_plain_library_takes_no_fault(server: Server) -> None:
    client = server.client(decode=False)
    library.load(client)
    source = library.current().source
    assert "fault" not in source
    assert "count, fail_at" not in source
