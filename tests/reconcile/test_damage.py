"""Any field of any record, damaged at random: named with its entry, healed, resolved."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from pm import keys
from pm.breaks.kept import Breaks
from pm.checkpoints import Checkpoints
from pm.history import History
from pm.reconcile.inside import reconcile_inside
from pm.rules.book import Book
from pm.rules.expected import NOT_FOLDED
from tests.random_books import RandomLife
from tests.servers import AnyServer, flush
from tests.state.books import BOOK, LaneFeed, from_texts, opened, random_batches

RECORDS = ("position", "balance", "strategy", "order", "pending", "trace", "attribution")


class Books:
    """A random book whose past is known: at every seq what each record held."""

    def __init__(self, server: AnyServer, folder: Path, seed: int) -> None:
        self.client = opened(server)
        self.checkpoints = Checkpoints(folder, 30)
        life, events = RandomLife(seed), []
        self.book, self.touched = Book(), {}
        for _ in range(4):
            events += from_texts(life.take(50))
            LaneFeed(self.client, events).feed(random_batches(seed))
            self.reconcile()
        for _, fields in self.client.xrange(keys.journal(BOOK)):
            entry = self.book.apply(fields[b"facts"].decode())
            for key, held in self.book.expected_state().items():
                if isinstance(held, dict) and held.get("seq") == str(entry.seq):
                    self.touched.setdefault(key, []).append(entry.seq)
        assert self.breaks() == {}

    def reconcile(self) -> None:
        history = History(self.client)
        reconcile_inside(self.client, history, self.checkpoints, BOOK, now_ns=1)

    def breaks(self) -> dict[str, int]:
        """Subjects of open breaks of the state with the seqs they parted at."""
        listed = Breaks(self.client, BOOK).listed(only_open=True)
        return {kept.subject: kept.first_seq for kept in listed if kept.kind == "state"}


def _check(books: Books, choose: random.Random, kind: str) -> None:
    names = sorted(name for name in books.touched if name.partition(":")[0] == kind)
    key = choose.choice(names)
    stored = keys.of_book(BOOK, key)
    whole = books.client.dump(stored)
    last = books.touched[key][-1]

    folded = set(books.book.expected_state()[key]) - NOT_FOLDED.get(kind, set()) - {"seq"}
    field = choose.choice(sorted(folded))
    books.client.hset(stored, field, "7.77")
    books.reconcile()
    assert books.breaks() == {f"{key} {field}": last}

    if len(books.touched[key]) > 1:
        place = choose.randrange(len(books.touched[key]) - 1)
        books.client.hset(stored, "seq", books.touched[key][place])
        books.reconcile()
        parted = books.touched[key][place + 1]
        assert books.breaks() == {f"{key} {field}": parted, f"{key} seq": parted}

    books.client.restore(stored, 0, whole, replace=True)
    books.reconcile()
    assert books.breaks() == {}


def test_a_damaged_field_is_named_with_its_entry(server: AnyServer, tmp_path: Path) -> None:
    books, choose = Books(server, tmp_path, 11), random.Random(11)
    for kind in RECORDS:
        _check(books, choose, kind)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_many_damaged_fields_are_named(server: AnyServer, tmp_path: Path, seed: int) -> None:
    flush(server)
    books, choose = Books(server, tmp_path, seed), random.Random(seed)
    for kind in RECORDS * 4:
        _check(books, choose, kind)
