"""A desk that trades on a real server: events in, marks in, passes run, records and points out."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import redis

from pm import keys
from pm.books import opening, reference_store
from pm.books.submitting import Submitter, Taken
from pm.decimals import ZERO, Amount
from pm.events.facts import Direct, Facts
from pm.events.model import Allocation, CapitalFlow, Event, Fee, Fill, Trace
from pm.functions import library
from pm.marks import store
from pm.marks.mark import Mark, MarkKind
from pm.reference.record_reader import read_instrument, read_token, read_venue
from pm.reference.records import wire_bytes_of_id
from pm.reference.snapshot import Reference
from pm.settings import Settings
from pm.valuation.mark_to_market import PassMemory, PassReport, run_pass
from pm.valuation.records import (
    BookValuation,
    EquityPoint,
    PortfolioValuation,
    RiskRecord,
    StrategyValuation,
)
from tests.servers import Server

A = Amount.parse
SECOND = 1_000_000_000
DAY = 86_400 * SECOND
START = 1_700_000_000 * SECOND  # 2023-11-14T22:13:20Z

BTC = "binance.coin.BTCUSDT"
ETH = "binance.coin.ETHUSDT"
KRAKEN_BTC = "kraken.coin.BTCUSDT"
PERPETUAL = "binance.perpetual.BTCUSDT"
INVERSE = "binance.perpetual.BTCUSD"
CALL = "deribit.option.BTCCALL"
SHARE = "nasdaq.stock.ACME"

_INSTRUMENTS: list[dict[str, Any]] = [
    {"id": BTC, "kind": "spot", "base": "BTC", "quote": "USDT", "risk_weight": "0.5"},
    {"id": ETH, "kind": "spot", "base": "ETH", "quote": "USDT", "correlation_group": 1},
    {"id": KRAKEN_BTC, "kind": "spot", "base": "BTC", "quote": "USDT"},
    {
        "id": PERPETUAL,
        "kind": "perpetual",
        "base": "BTC",
        "quote": "USDT",
        "margin_requirement": "5",
        "contract_size": "1",
    },
    {
        "id": INVERSE,
        "kind": "perpetual",
        "base": "BTC",
        "quote": "USD",
        "inverse": True,
        "multiplier": "10",
        "contract_size": "10",
    },
    {"id": CALL, "kind": "option", "base": "BTC", "quote": "USDT"},
    {"id": SHARE, "kind": "equity", "base": "ACME", "quote": "USDT"},
]


def reference(version: int = 0) -> Reference:
    """The instruments the desk trades; USDT is a stablecoin."""
    records = [read_instrument(_with_wire_id(about, number), {}) for number, about in _NUMBERED]
    tokens = [
        read_token({"id": "USDT", "is_stablecoin": True}),
        read_token({"id": "USD"}),
        read_token({"id": "BNB"}),
    ]
    return Reference.build(version, records, tokens, [read_venue({"id": "binance"})])


_NUMBERED = list(enumerate(_INSTRUMENTS, 1))


def _with_wire_id(about: dict[str, Any], number: int) -> dict[str, Any]:
    known = wire_bytes_of_id(about["id"]) is not None
    return about if known else {**about, "wire_id": f"{number:024x}"}


@dataclass(slots=True)
class Desk:
    """Time stands still unless it is moved; all marks and events happen at `now` (ns)."""

    server: Server
    client: redis.Redis
    submitter: Submitter
    facts: Facts
    settings: Settings
    now: int = START
    memory: PassMemory = field(default_factory=PassMemory)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @classmethod
    def opened(cls, server: Server, *books: str) -> Desk:
        """A desk with these books, `main` without any named."""
        raw = server.client(decode=False, timeout_s=30.0)
        library.load(raw)
        reference_store.merge(raw, reference())
        desk = cls(
            server,
            server.client(timeout_s=30.0),
            Submitter(raw, quarantine_max=1000, sharded_updates=False),
            Facts(reference_store.load_version(raw)),
            Settings(),
        )
        for book in books or ("main",):
            desk.open(book)
        return desk

    def open(self, book: str) -> None:
        """Open one more book."""
        raw = self.server.client(decode=False)
        opening.open_book(raw, book, seen_generation_size=1_000_000)
        opening.adopt_reference(raw, book, reference_store.current_version(raw), 0)

    def submit(self, event: Event, book: str = "main") -> Taken:
        """Put an event into a book."""
        text = self.facts.text(event, Direct(self.now))
        taken = self.submitter.submit(book, text)
        assert taken.result == "applied", (taken, text)
        return taken

    def fill(
        self,
        instrument: str,
        quantity: str,
        price: str,
        *,
        strategy: int = 7,
        fees: tuple[Fee, ...] = (),
        trace: str | None = None,
        at: int | None = None,
        book: str = "main",
    ) -> Taken:
        """One fill of an order of its own, now."""
        number = str(next(self._numbers))
        event = Fill(
            execution_id=f"T{number}",
            order_id=f"O{number}",
            venue=instrument.partition(".")[0],
            strategy_id=strategy,
            instrument=instrument,
            quantity=quantity,
            price=price,
            executed_at=self.now if at is None else at,
            fees=fees,
            trace=None if trace is None else Trace(trace, arbitrage=True),
        )
        return self.submit(event, book)

    def deposit(self, token: str, amount: str, book: str = "main", **more: Any) -> Taken:
        """Capital from outside at binance."""
        number = f"D{next(self._numbers)}"
        place = {"venue": "binance", **more}
        kind = place.pop("kind", "deposit")
        event = CapitalFlow(kind, number, self.now, token=token, amount=amount, **place)
        return self.submit(event, book)

    def allocate(self, strategy: int, token: str, amount: str, book: str = "main") -> Taken:
        """Capital for a strategy."""
        number = f"A{next(self._numbers)}"
        return self.submit(Allocation(number, strategy, token, amount, self.now), book)

    def mark(
        self,
        subject: str,
        price: str,
        quote: str = "USDT",
        *,
        at: int | None = None,
        kind: MarkKind = "mark",
    ) -> None:
        """A price told now."""
        time = self.now if at is None else at
        store.record(self.client, [Mark(subject, quote, A(price), time, "desk", kind, self.now)])

    def mark_usdt(self) -> None:
        """A dollar for a USDT, now."""
        self.mark("USDT", "1", "USD")

    def later(self, seconds: float = 60) -> None:
        """Let time pass."""
        self.now += int(seconds * SECOND)

    def run(self, *, fresh: bool = False, books: list[str] | None = None) -> PassReport:
        """One pass; with `fresh`, by a process that has just started."""
        if fresh:
            self.memory = PassMemory()
        return run_pass(self.client, self.settings, books, self.now, self.memory)

    def book(self, name: str = "main") -> BookValuation:
        """A book's record."""
        return BookValuation.from_fields(self.client.hgetall(keys.valuation(name)))

    def strategy(self, name: str = "7", book: str = "main") -> StrategyValuation:
        """A strategy's record."""
        return StrategyValuation.from_fields(self.client.hgetall(keys.valuation(book, name)))

    def portfolio(self) -> PortfolioValuation:
        """The record of all books."""
        return PortfolioValuation.from_fields(self.client.hgetall(keys.portfolio_valuation()))

    def risk(self, strategy: str | None = None, book: str = "main") -> RiskRecord:
        """The risk record of a book or a strategy."""
        return RiskRecord.from_fields(self.client.hgetall(keys.risk(book, strategy)))

    def points(self, strategy: str | None = None, book: str = "main") -> list[EquityPoint]:
        """The equity points of a book or a strategy."""
        return self.points_of(keys.equity(book, strategy))

    def points_of(self, stream: str) -> list[EquityPoint]:
        """The points of a stream."""
        entries: Any = self.client.xrange(stream)
        return [EquityPoint.from_fields(fields) for _, fields in entries]

    def position(self, instrument: str, strategy: str = "7", book: str = "main") -> dict[str, str]:
        """A position's hash."""
        found: Any = self.client.hgetall(keys.position(book, strategy, instrument))
        return dict(found)

    def totals(self, strategy: str | None = None, book: str = "main") -> tuple[Any, Any, int]:
        """Market value and unrealized P&L by token, and how many positions have no mark."""
        key = keys.book(book) if strategy is None else keys.strategy(book, strategy)
        value, unrealized, unmarked = self.client.hmget(
            key, ("market_value", "unrealized_pnl", "unmarked")
        )
        return json.loads(value or "{}"), json.loads(unrealized or "{}"), int(unmarked or 0)


