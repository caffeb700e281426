"""Compares the trades a venue told with those the journals have booked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace

from pm.breaks.found import Event, Found
from pm.days import utc_day
from pm.decimals import ZERO, Amount
from pm.reconcile.booked import Booked, BookedOrder, BookedTrade
from pm.reconcile.trade_findings import (
    Parted,
    Span,
    TradeComparison,
    booked_text,
    fees_text,
    told_text,
)
from pm.statements.statement import ToldTrade

Known = list[tuple[str, ToldTrade]]
"""Told trades with their instrument."""


class TradeComparer:
    """Compares the trades of one location."""

    def __init__(
        self, location: str, booked: Booked, span: Span, tolerance: Mapping[str, Amount]
    ) -> None:
        self._location = location
        self._booked = booked
        self._span = span
        self._tolerance = tolerance
        self._done = TradeComparison()
        self._orders_of: dict[str, list[str]] = defaultdict(list)
        for (_, execution_id), trades in booked.trades.items():
            self._orders_of[execution_id] += [each.order for each in trades]

    def compare(self, told: Known) -> TradeComparison:
        """All differences; trades of an order that is compared as a whole are added up."""
        single: dict[tuple[str, str], list[ToldTrade]] = defaultdict(list)
        whole: dict[str, Known] = defaultdict(list)
        for instrument, trade in told:
            order = self._order_of(trade)
            if order is not None and order.as_whole:
                whole[order.order].append((instrument, trade))
            else:
                single[instrument, trade.execution_id].append(trade)
        for key in {**single, **self._booked.trades}:
            ours = [each for each in self._booked.trades.get(key, ()) if not self._is_whole(each)]
            self._compare_executions(key, ours, single.get(key, []))
        for name, order in self._booked.orders.items():
            if order.as_whole:
                self._compare_order(order, whole.get(name, []))
        self._done.parted.sort(key=lambda each: each.time_ns)
        return self._done

    def _order_of(self, trade: ToldTrade) -> BookedOrder | None:
        """The order a trade is of; where a venue uses ids again ours end with a day."""
        if trade.order_id is None:
            known = self._orders_of.get(trade.execution_id, ())
            return self._booked.orders[known[0]] if len(known) == 1 else None
        found = self._booked.orders.get(trade.order_id)
        if found is None and trade.executed_at_ns is not None:
            found = self._booked.orders.get(f"{trade.order_id}.{utc_day(trade.executed_at_ns)}")
        return found

    def _is_whole(self, trade: BookedTrade) -> bool:
        return self._booked.orders[trade.order].as_whole

    def _compare_executions(
        self, key: tuple[str, str], ours: list[BookedTrade], theirs: list[ToldTrade]
    ) -> None:
        """One execution id, mostly one trade; both sides of a trade with oneself share one."""
        instrument, execution_id = key
        if not ours and not theirs:
            return
        left = list(ours)
        paired: list[tuple[BookedTrade | None, ToldTrade | None]] = []
        for trade in theirs:
            match = _best_match(trade, left)
            if match is not None:
                left.remove(match)
            paired.append((match, trade))
        paired += [(each, None) for each in left]
        for number, (here, there) in enumerate(paired):
            name = execution_id if number == 0 else f"{execution_id}#{number + 1}"
            subject = f"{self._location}:{instrument}:{name}"
            if here is not None or there is not None:
                self._done.compared.add(("trade", subject))
                self._compare_one(subject, instrument, here, there, told_twice=bool(number))

    def _compare_one(
        self,
        subject: str,
        instrument: str,
        here: BookedTrade | None,
        there: ToldTrade | None,
        *,
        told_twice: bool,
    ) -> None:
        if here is None and there is not None:
            detail = "told twice" if told_twice else "missing here"
            event = Event(text=f"trade {there.execution_id}")
            found = Found("trade", subject, (), "", told_text(there), str(there.quantity), detail)
            self._add(found, there.executed_at_ns or 0, instrument, event)
        elif here is not None and there is None:
            if not self._span.has(here.executed_at_ns):
                self._done.compared.discard(("trade", subject))
                return
            books = (here.event.book,)
            difference = str(-here.quantity)
            found = Found(
                "trade", subject, books, booked_text(here), "", difference, "missing there"
            )
            self._add(found, here.executed_at_ns, instrument, here.event)
        elif here is not None and there is not None:
            differing = self._differing(here, there)
            if differing:
                moved = there.quantity - here.quantity
                found = Found(
                    "trade",
                    subject,
                    (here.event.book,),
                    booked_text(here),
                    told_text(there),
                    str(moved) if moved else "",
                    f"differs in {', '.join(differing)}",
                )
                self._add(found, here.executed_at_ns, instrument, here.event)

    def _differing(self, here: BookedTrade, there: ToldTrade) -> list[str]:
        differing = []
        if here.quantity != there.quantity:
            is_side = here.quantity == -there.quantity
            differing.append("side" if is_side else "quantity")
        if here.cost is not None and there.cost is not None:
            if abs(here.cost) != abs(there.cost):
                differing.append("cost")
        elif None not in (here.price, there.price) and here.price != there.price:
            differing.append("price")
        if there.fees is not None and self._fees_differ(here.fees, dict(there.fees)):
            differing.append("fee")
        return differing

    def _compare_order(self, order: BookedOrder, told: Known) -> None:
        subject = f"{self._location}:{order.order}"
        if order.is_part or not self._span.has(order.first_executed_at_ns):
            return  # a part of it lies before the statement
        self._done.compared.add(("order", subject))
        quantity = ZERO
        fees: dict[str, Amount] = defaultdict(lambda: ZERO)
        are_fees_told = True
        for _, trade in told:
            quantity += trade.quantity
            are_fees_told = are_fees_told and trade.fees is not None
            for token, amount in trade.fees or ():
                fees[token] += amount
        differing = ["quantity"] if quantity != order.quantity else []
        if told and are_fees_told and self._fees_differ(order.fees, fees):
            differing.append("fee")
        if differing:
            found = Found(
                "order",
                subject,
                (order.last.book,),
                f"{order.quantity}{fees_text(order.fees)}",
                f"{quantity}{fees_text(fees)}" if told else "",
                str(quantity - order.quantity),
                f"differs in {', '.join(differing)}" if told else "missing there",
            )
            self._add(found, order.last_executed_at_ns, order.instrument, order.last)

    def _fees_differ(self, ours: Mapping[str, Amount], theirs: Mapping[str, Amount]) -> bool:
        return any(
            abs(theirs.get(token, ZERO) - ours.get(token, ZERO)) > self._tolerance.get(token, ZERO)
            for token in ours.keys() | theirs.keys()
        )

    def _add(self, found: Found, time_ns: int, instrument: str, event: Event) -> None:
        self._done.found.append(replace(found, first=event))
        self._done.parted.append(Parted(time_ns, instrument, event))


def _best_match(trade: ToldTrade, ours: list[BookedTrade]) -> BookedTrade | None:
    """The booked trade of the same order, else of the same side, else any."""
    if not ours:
        return None
    return max(
        ours,
        key=lambda each: (
            trade.order_id is not None and each.order.startswith(trade.order_id),
            each.quantity.sign == trade.quantity.sign,
        ),
    )
