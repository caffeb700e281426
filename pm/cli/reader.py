"""What every reading command starts with: a client over all books, and how unknowns are shown.

A command asks once and ends, so nothing is cached, and it may well take longer than a query of a
service, so slow ones are not worth a line; the time an answer may take is that of the settings.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from pm.books import opening, reference_store
from pm.cli.output import iso
from pm.cli.progress import book_progress
from pm.cli.session import Failure, Options, session
from pm.client import Client, QueryLimits
from pm.connect.client import TIMEOUT_S
from pm.decimals import Amount

if TYPE_CHECKING:
    from pm.client.past_books import PastBooks

_NOTHING_RECEIVED = "before anything was received"
NOT_VALUED = "no mark-to-market pass yet: `pm mark to-market` or `pm worker`"


@contextmanager
def reader(options: Options) -> Iterator[Client]:
    """A client over every book of the server; there may be none yet."""
    with session(options, writes=False) as current:
        limits = replace(QueryLimits.of(current.settings, caching=False), slow_ms=None)
        timeout_s = limits.timeout_s or TIMEOUT_S
        with current.client(role="reader", timeout_s=timeout_s) as server:
            settings = current.settings.books
            names = opening.names(server)
            if not names:
                hint = f"{current.shown} holds no book yet: `pm ingest` or `pm worker` opens one"
                click.echo(f"pm: {hint}", err=True)
            home = settings.default_book
            if names and home not in names:
                home = names[0]
            known = set(names)

            def book_of(strategy: str) -> str:
                wanted = settings.book_of(strategy)
                return wanted if wanted in known else home

            yield Client(
                server,
                book=home,
                books=names,
                book_of=book_of,
                reference=reference_store.load_version(server),
                settings=current.settings,
                limits=limits,
            )


def past(client: Client, at: int, book: str | None) -> PastBooks:
    """The books as they were; the wait is shown where somebody watches."""
    with book_progress() as show:
        return client.as_of(at, book=book, progress=show)


def print_moment(then: PastBooks) -> None:
    """What moment of which books is shown."""
    told = [
        f"book {name} after entry {book.seq}, "
        + (f"received by {iso(book.received_at)}" if book.received_at else _NOTHING_RECEIVED)
        for name, book in then.books.items()
    ]
    click.echo("as it was: " + "; ".join(told))


def books_of(client: Client, book: str | None) -> list[str]:
    """The named book, or every book."""
    return [book] if book is not None else list(client.books())


def book_of_strategy(client: Client, strategy_id: str, book: str | None) -> str:
    """The book a strategy has done anything in, or the named one; Failure where there is none."""
    if book is not None and book not in client.books():
        raise Failure(f"book {book} does not exist")
    for name in books_of(client, book):
        if strategy_id in client.strategies(name):
            return name
    if book is not None:
        raise Failure(f"book {book} knows no strategy {strategy_id}")
    raise Failure(f"no book knows strategy {strategy_id}")


def not_valued(client: Client, strategy_id: str | None, book: str | None) -> str:
    """What to say where the last mark-to-market left nothing about a strategy, a book or all."""
    if strategy_id is not None:
        return f"strategy {strategy_id} has not been valued yet: `pm mark to-market` or `pm worker`"
    if book is None and len(client.books()) > 1:
        return NOT_VALUED.replace("yet", "over all books yet")
    return NOT_VALUED


def known(amount: Amount | None, decimals: int | None = None) -> str:
    """An amount for people, rounded if `decimals` are given; "-" for an unknown one."""
    if amount is None:
        return "-"
    return str(amount if decimals is None else round(amount, decimals))


def percent(ratio: Amount | None) -> str:
    """A fraction of 1 as a percentage; "-" for an unknown one."""
    return "-" if ratio is None else f"{round(ratio * Amount(100), 2)} %"
