"""Opening books and moving them to a version of the reference data, once however often asked."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pm import keys
from pm.books import opening
from pm.books.opening import BookError, BookHead, adopt_reference, head, open_book
from pm.functions import library
from tests.servers import Server
from tests.state import facts
from tests.state.books import BOOK, LaneFeed, assert_verified, contents, journal_of, opened


def test_a_new_book_verifies_and_is_listed(server: Server) -> None:
    client = server.client(decode=False)
    library.load(client)
    assert open_book(client, BOOK, seen_generation_size=7)
    present = head(client, BOOK)
    assert present is not None
    assert present == BookHead(BOOK, opening.SCHEMA, 1, present.digest, 0, 0)
    assert len(present.digest) == 40
    assert opening.names(client) == [BOOK]
    assert_verified(client)


def test_opening_again_changes_nothing_of_a_book_in_use(server: Server) -> None:
    client = opened(server, generation_size=7)
    LaneFeed(client, facts.placed(facts.fill("O1", "1"))).feed([1])
    before = contents(client)
    assert not open_book(client, BOOK, seen_generation_size=1000)
    assert contents(client) == before


def test_every_collection_of_a_new_book_is_kept_by_its_sentinel(server: Server) -> None:
    client = opened(server)
    held = contents(client)
    assert held.keys() == set(keys.opening_keys(BOOK)) - {keys.quarantine(BOOK)}
    for kind, all_ in held.values():
        if kind == "zset":
            assert [member for member, _ in all_] == [b"."]
        elif kind == "set":
            assert all_ == {b"."}


def test_books_do_not_touch_each_other(server: Server) -> None:
    client = opened(server)
    before = contents(client)
    open_book(client, "other", seen_generation_size=7)
    assert contents(client) == before
    assert opening.names(client) == [BOOK, "other"]


def test_a_version_is_adopted_once(server: Server) -> None:
    client = opened(server)
    for _ in range(2):
        adopt_reference(client, BOOK, 3, 12)
    adopt_reference(client, BOOK, 2, 1)
    present = head(client, BOOK)
    assert present is not None
    assert (present.reference_version, present.seq) == (3, 2)
    assert journal_of(contents(client))[1][-1][1][b"facts"] == (
        b'{"kind":"reference","version":"3","previous_version":"0","changed":"12"}'
    )
    assert_verified(client)


def test_versions_adopted_between_executions_verify(server: Server) -> None:
    client = opened(server)
    events = facts.placed(facts.fill("O1", "1"), facts.fill("O2", "-3"), facts.fill("O3", "1"))
    feed = LaneFeed(client, events)
    for version in (1, 5, 6):
        adopt_reference(client, BOOK, version, 1)
        feed.reference_version = version
        feed.apply(1)
    assert feed.done == len(events)
    assert_verified(client)


def test_two_that_adopt_at_once_agree(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    client = opened(server)
    read_head = opening.head

    def overtaken(asked: object, name: str) -> BookHead | None:
        monkeypatch.setattr(opening, "head", read_head)
        found = read_head(client, name)
        adopt_reference(client, name, 2, 1)
        return found

    monkeypatch.setattr(opening, "head", overtaken)
    adopt_reference(client, BOOK, 3, 1)
    present = head(client, BOOK)
    assert present is not None
    assert (present.reference_version, present.seq) == (3, 3)
    assert_verified(client)


def test_a_book_that_does_not_exist_adopts_nothing(server: Server) -> None:
    client = opened(server)
    with pytest.raises(BookError, match="book other does not exist"):
        adopt_reference(client, "other", 1, 1)


def test_a_book_of_another_layout_is_refused() -> None:
    present = BookHead(BOOK, opening.SCHEMA, 1, "", 0, 0)
    opening.check_schema(present)
    with pytest.raises(BookError, match="book main has layout 99"):
        opening.check_schema(replace(present, schema="99"))


def test_without_the_library_calls_say_what_to_do(server: Server) -> None:
    with pytest.raises(library.LibraryMissing, match="pm functions load"):
        open_book(server.client(decode=False), BOOK, seen_generation_size=7)
