"""Two books that trade at one venue, and what the venue would say of it: counted here, apart."""

from __future__ import annotations

import random
from collections import defaultdict
from decimal import Decimal
from typing import Any

import redis

from pm.breaks.kept import Breaks
from pm.breaks.record import Break
from pm.fold import from_the_beginning
from pm.history import History
from pm.reconcile.outside import OutsideReport, Terms, reconcile_statement
from pm.reconcile.present import read_held
from pm.reference.record_reader import read_instrument
from pm.reference.snapshot import Reference
from pm.rules.state import BookState
from pm.statements.ccxt_statement import read_ccxt
from pm.statements.statement import Part, Statement
from tests.client.facts import EXECUTED_AT, BookWriter, deposit, fill
from tests.statements.told import dumped

BOOKS = ("main", "second")
SECOND_NS = 1_000_000_000
ETH_PERPETUAL = {
    "instrument": "binance.perpetual.ETH",
    "instrument_kind": "perpetual",
    "base": "ETH",
    "quote": "USDT",
    "settlement": "USDT",
    "multiplier": "0.01",
}
REFERENCE = Reference.build(
    1,
    [
        read_instrument(
            {"id": "binance.coin.BTCUSDT", "kind": "spot", "base": "BTC", "quote": "USDT"}, {}
        ),
        read_instrument(
            {
                "id": "binance.perpetual.ETH",
                "wire_id": "0" * 24,
                "kind": "perpetual",
                "base": "ETH",
                "quote": "USDT",
                "multiplier": "0.01",
            },
            {},
        ),
    ],
)


class Desk:
    """Trades at random, the same way for the same seed; keeps what the venue would tell."""

    def __init__(self, server: redis.Redis, decoding: redis.Redis, seed: int = 1) -> None:
        self.server = server
        self.random = random.Random(seed)
        self.writers = {book: BookWriter(decoding, book) for book in BOOKS}
        self.trades: list[dict[str, Any]] = []
        self.balances: dict[str, Decimal] = defaultdict(Decimal)
        self.contracts = Decimal(0)
        self.number = 0
        for book in BOOKS:
            self.deposit(book, "USDT", "100000")

    def deposit(self, book: str, token: str, amount: str, *, is_told: bool = True) -> int:
        """Money that came in; the venue knows it unless it does not."""
        self.number += 1
        at = str(EXECUTED_AT + self.number * SECOND_NS)
        facts = {**deposit(self.number, token, amount), "executed_at": at, "received_at": at}
        self.writers[book].apply(facts)
        if is_told:
            self.balances[token] += Decimal(amount)
        return self.writers[book].seq()

    def trade(self, count: int = 1) -> None:
        """Trades in either book and either instrument, by two strategies."""
        for _ in range(count):
            self.number += 1
            book, strategy = self.random.choice(BOOKS), self.random.choice("78")
            sign = self.random.choice((1, -1))
            size = Decimal(self.random.randrange(1, 10**9)).scaleb(-8)
            price = Decimal(self.random.randrange(100, 10**5)).scaleb(-2)
            fee = Decimal(self.random.randrange(0, 10**6)).scaleb(-6)
            is_perpetual = self.random.random() < 0.4
            executed_at = EXECUTED_AT + self.number * SECOND_NS
            more: dict[str, Any] = dict(ETH_PERPETUAL) if is_perpetual else {}
            more |= {"strategy": strategy, "fees": [["USDT", f"{fee:f}", "trading"]]}
            more |= {"executed_at": str(executed_at), "received_at": str(executed_at + 500)}
            facts = fill(self.number, f"{sign * size:f}", f"{price:f}", **more)
            self.writers[book].apply(facts)
            self.trades.append(
                {
                    "id": f"T{self.number}",
                    "order": f"O{self.number}",
                    "timestamp": executed_at // 10**6,
                    "symbol": "ETH/USDT:USDT" if is_perpetual else "BTC/USDT",
                    "side": "buy" if sign > 0 else "sell",
                    "amount": f"{size:f}",
                    "price": float(price),
                    "cost": None,
                    "fee": {"cost": f"{fee:f}", "currency": "USDT"},
                    "book": book,
                    "seq": self.writers[book].seq(),
                }
            )
            self.balances["USDT"] -= fee
            if is_perpetual:
                self.contracts += sign * size
            else:
                self.balances["BTC"] += sign * size
                self.balances["USDT"] -= sign * size * price

    def told_balances(self) -> dict[str, Any]:
        """fetch_balance. Gains of the perpetual are left out: the desk never closes any."""
        return {"total": {token: f"{amount:f}" for token, amount in self.balances.items()}}

    def told_positions(self) -> list[dict[str, Any]]:
        """fetch_positions."""
        side = "long" if self.contracts > 0 else "short"
        contracts = f"{abs(self.contracts):f}"
        symbol = "ETH/USDT:USDT"
        return [{"symbol": symbol, "contracts": contracts, "contractSize": 0.01, "side": side}]

    def told(self, **parts: Any) -> Statement:
        """A statement of some parts, through the reader of ccxt's form."""
        read: dict[str, Any] = {}
        for name, value in parts.items():
            part: Part = name  # type: ignore[assignment]
            read[name] = getattr(read_ccxt(dumped(value), part), name)
        return Statement(**read)

    def reconcile(self, statement: Statement, now_ns: int = 1, **terms: Any) -> OutsideReport:
        """Compare a statement with the present of both books; breaks are kept in main."""
        terms = {"since_ns": 0, "until_ns": 2**62, **terms}
        taken = Terms(venue="binance", location="binance", source="test", **terms)
        history = History(self.server)
        held = read_held(self.server, BOOKS, "binance", "binance", self.fold)
        return reconcile_statement(
            self.server, history, REFERENCE, statement, held, taken, home="main", now_ns=now_ns
        )

    def fold(self, book: str, through: int | None = None) -> BookState:
        """A book's state by its journal."""
        fold = from_the_beginning(book)
        assert fold.follow(History(self.server), through=through)
        return fold.book.state

    def breaks(self, *, only_open: bool = True) -> dict[str, Break]:
        """Breaks by kind and subject."""
        listed = Breaks(self.server, "main").listed(only_open=only_open)
        return {f"{each.kind} {each.subject}": each for each in listed}
