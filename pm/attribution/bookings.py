"""A strategy's journal entries one by one: for times within a day, for trades, traces and trips.

Rows know no time finer than a day, no price and no trace; the journal does. What is collected here
is the strategy's contributions to some days, each with the time its event was executed at.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pm.attribution.rows import Row, contribution_row, contributions
from pm.attribution.spreads import Spreads, main_leg
from pm.attribution.trips import Trip, Trips
from pm.decimals import Amount

RESTATEMENT = "restatement"


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeRow:
    """One booking: an execution, or (`trade_count` 0) whatever else moved the strategy's figures.

    A `restatement` may count trades below zero: those it took back.

    `executed_at` is in ns. Money is in `settlement`; `price` is what the event told, None without.
    """

    book: str
    seq: int
    executed_at: int
    event: str
    venue_id: str
    instrument_id: str
    order: str | None
    trace_id: str | None
    settlement: str
    trade_count: int
    quantity: Amount
    price: Amount | None
    notional: Amount
    realized_pnl: Amount
    carry: Amount
    transfer_cost: Amount
    fees_paid: Mapping[str, Amount]
    fee_value: Amount
    fees_unvalued: Mapping[str, Amount]


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """What is collected: contributions to the days between, and details of [start, end) in ns."""

    strategy: str
    first_day: str
    last_day: str
    start: int
    end: int
    wants_trades: bool = False
    wants_trips: bool = False


class Bookings:
    """Journal entries of one book, added in their order."""

    def __init__(self, book: str, span: Span) -> None:
        self.rows: list[tuple[int, Row]] = []
        self.trades: list[TradeRow] = []
        self._book, self._span = book, span
        self.spreads = Spreads()
        self._trips = Trips(book, span.strategy)
        self._traces: set[str] = set()
        self._outcomes: dict[str, bool | None] = {}

    def add(self, entry: Mapping[str, str]) -> None:
        """Count one entry, whichever strategy it is of."""
        if entry["trace"]:
            self._follow_trace(json.loads(entry["trace"]))
        told = [
            part
            for part in contributions(entry["contribution"])
            if part["strategy"] == self._span.strategy
        ]
        if not told:
            return
        facts = json.loads(entry["facts"])
        executed_at = int(facts["executed_at"])
        inside = self._span.start <= executed_at < self._span.end
        for part in told:
            if not self._span.first_day <= part["day"] <= self._span.last_day:
                continue
            row = contribution_row(self._book, part)
            self.rows.append((executed_at, row))
            if inside:
                self._detail(entry, facts, row)
        if self._span.wants_trips and executed_at < self._span.end:
            self._trips.add(entry, facts, told, counts=inside)

    def trips(self) -> list[Trip]:
        """Trips that did something in the range, by the time they began."""
        return self._trips.found()

    def traces(self) -> tuple[int, int]:
        """How many traces of the range were completed with a gain, and how many without."""
        outcomes = [self._outcomes.get(trace) for trace in sorted(self._traces)]
        won = sum(outcome is True for outcome in outcomes)
        return won, sum(outcome is False for outcome in outcomes)

    def _follow_trace(self, trace: Mapping[str, Any]) -> None:
        status = trace["status"]
        if status == "completed":
            net = Amount.parse(trace["net"].get(trace["numeraire"], "0"))
            self._outcomes[trace["id"]] = net.sign > 0
        elif status != "archived":
            self._outcomes[trace["id"]] = None

    def _detail(self, entry: Mapping[str, str], facts: Mapping[str, Any], row: Row) -> None:
        if row.trade_count and "trace" in facts and entry["event"] != RESTATEMENT:
            self._traces.add(facts["trace"]["id"])
            self.spreads.add(facts, *main_leg(json.loads(entry["legs"])))
        if self._span.wants_trades and not row.only_allocates:
            self.trades.append(_trade(self._book, entry, facts, row))


def _trade(book: str, entry: Mapping[str, str], facts: Mapping[str, Any], row: Row) -> TradeRow:
    is_execution = row.trade_count and entry["event"] != RESTATEMENT
    price = facts.get("price") if is_execution else None
    quantity, notional = row.quantity, row.notional
    if is_execution:
        quantity, notional = main_leg(json.loads(entry["legs"]))
    return TradeRow(
        book=book,
        seq=int(entry["seq"]),
        executed_at=int(facts["executed_at"]),
        event=entry["event"],
        venue_id=row.venue,
        instrument_id=row.instrument,
        order=facts.get("order"),
        trace_id=facts["trace"]["id"] if "trace" in facts else None,
        settlement=row.settlement,
        trade_count=row.trade_count,
        quantity=quantity,
        price=None if price is None else Amount.parse(price),
        notional=notional,
        realized_pnl=row.realized_pnl,
        carry=row.carry,
        transfer_cost=row.transfer_cost,
        fees_paid=row.fees,
        fee_value=row.fee_value,
        fees_unvalued=row.fees_unvalued,
    )


def rows_of(bookings: Iterable[tuple[int, Row]], start: int, end: int) -> list[Row]:
    """The rows of bookings executed at `start` or later and before `end`, in ns."""
    return [row for executed_at, row in bookings if start <= executed_at < end]
