"""A desk whose trades are corrected, on a real server."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from pm import keys
from pm.books import journal
from pm.corrections import requests
from pm.corrections.making import Corrections, Made
from pm.events.facts import Direct
from pm.events.model import Bust, Correct, ExecutionResult, Fee, Fill
from pm.history import History
from pm.verify import verify_book
from tests.servers import AnyServer
from tests.valuation.desk import BTC, Desk

BOOK = "main"


@dataclass(slots=True)
class CorrectingDesk:
    """Trades at binance as strategy 7, each of order `O<n>` and execution `T<n>`."""

    desk: Desk
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @classmethod
    def on(cls, server: AnyServer) -> CorrectingDesk:
        """A desk that has done nothing."""
        return cls(Desk.opened(server))

    @property
    def corrections(self) -> Corrections:
        """What a process that has just started makes corrections with."""
        desk = self.desk
        return Corrections(
            desk.client, desk.submitter, History(desk.client), lambda: desk.now + 86_400 * 10**9
        )

    def trade(
        self, quantity: str, price: str, *fees: Fee, order: str = "", number: str = "", **more: Any
    ) -> str:
        """A fill; its execution."""
        number = number or str(next(self._numbers))
        order = order or f"O{number}"
        event = Fill(f"T{number}", order, "binance", 7, BTC, quantity, price, self.desk.now, fees)
        self.desk.submit(event._replace(**more))
        self.desk.later(1)
        return f"binance/{order}/T{number}"

    def report(
        self,
        order: str,
        quantity: str,
        price: str,
        number: str,
        fees: tuple[Fee, ...] | None = None,
    ) -> str:
        """A cumulative result of an order; what it came to."""
        event = ExecutionResult(
            number, order, "binance", 7, BTC, quantity, price, "partial", self.desk.now, fees
        )
        text = self.desk.facts.text(event, Direct(self.desk.now))
        return self.desk.submitter.submit(BOOK, text).result

    def ask_bust(self, execution: str, name: str = "C1", *, keep_fees: bool = False) -> None:
        """A request to bust a trade."""
        _, order, trade = execution.split("/")
        now = self.desk.now
        self.desk.submit(Bust(name, trade, order, "binance", now, "anna", "a test", keep_fees))

    def ask_correct(self, execution: str, name: str = "C1", **terms: Any) -> None:
        """A request to correct a trade."""
        _, order, trade = execution.split("/")
        now = self.desk.now
        self.desk.submit(Correct(name, trade, order, "binance", now, "anna", "a test", **terms))

    def bust(self, execution: str, name: str = "C1", **more: Any) -> Made:
        """Ask and make."""
        self.ask_bust(execution, name, **more)
        return self.make(name)

    def correct(self, execution: str, name: str = "C1", **terms: Any) -> Made:
        """Ask and make."""
        self.ask_correct(execution, name, **terms)
        return self.make(name)

    def make(self, name: str = "C1") -> Made:
        """Make what was asked."""
        return self.corrections.make(BOOK, name)

    def position(self) -> dict[str, str]:
        """The position's hash."""
        return self.desk.position(BTC)

    def figures(self) -> tuple[str, str, str, str]:
        """Quantity, cost, realized P&L and fees of the position."""
        held = self.position()
        return held["quantity"], held["cost"], held["realized_pnl"], held["fees_paid"]

    def balance(self, token: str) -> str:
        """The total of a balance at binance."""
        found: Any = self.desk.client.hget(keys.balance(BOOK, "binance", token), "total")
        return str(found)

    def order(self, order: str) -> dict[str, str]:
        """An order's hash."""
        found: Any = self.desk.client.hgetall(keys.order(BOOK, f"binance:{order}"))
        return dict(found)

    def pending(self, name: str = "C1") -> dict[str, str]:
        """A correction's hash."""
        return requests.stored(self.desk.client, BOOK, name)

    def entries(self, event: str) -> list[dict[str, Any]]:
        """The facts of the entries of a kind that counted."""
        return [
            json.loads(entry["facts"])
            for entry in journal.read(self.desk.client, BOOK)
            if entry["event"] == event and entry["result"] == "applied"
        ]

    def entry(self, seq: int) -> dict[str, Any]:
        """What an entry did, decoded."""
        (found,) = journal.read(self.desk.client, BOOK, after=seq - 1, through=seq)
        return {name: json.loads(found[name]) for name in ("legs", "changes", "contribution")}

    def verify(self) -> None:
        """The book is whole."""
        report = verify_book(self.desk.server.client(decode=False), BOOK)
        assert report.is_whole, report.differences[:5]
