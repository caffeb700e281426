"""Rows and positions of one moment, however many days there are and however busy the book is."""

from __future__ import annotations

from typing import Any

import pytest
import redis

from pm.attribution import stored
from pm.attribution.stored import BookMoves
from pm.decimals import Amount
from tests.attribution.desk import Desk
from tests.attribution.told_books import ToldBook
from tests.pure.rules_events import SPOT
from tests.servers import ServerProcess

OTHER = SPOT | {"instrument": "binance.coin.ETHUSDT", "base": "ETH"}


def month() -> ToldBook:
    book = ToldBook()
    for day in range(1, 31):
        book.fill(f"2025-03-{day:02d}T10:00:00", "1", "100")
    return book


def test_positions_without_rows_in_the_range_are_read_too(desk: Desk) -> None:
    book = month()
    book.fill("2025-02-01T10:00:00", "5", "10", terms=OTHER)
    desk.put(book)

    [told] = stored.read(desk.client, "main", ["7"], "2025-03-10", "2025-04-01")

    assert {name: str(held.quantity) for name, held in told.life.positions.items()} == {
        "binance.coin.BTCUSDT": "30",
        "binance.coin.ETHUSDT": "5",
    }
    assert len(told.rows) == 21
    assert told.life.legs == {"USDT": Amount(3050)}


def test_the_present_is_read_at_the_seq_it_is_told_with(desk: Desk) -> None:
    book = month()
    desk.put(book)
    [told] = stored.read(desk.client, "main", ["7"], "2025-03-10", "2025-04-01")
    assert (told.life.seq, told.trade_count) == (31, 30)


def test_a_day_that_changes_while_it_is_read_is_read_again(desk: Desk) -> None:
    book = month()
    desk.put(book)
    changing: Any = _Changing(desk.client, times=1)

    [told] = stored.read(changing, "main", ["7"], "2025-03-01", "2025-04-01")

    changed = [row for row in told.rows if row.day == "2025-03-02"]
    assert [str(row.carry) for row in changed] == ["7"]


def test_a_past_that_never_rests_is_an_error(desk: Desk) -> None:
    desk.put(month())
    changing: Any = _Changing(desk.client, times=10**6)
    with pytest.raises(BookMoves, match="book main: days from 2025-03-01 on change faster"):
        stored.read(changing, "main", ["7"], "2025-03-01", "2025-04-01")


def test_a_client_that_does_not_decode_reads_the_same(valkey_server: ServerProcess) -> None:
    book = month()
    book.store(valkey_server.client())
    answers = [
        stored.read(valkey_server.client(decode=decode), "main", ["7"], "2025-03-01", "2025-04-01")
        for decode in (True, False)
    ]
    assert answers[0] == answers[1]


def test_a_whole_life_leaves_nothing_over(desk: Desk) -> None:
    desk.put(month())
    [whole] = stored.read(desk.client, "main", ["7"], "2025-03-01", "2025-04-01")
    [part] = stored.read(desk.client, "main", ["7"], "2025-03-02", "2025-04-01")
    assert (stored.blank(whole), stored.blank(part)) == (True, False)


class _Changing:
    """A client; before each of its first transactions somebody changes an old day."""

    def __init__(self, client: redis.Redis, times: int) -> None:
        self._client, self._times, self._seq = client, times, 100

    def pipeline(self, transaction: bool) -> Any:
        if transaction and self._times:
            self._times -= 1
            self._seq += 1
            day = "pm:{main}:attribution:7:2025-03-02"
            row = '{"carry":"7","settlement":"USDT"}'
            fields: Any = {"binance:binance.coin.BTCUSDT": row, "seq": str(self._seq)}
            self._client.hset(day, mapping=fields)
        return self._client.pipeline(transaction=transaction)
