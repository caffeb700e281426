"""Facts for tests of the rules: a spot fill or its like, every key a test names changed or removed.

Ids, times and places advance by themselves, so that a test says only what it is about.
"""

import json
from collections.abc import Iterable
from typing import Any

from pm.decimals import Amount
from pm.rules.book import Book
from pm.rules.journal import Entry
from pm.rules.laws import differences
from pm.rules.tally import Tally

SECOND_NS = 1_000_000_000
STARTED_NS = 1_700_000_000 * SECOND_NS

SPOT: dict[str, Any] = {
    "instrument": "binance.coin.BTCUSDT",
    "instrument_kind": "spot",
    "base": "BTC",
    "quote": "USDT",
    "settlement": "USDT",
}
PERPETUAL = SPOT | {"instrument": "binance.perp.BTCUSDT", "instrument_kind": "perpetual"}
INVERSE = SPOT | {
    "instrument": "bybit.perp.BTCUSD",
    "instrument_kind": "perpetual",
    "quote": "USD",
    "settlement": "BTC",
    "multiplier": "10",
    "inverse": "1",
}
OPTION = SPOT | {
    "instrument": "deribit.option.BTC",
    "instrument_kind": "option",
    "multiplier": "100",
}
FUTURE = SPOT | {
    "instrument": "binance.future.BTCUSDT",
    "instrument_kind": "future",
    "multiplier": "10",
}
EQUITY = SPOT | {
    "instrument": "ibkr.stock.ACME",
    "instrument_kind": "equity",
    "base": "ACME",
    "quote": "USD",
    "settlement": "USD",
}


class Journal:
    """A book with its tally; every event gets the next place and second unless told otherwise."""

    def __init__(self, generation_size: int = 1000) -> None:
        self.book = Book()
        self.tally = Tally()
        self.count = 0
        self.apply(kind="opened", name="main", schema="2", generation_size=str(generation_size))

    def apply(self, **facts: Any) -> Entry:
        """Fold facts as they are; a value of None leaves the key out."""
        known = {name: value for name, value in facts.items() if value is not None}
        entry = self.book.apply(json.dumps(known, separators=(",", ":")))
        self.tally.add(entry)
        return entry

    def event(self, kind: str, terms: dict[str, Any] = SPOT, **facts: Any) -> Entry:
        """Fold an event of strategy 7 on binance in the given instrument."""
        self.count += 1
        executed_at = STARTED_NS + self.count * SECOND_NS
        place = {
            "kind": kind,
            "lane": "executions",
            "entry": f"{self.count}-0",
            "index": "0",
            "of": "1",
            "received_at": str(executed_at + 5),
            "executed_at": str(executed_at),
            "day": "2023-11-14",
            "id": f"event/{self.count}",
            "strategy": "7",
            "venue": "binance",
            "location": "binance",
        }
        return self.apply(**(place | terms | facts))

    def fill(self, quantity: str, price: str | None = None, **facts: Any) -> Entry:
        """Fold a fill."""
        return self.event("fill", **({"quantity": quantity, "price": price} | facts))

    def result(self, result: str, quantity: str, price: str | None = None, **facts: Any) -> Entry:
        """Fold a cumulative report of order binance:O1."""
        stated = {"result": result, "quantity": quantity, "price": price, "order": "binance:O1"}
        return self.event("execution_result", **(stated | facts))

    def deposit(self, token: str, amount: str, **facts: Any) -> Entry:
        """Fold a deposit into a balance, with whatever basis is named."""
        return self.event("deposit", **({"token": token, "amount": amount} | facts))

    def life(self, kind: str, terms: dict[str, Any] = SPOT, **facts: Any) -> Entry:
        """Fold an event of an instrument, of no strategy in particular."""
        return self.event(kind, terms, **({"strategy": None} | facts))

    def hold(self, quantity: str, cost: str, terms: dict[str, Any] = SPOT, **facts: Any) -> Entry:
        """Fold an opening of a position at its cost; no balance moves."""
        return self.event("opening", terms, **({"quantity": quantity, "cost": cost} | facts))

    def reserve(self, token: str, amount: str, **facts: Any) -> Entry:
        """Fold a reservation of order binance:O1."""
        stated = {"token": token, "amount": amount, "order": "binance:O1"}
        return self.event("reserve", {}, **(stated | facts))

    def balance(self, token: str, location: str = "binance") -> list[str]:
        """Available, reserved and total of a balance."""
        return figures(self.hash(f"balance:{location}:{token}"), "available", "reserved", "total")

    def position(self, terms: dict[str, Any] = SPOT, strategy: str = "7") -> dict[str, str]:
        """The position's hash as the store must hold it."""
        return self.hash(f"position:{strategy}:{terms['instrument']}")

    def total(self, token: str, location: str = "binance") -> str:
        """The total of a balance."""
        return self.hash(f"balance:{location}:{token}")["total"]

    def order(self, key: str = "binance:O1") -> dict[str, str]:
        """An order's hash as the store must hold it."""
        return self.hash(f"order:{key}")

    def hash(self, key: str) -> dict[str, str]:
        """A hash or sorted set of the expected state."""
        held = self.book.expected_state()[key]
        assert isinstance(held, dict)
        return held

    def differences(self) -> list[str]:
        """What the laws find."""
        return differences(self.book.state, self.tally)


def legs(entry: Entry) -> list[list[str]]:
    """The legs of an entry."""
    read: list[list[str]] = json.loads(entry.legs)
    return read


def changes(entry: Entry, kind: str = "position") -> list[dict[str, Any]]:
    """The changes of positions (or of kind balance) in an entry."""
    return [row for row in json.loads(entry.changes) if row["type"].startswith(kind)]


def contribution(entry: Entry) -> dict[str, Any]:
    """What an entry contributes, empty for nothing."""
    read: dict[str, Any] = json.loads(entry.contribution or "{}")
    return read


def contributions(entry: Entry) -> list[dict[str, Any]]:
    """All an entry contributes, whether it is one or several."""
    read = json.loads(entry.contribution or "[]")
    return read if isinstance(read, list) else [read]


def effects(entry: Entry) -> list[dict[str, Any]]:
    """The effects of an entry."""
    read: list[dict[str, Any]] = json.loads(entry.effects)
    return read


def figures(held: dict[str, Any], *names: str) -> list[str]:
    """Some fields of a hash or position, in the order asked."""
    return [held[name] for name in names]


def amounts(texts: Iterable[str]) -> list[Amount]:
    """Amounts of texts."""
    return [Amount.parse(text) for text in texts]
