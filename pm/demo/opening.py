"""What is known before the first trade: money, capital, old positions, failed transactions."""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from pm.demo import desk
from pm.demo.book_event import BookEvent
from pm.demo.ledger import Ledger
from pm.events.model import Allocation, CapitalFlow, Fee, Rejected

_HOUR_NS: Final = 3_600_000_000_000


def opening_events(ledger: Ledger, first_at: int) -> tuple[BookEvent, ...]:
    """Everything an hour before the first trade, at `first_at` (ns), and up to it."""
    opened_at = first_at - _HOUR_NS
    return (
        *(_deposit(ledger, n, given, opened_at) for n, given in enumerate(desk.FUNDING, 1)),
        *(_position(ledger, held, opened_at) for held in desk.OPENING_POSITIONS),
        *(_allocation(ledger, given, opened_at) for given in desk.ALLOCATIONS),
        *(
            _failure(ledger, number, failed, first_at)
            for number, failed in enumerate(desk.FAILED_TRANSACTIONS)
        ),
    )


def _deposit(ledger: Ledger, number: int, given: desk.Funding, opened_at: int) -> BookEvent:
    ledger.fund(given.book, given.location, given.token, Fraction(given.amount))
    flow = CapitalFlow(
        "deposit",
        f"demo-deposit-{number}",
        opened_at + number,
        token=given.token,
        amount=given.amount,
        location=given.location,
    )
    return BookEvent(given.book, flow)


def _position(ledger: Ledger, held: desk.OpeningPosition, opened_at: int) -> BookEvent:
    book, quantity = desk.book_of(held.strategy), Fraction(held.quantity)
    ledger.fund(book, held.location, held.token, quantity)
    ledger.open_position(held.strategy, held.instrument, quantity, Fraction(held.cost))
    flow = CapitalFlow(
        "opening",
        f"demo-opening-{held.instrument}",
        opened_at,
        token=held.token,
        amount=held.quantity,
        strategy_id=held.strategy,
        instrument=held.instrument,
        cost=held.cost,
        location=held.location,
    )
    return BookEvent(book, flow)


def _allocation(ledger: Ledger, given: desk.Allocation, opened_at: int) -> BookEvent:
    ledger.allocate(given.strategy, given.token, Fraction(given.amount))
    event = Allocation(
        f"demo-allocation-{given.strategy}", given.strategy, given.token, given.amount, opened_at
    )
    return BookEvent(desk.book_of(given.strategy), event)


def _failure(
    ledger: Ledger, number: int, failed: desk.FailedTransaction, first_at: int
) -> BookEvent:
    book = desk.book_of(failed.strategy)
    ledger.fund(book, failed.location, failed.gas_token, -Fraction(failed.gas))
    event = Rejected(
        f"demo-failed-{number}",
        f"demo-failed-{number}",
        failed.venue,
        first_at + number,
        strategy_id=failed.strategy,
        instrument=failed.instrument,
        reason="slippage",
        fees=(Fee(failed.gas_token, failed.gas, "gas"),),
    )
    return BookEvent(book, event)
