"""Events told to a real book as their senders tell them, and the hashes it keeps of them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import redis

from pm import keys
from pm.events.facts import Facts, Place
from pm.events.model import Event, Fee, Fill, Trace
from pm.reference.record_reader import read_instrument
from pm.reference.snapshot import Reference
from tests.servers import Server
from tests.state.books import BOOK, LaneFeed, assert_verified, from_texts, opened
from tests.state.facts import SECOND, START

BTC, KRAKEN_BTC = "binance.coin.BTCUSDT", "kraken.coin.BTCUSDT"
INVERSE, PERPETUAL = "binance.perpetual.BTCUSD", "binance.perpetual.BTCUSDT"
FUTURE, SHARE = "binance.future.BTC", "nasdaq.stock.ACME"
CALL, PUT = "nasdaq.option.ACMEC90", "nasdaq.option.ACMEP110"

_OPTION = {"kind": "option", "base": "ACME", "quote": "USD", "multiplier": "10"}
_OPTION |= {"underlying": SHARE}
_INSTRUMENTS: list[dict[str, Any]] = [
    {"id": BTC, "kind": "spot", "base": "BTC", "quote": "USDT"},
    {"id": KRAKEN_BTC, "kind": "spot", "base": "BTC", "quote": "USDT"},
    {"id": INVERSE, "kind": "perpetual", "base": "BTC", "quote": "USD", "inverse": True}
    | {"multiplier": "10"},
    {"id": PERPETUAL, "kind": "perpetual", "base": "BTC", "quote": "USDT"},
    {"id": FUTURE, "kind": "future", "base": "BTC", "quote": "USDT", "multiplier": "10"},
    {"id": SHARE, "kind": "equity", "base": "ACME", "quote": "USD", "decimals": 0},
    {"id": CALL, **_OPTION, "strike_price": "90", "option_type": "call"},
    {"id": PUT, **_OPTION, "strike_price": "110", "option_type": "put"},
]


def _reference() -> Reference:
    return Reference.build(0, [read_instrument(about, {}) for about in _INSTRUMENTS])


@dataclass(slots=True)
class Ledger:
    """A book of its own; events come a second apart by one lane."""

    client: redis.Redis
    texts: list[str] = field(default_factory=list)
    facts: Facts = field(default_factory=lambda: Facts(_reference()))

    @classmethod
    def on(cls, server: Server) -> Ledger:
        return cls(opened(server))

    @property
    def now(self) -> int:
        """When the next event happens, ns."""
        return START + len(self.texts) * SECOND

    @property
    def number(self) -> str:
        """An id for the next event."""
        return f"N{len(self.texts)}"

    def tell(self, *events: Event) -> None:
        """Events, each of which must count."""
        for event in events:
            place = Place("executions", f"{len(self.texts) + 1}-0", 0, 1, self.now)
            self.texts.append(self.facts.text(event, place))
            outcome = LaneFeed(self.client, from_texts(self.texts)).apply(1)
            assert outcome.counts.applied == 1, (event, outcome)

    def fill(
        self,
        instrument: str,
        quantity: str,
        price: str,
        *fees: Fee,
        strategy: int = 7,
        order: str | None = None,
        trace: Trace | None = None,
    ) -> None:
        """An execution, of an order of its own unless one is named."""
        venue = instrument.partition(".")[0]
        name = order or self.number
        told = Fill(self.number, name, venue, strategy, instrument, quantity, price, self.now, fees)
        self.tell(told._replace(trace=trace))

    def position(self, instrument: str, strategy: str = "7") -> dict[str, str]:
        """The hash of a position."""
        return self.of(keys.position(BOOK, strategy, instrument))

    def balance(self, token: str, location: str = "binance") -> dict[str, str]:
        """The hash of a balance."""
        return self.of(keys.balance(BOOK, location, token))

    def total(self, token: str, location: str = "binance") -> str:
        """What lies there in all."""
        return self.balance(token, location)["total"]

    def book(self) -> dict[str, str]:
        """The hash of the book."""
        return self.of(keys.book(BOOK))

    def of(self, key: str) -> dict[str, str]:
        """A hash as text."""
        held: Any = self.client.hgetall(key)
        return {name.decode(): text.decode() for name, text in held.items()}

    def last(self, name: str) -> Any:
        """A field of the newest journal entry, parsed."""
        entries: Any = self.client.xrevrange(keys.journal(BOOK), count=1)
        return json.loads(entries[0][1][name.encode()])

    def close(self) -> None:
        """The end of an example: the books are whole."""
        assert_verified(self.client)


def shows(held: dict[str, str], **expected: str) -> None:
    """The hash holds these texts, to the digit."""
    assert {name: held.get(name) for name in expected} == expected
