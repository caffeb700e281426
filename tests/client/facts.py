"""Books with something in them: hand-made facts, applied by the function library."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import redis

from pm import keys
from pm.books.applying import Applier, Outcome, Prepared
from pm.books.opening import open_book
from pm.functions import library

EXECUTED_AT = 1_700_000_000_000_000_000
BTC, ETH = "binance.coin.BTCUSDT", "binance.coin.ETHUSDT"
LANE = "executions"


def fill(number: int, quantity: str, price: str, **more: Any) -> dict[str, Any]:
    """The facts of a spot fill of strategy 7 on binance; `number` is its place in the lane."""
    facts = {
        "kind": "fill",
        "lane": LANE,
        "entry": f"{number}-0",
        "index": "0",
        "of": "1",
        "received_at": str(EXECUTED_AT + number + 500),
        "executed_at": str(EXECUTED_AT + number),
        "day": "2023-11-14",
        "id": f"binance/O{number}/T{number}",
        "strategy": "7",
        "venue": "binance",
        "location": "binance",
        "chain_id": "0",
        "order": f"binance:O{number}",
        "instrument": BTC,
        "instrument_kind": "spot",
        "base": "BTC",
        "quote": "USDT",
        "settlement": "USDT",
        "quantity": quantity,
        "price": price,
        "fees": [["USDT", "5", "trading"]],
    }
    return {**facts, **more}


def on_ethereum(number: int, quantity: str, price: str, **more: Any) -> dict[str, Any]:
    """The facts of a fill on Ethereum, of strategy 8, with gas."""
    chain = {
        "strategy": "8",
        "venue": "uniswap",
        "location": "ethereum",
        "chain_id": "1",
        "order": f"uniswap:O{number}",
        "id": f"uniswap/O{number}/T{number}",
        "instrument": "ethereum.pool.0x1",
        "base": "WETH",
        "quote": "USDC",
        "settlement": "USDC",
        "fees": [["ETH", "0.01", "gas"]],
    }
    return fill(number, quantity, price, **{**chain, **more})


def reserve(number: int, order: str, token: str, amount: str, **more: Any) -> dict[str, Any]:
    """The facts of a reservation of an order at binance."""
    return {
        **_event(number, "reserve"),
        "strategy": "7",
        "venue": "binance",
        "location": "binance",
        "chain_id": "0",
        "order": f"binance:{order}",
        "token": token,
        "amount": amount,
        **more,
    }


def deposit(number: int, token: str, amount: str) -> dict[str, Any]:
    """The facts of a deposit at binance."""
    place = {"venue": "binance", "location": "binance", "chain_id": "0"}
    return {**_event(number, "deposit"), **place, "token": token, "amount": amount}


def trace_expired(number: int, trace_id: str, steps: int, verdict: str) -> dict[str, Any]:
    """The facts of the end of a trace whose time is over."""
    return {
        **_event(number, "trace_expired"),
        "id": f"trace/{trace_id}/{steps}/expired",
        "trace": {"id": trace_id},
        "steps": str(steps),
        "verdict": verdict,
    }


def _event(number: int, kind: str) -> dict[str, Any]:
    return {
        "kind": kind,
        "lane": LANE,
        "entry": f"{number}-0",
        "index": "0",
        "of": "1",
        "received_at": str(EXECUTED_AT + number + 500),
        "executed_at": str(EXECUTED_AT + number),
        "day": "2023-11-14",
        "id": f"event/{kind}{number}",
    }


class BookWriter:
    """Opens a book and applies facts to it, as a worker would."""

    def __init__(self, server: redis.Redis, book: str = "main", *, sharded: bool = False) -> None:
        self._server = server
        self._applier = Applier(book, quarantine_max=1000, sharded_updates=sharded)
        self._cursor = "0-0"
        self._last = 0
        library.load(server)
        open_book(server, book, seen_generation_size=1_000_000)

    def apply(self, *events: dict[str, Any]) -> Outcome:
        """Apply events as one batch."""
        prepared = [
            Prepared(json.dumps(facts, separators=(",", ":")), facts, b"") for facts in events
        ]
        outcome = self._applier.apply(self._server, LANE, self._cursor, prepared, 0)
        assert outcome.status == "applied", outcome
        self._cursor = outcome.cursor
        return outcome

    def seq(self) -> int:
        """The seq the book stands at."""
        return int(self._server.hget(keys.book(self._applier.book), "seq") or "0")

    @contextmanager
    def unheard(self) -> Iterator[None]:
        """Publish in the other kind of channel meanwhile, where nobody listens."""
        self._applier.sharded_updates = not self._applier.sharded_updates
        yield
        self._applier.sharded_updates = not self._applier.sharded_updates

    def fills(self, count: int, **more: Any) -> Outcome:
        """Apply fills that change a position each, ten to a batch."""
        outcome = Outcome("already")
        while count > 0:
            batch = min(10, count)
            numbers = range(self._last + 1, self._last + 1 + batch)
            outcome = self.apply(*(fill(number, "0.5", "100", **more) for number in numbers))
            self._last += batch
            count -= batch
        return outcome
