"""What is held now is read at one seq, however busy the books are."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from pm import keys
from pm.books.opening import BookError
from pm.reconcile.held import Held
from pm.reconcile.present import read_held
from tests.reconcile.desk import BOOKS, Desk


def _figures(held: Held) -> dict[str, Any]:
    return {
        "seqs": held.seqs,
        "balances": {name: dict(books) for name, books in held.balances.items()},
        "positions": {
            name: {book: sorted(each, key=str) for book, each in books.items()}
            for name, books in held.positions.items()
        },
    }


def _by_journal(desk: Desk, seqs: dict[str, int]) -> dict[str, Any]:
    held = Held("binance")
    for book, seq in seqs.items():
        held.add_state(book, desk.fold(book, through=seq), "binance")
    return _figures(held)


def test_what_is_read_while_books_go_on_is_what_the_journal_says_at_that_seq(desk: Desk) -> None:
    desk.trade(20)
    folded: list[str] = []

    def fold(book: str) -> Any:
        folded.append(book)
        return desk.fold(book)

    is_over = threading.Event()

    def trade() -> None:
        while not is_over.is_set():
            desk.trade()

    trading = threading.Thread(target=trade)
    trading.start()
    try:
        seen = [read_held(desk.server, BOOKS, "binance", "binance", fold) for _ in range(12)]
    finally:
        is_over.set()
        trading.join()
    for held in seen:
        assert _figures(held) == _by_journal(desk, held.seqs)


def test_a_book_that_never_stands_still_is_folded(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.trade(20)
    monkeypatch.setattr("pm.reconcile.present.TRIES", 0)
    held = read_held(desk.server, BOOKS, "binance", "binance", desk.fold)
    assert _figures(held) == _by_journal(desk, {b: w.seq() for b, w in desk.writers.items()})


def test_what_cannot_be_read_is_named(desk: Desk) -> None:
    desk.server.hset(keys.balance("main", "binance", "USDT"), "total", "much")
    with pytest.raises(BookError, match="book main: balance USDT cannot be read"):
        read_held(desk.server, BOOKS, "binance", "binance", desk.fold)
    with pytest.raises(BookError, match="book nowhere does not exist"):
        read_held(desk.server, ["nowhere"], "binance", "binance", desk.fold)