def sums(client: redis.Redis, book: str = "main") -> dict[str, tuple[Any, Any, int]]:
    """What the totals must be, by strategy and "" for the book, counted from the positions."""
    counted: dict[str, tuple[dict[str, Amount], dict[str, Amount], int]] = {}
    for key in client.scan_iter(match=keys.of_book(book, "position:*"), count=1000):
        held: Any = client.hgetall(key)
        for name in (held["strategy_id"], ""):
            value, unrealized, unmarked = counted.get(name, ({}, {}, 0))
            if held["market_value"] == "":
                unmarked += held["quantity"] != "0"
            else:
                token = held["settlement"]
                value[token] = value.get(token, ZERO) + A(held["market_value"])
                unrealized[token] = unrealized.get(token, ZERO) + A(held["unrealized_pnl"])
            counted[name] = (value, unrealized, unmarked)
    return {
        name: (_texts(value), _texts(unrealized), unmarked)
        for name, (value, unrealized, unmarked) in counted.items()
    }


def without_zeros(totals: tuple[Any, Any, int]) -> tuple[Any, Any, int]:
    """Totals without tokens whose amount has come back to 0."""
    value, unrealized, unmarked = totals
    return (
        {token: amount for token, amount in value.items() if amount != "0"},
        {token: amount for token, amount in unrealized.items() if amount != "0"},
        unmarked,
    )


def _texts(amounts: dict[str, Amount]) -> dict[str, str]:
    return {token: str(amount) for token, amount in amounts.items() if amount}
