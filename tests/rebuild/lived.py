"""Books that have lived, marked here and there, for rebuilds to make again."""

from __future__ import annotations

import random
from collections.abc import Iterable

import redis

from pm import keys
from pm.history import Archive, History
from pm.rebuild import Rebuilt, rebuild_book
from pm.rebuild.restoring import Limits
from pm.valuation.marking import FixedSlices, NewMark, set_marks
from tests.random_books import RandomLife
from tests.servers import AnyServer
from tests.state.books import BOOK, LaneFeed, from_texts, opened, random_batches

DAY_NS = 86_400 * 10**9
LIMITS = Limits(DAY_NS, 1000)


def lived(
    server: AnyServer, seed: int, count: int, *, generation_size: int = 50, marks: bool = True
) -> redis.Redis:
    """A client of a server with a book that has taken `count` random events."""
    client = opened(server, generation_size=generation_size)
    goes_on(client, RandomLife(seed, generation_size=generation_size).take(count), seed)
    if marks:
        mark_some(client, seed)
    return client


def goes_on(client: redis.Redis, texts: Iterable[str], seed: int) -> None:
    """Feed events, whatever of them the book has not had."""
    feed = LaneFeed(client, from_texts(texts))
    generation = client.hget(keys.book(BOOK), "generation")
    feed.applier.generation = int(generation or 0)
    feed.feed(random_batches(seed))


def mark_some(client: redis.Redis, seed: int) -> None:
    """Give half of the positions a mark."""
    choose = random.Random(seed)
    members = [
        member.decode()
        for index in (keys.positions(BOOK), keys.closed(BOOK))
        for member in client.zrange(index, 0, -1)
        if member.decode() != keys.SENTINEL
    ]
    marks = [
        NewMark(member, str(choose.randrange(1, 999)), "1700000000000000000", choose.choice("01"))
        for member in members
        if choose.random() < 0.5
    ]
    set_marks(client, BOOK, marks, FixedSlices())


def rebuilt(client: redis.Redis, archive: Archive | None = None, **options: object) -> Rebuilt:
    """Rebuild the book from the server and an archive."""
    history = History(client, archive)
    return rebuild_book(client, BOOK, history, LIMITS, **options)  # type: ignore[arg-type]
