"""A command fails in the middle of a call: the book is unchanged, done, or torn and then mended.

Commands of `apply` over an eventful batch fail in turn, and commands of the `redo` that mends what
was torn. Afterwards the book is, to the last byte, one to which nothing ever happened; only what
its positions are worth in all has to be counted anew.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import redis

from pm.books import applying, opening
from pm.books.applying import redo
from tests.servers import Server
from tests.state import facts
from tests.state.books import (
    BOOK,
    PREFIX,
    LaneFeed,
    assert_verified,
    contents,
    differences,
    journal_of,
    put_back,
    snapshot,
)
from tests.state.faults import Faults, InjectedFault
from tests.state.scene import Scene

SAMPLE, OF_REDO = 11, 37
"""Of the commands of `apply`, and of those of a `redo` after one of them, each so many-th fails."""
OF_REDO_SLOW = 29


@dataclass(frozen=True, slots=True)
class FaultyScene:
    """A scene in which chosen commands fail."""

    scene: Scene
    faults: Faults

    def fails(self, entry: str, command: int, feed: LaneFeed) -> bool:
        """Whether the call had such a command, and so failed; the call is not repeated."""
        self.faults.armed = {entry: command}
        try:
            if entry == "redo":
                redo(self.scene.client, feed.applier)
            else:
                self.scene.apply(feed)
        except InjectedFault:
            return True
        self.faults.armed.clear()
        return False

    def failed_commands(self, stride: int = 1, first: int = 1) -> Iterator[int]:
        """Commands of `apply` in turn, with the book as the failure of each left it."""
        command = first
        while self.fails("apply", command, self.scene.rewind()):
            yield command
            command += stride
        done = self.scene.feed().done
        assert done == len(self.scene.events), "the call must succeed when no command fails"


@pytest.fixture
def faulty(server: Server, faults: Faults) -> FaultyScene:
    """The scene on each engine."""
    return FaultyScene(Scene.on(server, client_with(server, faults)), faults)


def client_with(server: Server, faults: Faults) -> redis.Redis:
    client = server.client(decode=False, timeout_s=30.0)
    faults.load(client)
    return client


def test_a_command_of_apply_may_fail(server: Server, faulty: FaultyScene) -> None:
    _fail_once(faulty, SAMPLE, 1 if server.engine == "valkey" else 1 + SAMPLE // 2)


@pytest.mark.slow
def test_every_command_of_apply_may_fail(faulty: FaultyScene) -> None:
    _fail_once(faulty, 1, 1)


def _fail_once(faulty: FaultyScene, stride: int, first: int) -> None:
    found: Counter[str] = Counter()
    for command in faulty.failed_commands(stride, first):
        found[faulty.scene.state()] += 1
        faulty.scene.assert_goes_on(f"apply failed at command {command}")
    assert found["unchanged"] * stride > 70, found
    assert found["torn"] * stride > 150, found
    assert found["done"] * stride > 25, found


def test_a_command_of_the_redo_may_fail_too(faulty: FaultyScene) -> None:
    _fail_twice(faulty, OF_REDO, OF_REDO)


@pytest.mark.slow
def test_commands_of_the_redo_may_fail_after_every_command_of_apply(faulty: FaultyScene) -> None:
    _fail_twice(faulty, 1, OF_REDO_SLOW)


def _fail_twice(faulty: FaultyScene, stride: int, redo_stride: int) -> None:
    scene, pairs = faulty.scene, 0
    for command in faulty.failed_commands(stride, stride):
        if scene.state() != "torn":
            continue
        torn = snapshot(scene.client)
        second = 1 + (command // stride) % redo_stride
        while faulty.fails("redo", second, scene.feed()):
            scene.assert_goes_on(f"apply failed at {command}, then redo at {second}")
            put_back(scene.client, torn)
            pairs += 1
            second += redo_stride
        scene.assert_goes_on(f"apply failed at {command}, then redo did not")
    assert pairs > 30


def test_a_redo_in_pieces_mends_all(faulty: FaultyScene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(applying, "REDO_ENTRIES_MAX", 7)
    torn = 0
    for command in faulty.failed_commands(2 * SAMPLE, 3):
        if faulty.scene.state() == "torn":
            torn += 1
            faulty.scene.assert_goes_on(f"apply failed at command {command}")
    assert torn >= 6


def test_a_redo_cut_off_in_a_piece_is_mended_in_one(
    faulty: FaultyScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene, whole, cut_off = faulty.scene, applying.REDO_ENTRIES_MAX, 0
    written = len(journal_of(scene.stage.undisturbed)[1])
    journal = PREFIX + "journal"
    next(_ for _ in faulty.failed_commands(4, 140) if scene.client.xlen(journal) == written)
    torn = snapshot(scene.client)
    for pieces in (5, 20):
        monkeypatch.setattr(applying, "REDO_ENTRIES_MAX", pieces)
        second = 1
        while faulty.fails("redo", second, scene.feed()):
            monkeypatch.setattr(applying, "REDO_ENTRIES_MAX", whole)
            scene.assert_goes_on(f"redo of {pieces} entries failed at {second}")
            monkeypatch.setattr(applying, "REDO_ENTRIES_MAX", pieces)
            put_back(scene.client, torn)
            cut_off += 1
            second += 4
    assert cut_off > 20


def test_a_redo_of_a_whole_book_changes_nothing(faulty: FaultyScene) -> None:
    assert redo(faulty.scene.client, faulty.scene.feed().applier) == 0
    assert not differences(contents(faulty.scene.client), faulty.scene.stage.undisturbed)


def test_a_torn_book_is_mended_by_whatever_lane_comes_next(faulty: FaultyScene) -> None:
    scene = faulty.scene
    later = facts.START + 1000 * facts.SECOND
    other = facts.placed(facts.deposit("USDT", "3"), lane="executions:relay-1", at=later)
    torn = 0
    for command in faulty.failed_commands(3 * SAMPLE, SAMPLE):
        if scene.state() != "torn":
            continue
        torn += 1
        assert LaneFeed(scene.client, other).apply(1).counts.applied == 1
        assert_verified(scene.client, f"apply failed at command {command}")
        feed = scene.feed()
        if feed.done < len(scene.events):
            scene.apply(feed)
        assert feed.done == len(scene.events)
        assert_verified(scene.client, f"apply failed at command {command}")
    assert torn >= 4


def test_a_full_quarantine_does_not_keep_a_torn_book_from_being_mended(
    faulty: FaultyScene,
) -> None:
    scene = faulty.scene
    events = facts.placed(facts.quarantined(), facts.deposit("USDT", "3"), first=100)
    start = scene.rewind().done
    feed = LaneFeed(scene.client, [*scene.events[:start], *events], quarantine_max=1)
    command = 0
    while scene.client.xlen(PREFIX + "quarantine") == 0:
        command += 1
        scene.rewind()
        assert faulty_call_fails(faulty, command, feed)
    # the torn batch itself filled it, and stands before the lane's cursor again
    assert feed.done == start
    feed.apply(2)
    assert feed.done == len(feed.events)
    assert_verified(scene.client)


def faulty_call_fails(faulty: FaultyScene, command: int, feed: LaneFeed) -> bool:
    faulty.faults.armed = {"apply": command}
    try:
        feed.apply(2)
    except InjectedFault:
        return True
    return False


@pytest.mark.parametrize("asked_later", [5, 100])
def test_every_command_of_open_book_may_fail(
    server: Server, faults: Faults, asked_later: int
) -> None:
    client = client_with(server, faults)
    opening.open_book(client, BOOK, seen_generation_size=5)
    undisturbed = contents(client)
    command = 1
    while _opening_fails(client, faults, command):
        is_begun = client.exists(PREFIX + "journal")
        size = asked_later if is_begun else 5  # what the journal says holds
        assert opening.open_book(client, BOOK, seen_generation_size=size)
        assert not differences(contents(client), undisturbed), f"failed at command {command}"
        assert_verified(client, f"failed at command {command}")
        command += 1
    assert command > 10


def _opening_fails(client: redis.Redis, faults: Faults, command: int) -> bool:
    client.flushall()
    faults.armed = {"open_book": command}
    try:
        opening.open_book(client, BOOK, seen_generation_size=5)
    except InjectedFault:
        return True
    return False


def test_every_command_of_adopt_reference_may_fail(server: Server, faults: Faults) -> None:
    client = client_with(server, faults)
    opening.open_book(client, BOOK, seen_generation_size=5)
    before = snapshot(client)
    opening.adopt_reference(client, BOOK, 3, 12)
    adopted = contents(client)
    feed = LaneFeed(client, facts.placed(facts.deposit("USDT", "1")))
    command = 1
    while _adopting_fails(client, faults, command, before):
        redo(client, feed.applier)
        opening.adopt_reference(client, BOOK, 3, 12)
        assert not differences(contents(client), adopted), f"failed at command {command}"
        command += 1
    assert command == 4


def _adopting_fails(
    client: redis.Redis, faults: Faults, command: int, before: dict[bytes, bytes]
) -> bool:
    put_back(client, before)
    faults.armed = {"adopt_reference": command}
    try:
        opening.adopt_reference(client, BOOK, 3, 12)
    except InjectedFault:
        return True
    return False


def test_a_torn_book_refuses_to_adopt_reference_data(faulty: FaultyScene) -> None:
    scene = faulty.scene
    torn = faulty.failed_commands(SAMPLE, 20 * SAMPLE)
    next(command for command in torn if scene.state() == "torn")
    with pytest.raises(opening.BookError, match="main is torn"):
        opening.adopt_reference(scene.client, BOOK, 1, 1)
    scene.apply(scene.feed())
    opening.adopt_reference(scene.client, BOOK, 1, 1)
    assert_verified(scene.client)
