"""How books are shared out among workers; plain commands only, so a fake server will do."""

from __future__ import annotations

import fakeredis
import pytest

from pm import keys
from workers.leases import Leases

BOOKS = ("a", "b", "c", "d")
LEASE_MS = 60_000


@pytest.fixture
def server() -> fakeredis.FakeRedis:
    return fakeredis.FakeRedis()


def rounds(server: fakeredis.FakeRedis, *workers: Leases, now_ms: int = 1_000) -> None:
    for _ in range(3):
        for worker in workers:
            worker.round(server, BOOKS, now_ms)


def test_a_worker_alone_serves_every_book(server: fakeredis.FakeRedis) -> None:
    alone = Leases("one", LEASE_MS)

    rounds(server, alone)

    assert alone.held == set(BOOKS)


def test_two_workers_share_the_books_and_none_is_served_twice(server: fakeredis.FakeRedis) -> None:
    one, two = Leases("one", LEASE_MS), Leases("two", LEASE_MS)

    rounds(server, one, two)

    assert len(one.held) == len(two.held) == 2
    assert one.held | two.held == set(BOOKS)


def test_a_worker_that_stops_gives_its_books_back_at_once(server: fakeredis.FakeRedis) -> None:
    one, two = Leases("one", LEASE_MS), Leases("two", LEASE_MS)
    rounds(server, one, two)

    one.release(server)
    rounds(server, two)

    assert one.held == set()
    assert two.held == set(BOOKS)


def test_the_books_of_a_worker_that_died_are_taken_when_its_lease_runs_out(
    server: fakeredis.FakeRedis,
) -> None:
    dead, alive = Leases("dead", LEASE_MS), Leases("alive", LEASE_MS)
    rounds(server, dead, alive)

    for book in dead.held:
        server.delete(keys.lease(book))
    rounds(server, alive, now_ms=1_000 + 3 * LEASE_MS)

    assert alive.held == set(BOOKS)
