"""To which books the events of a file go.

An event goes to the book it names, else to its strategy's. What happens to an instrument concerns
whoever holds it, and so goes to every book, under the same id in each; a book that holds none notes
it. A payment with its amount is one account's, and so of the default book, as is all else without a
name. A dividend is paid where it is receivable, a trade corrected where its order is known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import redis

from pm import keys
from pm.events.model import Bust, Correct, Dividend, Event, Exercise, Expiry, Settlement, Split
from pm.settings import BooksSettings

BooksOf = Callable[[str], list[str]]


class Whereabouts(NamedTuple):
    """Finds books: those that expect a dividend by its id, those that know an order by its key."""

    expecting: BooksOf
    knowing: BooksOf


def whereabouts(client: redis.Redis, every: Sequence[str]) -> Whereabouts:
    """Finds among all books, by what they hold."""

    def expecting(dividend_id: str) -> list[str]:
        pending = f"dividend.{dividend_id}"
        return [name for name in every if client.exists(keys.pending(name, pending))]

    def knowing(order: str) -> list[str]:
        return [name for name in every if client.exists(keys.order(name, order))]

    return Whereabouts(expecting, knowing)


def books_of(
    event: Event, books: BooksSettings, every: Sequence[str], where: Whereabouts
) -> Sequence[str]:
    """The books an event goes to; `every` is all there are."""
    if event.book is not None:
        return (event.book,)
    if event.strategy_id is not None:
        return (books.book_of(str(event.strategy_id)),)
    if isinstance(event, Split | Expiry | Settlement | Exercise):
        return every
    if isinstance(event, Dividend):
        return _of_dividend(event, books, every, where)
    if isinstance(event, Bust | Correct):
        return _of_correction(event, books, where)
    return (books.default_book,)


def _of_dividend(
    event: Dividend, books: BooksSettings, every: Sequence[str], where: Whereabouts
) -> Sequence[str]:
    if event.step == "paid":
        found = where.expecting(event.dividend_id)
        if len(found) == 1 or (found and event.amount is None):
            return found
        return (books.default_book,)
    return every if event.amount is None else (books.default_book,)


def _of_correction(
    event: Bust | Correct, books: BooksSettings, where: Whereabouts
) -> Sequence[str]:
    order = f"{event.venue}:{event.order_id}"
    dated = [] if event.order_date is None else where.knowing(f"{order}.{event.order_date}")
    found = dated or where.knowing(order)
    return found if len(found) == 1 else (books.default_book,)


def in_parts(events: Sequence[Event]) -> Iterator[Sequence[Event]]:
    """The events in parts: before a payment, the part with its ex-date must have been applied.

    And before a correction of a trade, the part with its order.
    """
    start, announced = 0, set[str]()
    for place, event in enumerate(events):
        if isinstance(event, Bust | Correct) and event.strategy_id is None:
            yield events[start:place]
            start, announced = place, set()
        if not isinstance(event, Dividend):
            continue
        if event.step == "ex":
            announced.add(event.dividend_id)
        elif event.step == "paid" and event.dividend_id in announced:
            yield events[start:place]
            start, announced = place, set()
    yield events[start:]
