"""What the journals say was traded at a location: executions by id, and orders booked by totals.

Which of an order's executions a cumulative result stands for nobody knows, nor which one a fill
without an id is. So an order with either is compared as a whole, all others by execution.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from pm.breaks.found import NO_EVENT, Event, event_text
from pm.decimals import ZERO, Amount

_EXECUTIONS: Final = frozenset({"fill", "execution_result"})
_COUNTED: Final = frozenset({"applied", "covered"})
_WITHOUT_ID: Final = "frame."
"""Begins the id of an execution that came without one and is told apart by its frame."""

Fees = dict[str, Amount]


@dataclass(frozen=True, slots=True)
class BookedTrade:
    """One execution as it was told; `cost` is the quote amount where that was told."""

    event: Event
    execution_id: str
    order: str
    instrument: str
    quantity: Amount
    price: Amount | None
    cost: Amount | None
    fees: Fees
    executed_at_ns: int


@dataclass(slots=True)
class BookedOrder:
    """What of an order moved positions and fees, by executions and results together.

    `as_whole` says that it cannot be compared by execution, `is_part` that something of it was
    booked before the entries that were looked at. `last` is its last entry.
    """

    order: str
    instrument: str = ""
    quantity: Amount = ZERO
    fees: Fees = field(default_factory=lambda: defaultdict(lambda: ZERO))
    as_whole: bool = False
    is_part: bool = False
    last: Event = NO_EVENT
    first_executed_at_ns: int = 0
    last_executed_at_ns: int = 0


class Booked:
    """The executions of one venue at one location, in the order they were added."""

    def __init__(self, venue: str, location: str) -> None:
        self._venue = venue
        self._location = location
        self.trades: dict[tuple[str, str], list[BookedTrade]] = defaultdict(list)
        self.orders: dict[str, BookedOrder] = {}

    def add(self, book: str, entries: Iterable[Mapping[str, str]]) -> None:
        """Count a book's journal entries, in order."""
        for entry in entries:
            if entry["event"] in _EXECUTIONS and entry["result"] in _COUNTED:
                facts = json.loads(entry["facts"])
                place = facts.get("location") or facts.get("venue")
                if facts.get("venue") == self._venue and place == self._location:
                    self._add_execution(book, entry, facts)
            elif entry["event"] == "restatement" and entry["result"] == "applied":
                self._restate(json.loads(entry["facts"]))

    def _add_execution(self, book: str, entry: Mapping[str, str], facts: dict[str, Any]) -> None:
        event = Event(book, int(entry["seq"]), event_text(entry["event"], facts))
        self._add_to_order(event, entry, facts)
        if entry["event"] == "fill":
            trade = _trade(event, facts)
            if trade is None:
                self.orders[facts["order"].partition(":")[2]].as_whole = True
            else:
                self.trades[trade.instrument, trade.execution_id].append(trade)

    def _restate(self, facts: dict[str, Any]) -> None:
        """Give a trade that was corrected its new terms, and take away one that was busted."""
        venue, order, execution_id = facts["execution"].split("/")
        if venue != self._venue:
            return
        restated = []
        for trade in self.trades.get((facts["instrument"], execution_id), ()):
            if trade.order == order:
                trade = replace(trade, **_terms(facts["trade"]))
                self._restate_order(order, facts["order_moves"])
            if trade.quantity:
                restated.append(trade)
        self.trades[facts["instrument"], execution_id] = restated

    def _restate_order(self, key: str, moves: Mapping[str, Any]) -> None:
        order = self.orders[key]
        order.quantity += Amount.parse(moves["quantity"])
        for token, amount in moves["fees"].items():
            order.fees[token] += Amount.parse(amount)

    def _add_to_order(self, event: Event, entry: Mapping[str, str], facts: dict[str, Any]) -> None:
        key = facts["order"].partition(":")[2]
        is_first = key not in self.orders
        order = self.orders.setdefault(key, BookedOrder(key))
        order.instrument = order.instrument or facts.get("instrument", "")
        order.last_executed_at_ns = int(facts["executed_at"])
        order.first_executed_at_ns = order.first_executed_at_ns or order.last_executed_at_ns
        order.last = event
        contribution = json.loads(entry["contribution"]) if entry["contribution"] else {}
        if isinstance(contribution, list):
            contribution = contribution[0] if contribution else {}
        moved = False
        for name in ("fees", "failed_fees"):
            for token, amount in contribution.get(name, {}).items():
                order.fees[token] += Amount.parse(amount)
                moved = True
        if "trade_count" in contribution:
            # The execution's own leg comes first; those of fees follow.
            order.quantity += Amount.parse(json.loads(entry["legs"])[0][0])
            moved = True
        if moved and entry["event"] == "execution_result":
            order.as_whole = True
        if is_first and entry["order"]:
            told = json.loads(entry["order"])
            order.is_part = Amount.parse(told["quantity"]) != order.quantity


def _trade(event: Event, facts: dict[str, Any]) -> BookedTrade | None:
    """The execution a fill tells of; None where it has no id of the venue's."""
    parts = facts["id"].split("/")
    if len(parts) != 3 or parts[2].startswith(_WITHOUT_ID) or "instrument" not in facts:
        return None
    return BookedTrade(
        event=event,
        execution_id=parts[2],
        order=parts[1],
        instrument=facts["instrument"],
        executed_at_ns=int(facts["executed_at"]),
        **_terms(facts),
    )


def _terms(told: Mapping[str, Any]) -> dict[str, Any]:
    """What of a trade a correction may change, from a fill or a restatement."""
    fees: Fees = {}
    for token, amount, kind in told.get("fees") or ():
        if kind != "gas":
            fees[token] = fees.get(token, ZERO) + Amount.parse(amount)
    return {
        "quantity": Amount.parse(told["quantity"]),
        "price": _maybe(told.get("price")),
        "cost": _maybe(told.get("quote_amount")),
        "fees": fees,
    }


def _maybe(text: str | None) -> Amount | None:
    return None if text is None else Amount.parse(text)
