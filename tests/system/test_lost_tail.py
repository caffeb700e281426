"""A server put back to an older state: the outbox sends again, and the books end the same."""

from __future__ import annotations

import shutil

import pytest

from tests.servers import ServerProcess, running_valkey
from tests.system.site import BOOK_OF_STRATEGY, LANE, Chain, frame
from tests.workers.desk import BookEnd, Desk


def send(chain: Chain, first: int, last: int) -> None:
    """Send frames and wait until the books have them."""
    chain.site.relay.send(b"".join(frame(number) for number in range(first, last + 1)))
    for strategy, book in BOOK_OF_STRATEGY.items():
        count = sum(7 + number % 2 == strategy for number in range(1, last + 1))
        chain.desk.await_done(f"{count}-0", book, LANE)


def ends(chain: Chain) -> dict[str, BookEnd]:
    return {book: chain.desk.end(book) for book in chain.desk.books}


def quiet_ends(chain: Chain, server: ServerProcess) -> dict[str, BookEnd]:
    """Where books come to that are given the same lanes and nothing else."""
    desk = Desk(server, chain.desk.books, seen_generation_size=100_000)
    for book in desk.books:
        desk.put(chain.lane(book), book, LANE)
    return {book: desk.finish(book, strategies={"8": "second"}) for book in desk.books}


def put_back(chain: Chain) -> None:
    """Kill the server and give it the files it had at `keep`."""
    chain.server.kill()
    files = chain.server.data_dir / "appendonlydir"
    shutil.rmtree(files)
    shutil.copytree(chain.site.folder / "kept", files)
    chain.server.start()


def keep(chain: Chain) -> None:
    """Copy the server's files as they are now."""
    shutil.copytree(chain.server.data_dir / "appendonlydir", chain.site.folder / "kept")


def test_the_lost_tail_is_sent_again_and_applied_to_the_same_books(chain: Chain) -> None:
    gateway = chain.gateway()
    worker = chain.workers(1)
    send(chain, 1, 100)
    keep(chain)
    send(chain, 101, 300)
    lanes = {book: chain.lane(book) for book in chain.desk.books}

    put_back(chain)
    gateway.says("lane=executions:relay top=50 last=150", times=2)
    send(chain, 301, 301)
    chain.await_done()
    assert {book: chain.lane(book)[:150] for book in chain.desk.books} == lanes
    assert worker.running
    assert gateway.running
    with running_valkey() as server:
        assert ends(chain) == quiet_ends(chain, server)


@pytest.mark.slow
def test_a_server_put_back_twice_with_workers_and_gateway_killed_meanwhile(chain: Chain) -> None:
    gateway = chain.gateway()
    worker = chain.workers(1)
    send(chain, 1, 60)
    keep(chain)
    last = 60
    for _ in range(2):
        send(chain, last + 1, last + 40)
        last += 40
        gateway.kill()
        worker.kill()
        chain.site.relay.drop_connections()
        put_back(chain)
        gateway, worker = chain.gateway(), chain.workers(1)
        chain.await_done()
    with running_valkey() as server:
        assert ends(chain) == quiet_ends(chain, server)
    assert chain.desk.end().seq == 2 + last // 2
