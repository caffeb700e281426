"""Reading hot and archived entries as one."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from pm import keys
from pm.history import History, HistoryFork, HistoryGap
from pm.rules.digest import chain_digest
from pm.rules.journal import FIELDS
from tests.servers import ServerProcess


@cache
def fields_of(seq: int, server_name: str = "") -> dict[str, str]:
    """The fields of an entry, chained to those before; of another server, other ones."""
    values = [f"{name} {seq} {server_name}" for name in FIELDS[:-1]]
    before = "" if seq == 1 else fields_of(seq - 1, server_name)["digest"]
    return dict(zip(FIELDS, [*values, chain_digest(before, values)], strict=True))


class Shelf:
    """An archive of entries `first` to `last`."""

    def __init__(self, first: int, last: int) -> None:
        self.first, self.last = first, last

    def last_seq(self, book: str) -> int:
        return self.last

    def read(self, book: str, *, after: int, through: int) -> Iterator[dict[str, str]]:
        if after + 1 >= self.first:
            for seq in range(after + 1, min(through, self.last) + 1):
                yield {"seq": str(seq), "from": "archive", **fields_of(seq)}

    def containing(self, book: str, text: str, *, through: int) -> Iterator[dict[str, str]]:
        return iter(())

    def first_received(self, book: str, time_ns: int) -> int | None:
        return None


def _fill(
    server: ServerProcess, first: int, last: int, without: int = 0, server_name: str = ""
) -> None:
    client = server.client()
    for seq in range(first, last + 1):
        if seq != without:
            fields: Any = {"from": "redis", **fields_of(seq, server_name)}
            client.xadd(keys.journal("main"), fields, id=f"{seq}-0")


def _seqs(history: History, after: int = 0, through: int | None = None) -> list[int]:
    return [int(entry["seq"]) for entry in history.read("main", after=after, through=through)]


@pytest.mark.parametrize(
    ("first_hot", "last_hot", "archived"),
    [(1, 9, 0), (4, 9, 3), (4, 9, 6), (4, 9, 9), (10, 9, 9), (4, 6, 9)],
)
@pytest.mark.parametrize(("after", "through"), [(0, None), (2, None), (5, None), (0, 2), (3, 8)])
def test_every_cut_reads_the_same(
    valkey_server: ServerProcess,
    first_hot: int,
    last_hot: int,
    archived: int,
    after: int,
    through: int | None,
) -> None:
    _fill(valkey_server, first_hot, last_hot)
    history = History(valkey_server.client(), Shelf(1, archived))
    assert _seqs(history, after, through) == list(range(after + 1, (through or 9) + 1))


def test_what_is_in_redis_is_not_read_from_the_archive(valkey_server: ServerProcess) -> None:
    _fill(valkey_server, 3, 5)
    history = History(valkey_server.client(), Shelf(1, 4))
    found = [entry["from"] for entry in history.read("main")]
    assert found == ["archive", "archive", "redis", "redis", "redis"]


def test_a_trim_while_reading_is_not_noticed(valkey_server: ServerProcess) -> None:
    _fill(valkey_server, 1, 2000)
    client = valkey_server.client()
    reading = History(client, Shelf(1, 1900)).read("main")
    seqs = [int(next(reading)["seq"]) for _ in range(10)]
    client.xtrim(keys.journal("main"), minid="1901-0", approximate=False)
    seqs += [int(entry["seq"]) for entry in reading]
    assert seqs == list(range(1, 2001))


def test_a_missing_entry_is_named(valkey_server: ServerProcess) -> None:
    _fill(valkey_server, 1, 6, without=4)
    with pytest.raises(HistoryGap, match="entry 4 is missing, 5 follows"):
        _seqs(History(valkey_server.client()))
    assert _seqs(History(valkey_server.client(), Shelf(2, 4))) == [1, 2, 3, 4, 5, 6]


def test_an_archive_without_its_beginning_is_a_gap(valkey_server: ServerProcess) -> None:
    _fill(valkey_server, 5, 6)
    with pytest.raises(HistoryGap, match="entry 1 is missing, 5 follows"):
        _seqs(History(valkey_server.client(), Shelf(2, 4)))


def test_what_was_asked_for_and_is_nowhere_is_a_gap(valkey_server: ServerProcess) -> None:
    _fill(valkey_server, 1, 6)
    with pytest.raises(HistoryGap, match="entry 7 is missing"):
        _seqs(History(valkey_server.client(), Shelf(1, 3)), through=9)


@pytest.mark.parametrize(("first_hot", "last_hot", "seq"), [(5, 6, 5), (1, 3, 4)])
def test_the_archive_of_another_server_is_not_mixed_in(
    valkey_server: ServerProcess, first_hot: int, last_hot: int, seq: int
) -> None:
    _fill(valkey_server, first_hot, last_hot, server_name="another")
    with pytest.raises(HistoryFork, match=f"entry {seq} does not follow .* not that of this serv"):
        _seqs(History(valkey_server.client(), Shelf(1, 4)))


def test_an_archive_alone_is_a_history() -> None:
    assert _seqs(History(None, Shelf(1, 5))) == [1, 2, 3, 4, 5]
    assert _seqs(History(None)) == []
