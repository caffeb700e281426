"""What happens to an order: its executions, what became of it, and what is held back for it."""

from __future__ import annotations

from typing import Literal, NamedTuple

from pm.events.parts import Fee, Result, Side, Trace


class Fill(NamedTuple):
    """One execution of an order. `quote_amount`, if given, is the exact notional."""

    execution_id: str
    order_id: str
    venue: str
    strategy_id: int
    instrument: str
    quantity: str
    price: str
    executed_at: int
    fees: tuple[Fee, ...] = ()
    quote_amount: str | None = None
    decided_at: int | None = None
    trace: Trace | None = None
    account: str | None = None
    chain_id: int | None = None
    order_date: str | None = None
    book: str | None = None

    @property
    def kind(self) -> Literal["fill"]:
        """The word for this kind of event."""
        return "fill"


class ExecutionResult(NamedTuple):
    """What became of an order so far: quantity and fees are cumulative, the price an average.

    Fees None are not stated; an empty tuple states that there are none.
    """

    event_id: str
    order_id: str
    venue: str
    strategy_id: int
    instrument: str
    quantity: str
    price: str | None
    result: Result
    executed_at: int
    fees: tuple[Fee, ...] | None = None
    quote_amount: str | None = None
    decided_at: int | None = None
    trace: Trace | None = None
    account: str | None = None
    chain_id: int | None = None
    order_date: str | None = None
    book: str | None = None

    @property
    def kind(self) -> Literal["execution_result"]:
        """The word for this kind of event."""
        return "execution_result"


class Rejected(NamedTuple):
    """An order that the venue or the chain refused; its fees are what the attempt cost."""

    event_id: str
    order_id: str
    venue: str
    executed_at: int
    strategy_id: int | None = None
    instrument: str | None = None
    side: Side | None = None
    reason: str | None = None
    fees: tuple[Fee, ...] = ()
    trace: Trace | None = None
    account: str | None = None
    chain_id: int | None = None
    order_date: str | None = None
    book: str | None = None

    @property
    def kind(self) -> Literal["rejected"]:
        """The word for this kind of event."""
        return "rejected"


class OrderStatus(NamedTuple):
    """A change of an order's status that says nothing of executions."""

    event_id: str
    order_id: str
    venue: str
    status: str
    executed_at: int
    strategy_id: int | None = None
    instrument: str | None = None
    side: Side | None = None
    fees: tuple[Fee, ...] = ()
    trace: Trace | None = None
    account: str | None = None
    chain_id: int | None = None
    order_date: str | None = None
    book: str | None = None

    @property
    def kind(self) -> Literal["order_status"]:
        """The word for this kind of event."""
        return "order_status"


class Reservation(NamedTuple):
    """A part of a balance held back for an order.

    With `quantity`, the order's own, it shrinks as the order fills; without it, by what is spent.
    """

    event_id: str
    order_id: str
    venue: str
    token: str
    amount: str
    executed_at: int
    quantity: str | None = None
    strategy_id: int | None = None
    location: str | None = None
    account: str | None = None
    chain_id: int | None = None
    order_date: str | None = None
    book: str | None = None

    @property
    def kind(self) -> Literal["reserve"]:
        """The word for this kind of event."""
        return "reserve"


class Release(NamedTuple):
    """What an order has reserved is free again: this much of it, all without an amount.

    `strategy_id` does nothing but name the book.
    """

    event_id: str
    order_id: str
    venue: str
    token: str
    executed_at: int
    amount: str | None = None
    strategy_id: int | None = None
    location: str | None = None
    account: str | None = None
    chain_id: int | None = None
    order_date: str | None = None
    book: str | None = None

    @property
    def kind(self) -> Literal["release"]:
        """The word for this kind of event."""
        return "release"
