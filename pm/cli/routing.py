"""To which books the events of a file go.

An event goes to the book it names, else to its strategy's. What happens to an instrument concerns
whoever holds it, and so goes to every book, under the same id in each; a book that holds none notes
it. A payment with its amount is one account's, and so of the default book, as is all else without a
name. A dividend is paid where it is receivable.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from pm.events.model import Dividend, Event, Exercise, Expiry, Settlement, Split
from pm.settings import BooksSettings

BooksOfDividend = Callable[[str], list[str]]


def books_of(
    event: Event, books: BooksSettings, every: Sequence[str], expecting: BooksOfDividend
) -> Sequence[str]:
    """The books an event goes to: `every` is all there are, `expecting` finds a dividend's."""
    if event.book is not None:
        return (event.book,)
    if event.strategy_id is not None:
        return (books.book_of(str(event.strategy_id)),)
    if isinstance(event, Split | Expiry | Settlement | Exercise):
        return every
    if isinstance(event, Dividend):
        return _of_dividend(event, books, every, expecting)
    return (books.default_book,)


def _of_dividend(
    event: Dividend, books: BooksSettings, every: Sequence[str], expecting: BooksOfDividend
) -> Sequence[str]:
    if event.step == "paid":
        found = expecting(event.dividend_id)
        if len(found) == 1 or (found and event.amount is None):
            return found
        return (books.default_book,)
    return every if event.amount is None else (books.default_book,)


def in_parts(events: Sequence[Event]) -> Iterator[Sequence[Event]]:
    """The events in parts: before a payment, the part with its ex-date must have been applied."""
    start, announced = 0, set[str]()
    for place, event in enumerate(events):
        if not isinstance(event, Dividend):
            continue
        if event.step == "ex":
            announced.add(event.dividend_id)
        elif event.step == "paid" and event.dividend_id in announced:
            yield events[start:place]
            start, announced = place, set()
    yield events[start:]
