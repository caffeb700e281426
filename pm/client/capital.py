"""Capital of orders and strategies: what a risk manager and a treasury write into the books.

    with Capital.open("redis://books") as capital:
        capital.reserve("O1", "binance", "USDT", "200", strategy=7)

Every call waits until the books have decided; CapitalError says why they did not do it. An event
counts once by its id, so a call whose reply got lost is made again inside, and the caller may make
it again under the same id. A reservation has an id of its own accord; other calls make a random one
unless they are given one. Threads may share a client; asyncio code calls it by `asyncio.to_thread`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import redis

from pm import keys
from pm.client.amounts import parse_amount, read_amounts
from pm.client.correcting import TradeCorrections
from pm.client.journal import JournalEntry
from pm.client.past import Past
from pm.client.posted import (
    CapitalError,
    InsufficientBalance,
    Posted,
    Released,
    Reserved,
    Unanswered,
)
from pm.client.reserving import UNNAMED, reserve
from pm.client.submissions import Submissions, event_of
from pm.client.transfers import Transfers
from pm.client.updates import BalanceChange
from pm.connect import connect
from pm.connect.client import TIMEOUT_S
from pm.decimals import ZERO, Amount
from pm.events.model import Allocation, CapitalFlow, Release, Reservation
from pm.history import Archive
from pm.reference.snapshot import Reference
from pm.reference.text_ids import escape_id
from pm.settings import Settings

__all__ = [
    "AmountLike",
    "Capital",
    "CapitalError",
    "InsufficientBalance",
    "Posted",
    "Released",
    "Reserved",
    "Unanswered",
]

AmountLike = Amount | str | int
Id = str | int


class Capital:
    """Reservations, deposits, withdrawals, allocations; `transfers` moves what is there.

    `corrections` changes what was told wrongly.
    """

    def __init__(
        self,
        server: redis.Redis,
        settings: Settings | None = None,
        *,
        book: str | None = None,
        book_of: Callable[[str], str] | None = None,
        reference: Reference | None = None,
        archive: Archive | None = None,
    ) -> None:
        """`server` must not decode. Settings name the books unless `book` (home) and `book_of` do,
        and the archive unless it is given.

        Without `reference` the server's newest is used.
        """
        told = settings or Settings()
        if book_of is None and settings is not None:
            book_of = settings.books.book_of
        self._submissions: Final = Submissions(
            server,
            book=book or told.books.default_book,
            book_of=book_of,
            reference=reference,
            quarantine_max=told.portfolio_manager.quarantine_max_entries,
            sharded_updates=told.redis.sharded_updates,
            past=Past(settings, archive),
        )
        self.transfers: Final = Transfers(self._submissions)
        self.corrections: Final = TradeCorrections(self._submissions)

    @classmethod
    def open(
        cls,
        target: str,
        settings: Settings | None = None,
        *,
        timeout_s: float = TIMEOUT_S,
        **options: Any,
    ) -> Capital:
        """A client of the server at `target` (a URL or the path of a socket)."""
        server = connect(target, role="capital", decode=False, timeout_s=timeout_s)
        return cls(server, settings, **options)

    def close(self) -> None:
        """Close the connections."""
        self._submissions.server.close()

    def __enter__(self) -> Capital:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def reserve(
        self,
        order_id: Id,
        venue: str,
        token: str,
        amount: AmountLike,
        *,
        location: str | None = None,
        account: str | None = None,
        strategy: Id | None = None,
        quantity: AmountLike | None = None,
        event_id: str | None = None,
        book: str | None = None,
    ) -> Reserved:
        """Hold back an amount for an order; InsufficientBalance if less is available.

        With the order's `quantity` it shrinks as the order fills. Made again without `event_id`,
        the call finds what it reserved the first time; an `event_id` of its own adds to it.
        """
        values = {
            "order_id": order_id,
            "venue": venue,
            "token": token,
            "amount": amount,
            "quantity": quantity,
            "strategy_id": strategy,
            "location": location,
            "account": account,
        }
        event = event_of(Reservation, "reserve", values, event_id or UNNAMED)
        return reserve(self._submissions, event, book)

    def release(
        self,
        order_id: Id,
        venue: str,
        token: str,
        amount: AmountLike | None = None,
        *,
        location: str | None = None,
        account: str | None = None,
        strategy: Id | None = None,
        event_id: str | None = None,
        book: str | None = None,
    ) -> Released:
        """Give back what an order has reserved: this much of it, or all; never more than is left.

        `strategy` does nothing but name the book.
        """
        values = {
            "order_id": order_id,
            "venue": venue,
            "token": token,
            "amount": amount,
            "strategy_id": strategy,
            "location": location,
            "account": account,
        }
        event = event_of(Release, "release", values, event_id)
        posted = self._submissions.post(event, book)
        entry = None if posted.result == "noted" else self.entry(posted)
        return Released(**posted.fields(), amount=_given_back(entry))

    def deposit(
        self,
        amount: AmountLike,
        token: str,
        *,
        venue: str | None = None,
        location: str | None = None,
        account: str | None = None,
        strategy: Id | None = None,
        instrument: str | None = None,
        quantity: AmountLike | None = None,
        cost: AmountLike | None = None,
        event_id: str | None = None,
        book: str | None = None,
    ) -> Posted:
        """Money that came from outside; with strategy, instrument and cost a position as well.

        `quantity` is the position's where it is not the amount.
        """
        values = {
            **_flow_values(amount, token, venue, location, account, strategy, instrument),
            "quantity": quantity,
            "cost": cost,
        }
        event = event_of(CapitalFlow, "deposit", values, event_id)
        if parse_amount(event.amount or "0").sign <= 0:
            raise CapitalError(f"deposit: amount: must be more than 0, not {event.amount}")
        if event.quantity is None:
            self._submissions.check_token(event.instrument, event.token or "")
        return self._submissions.post(event, book)

    def withdraw(
        self,
        amount: AmountLike,
        token: str,
        *,
        venue: str | None = None,
        location: str | None = None,
        account: str | None = None,
        strategy: Id | None = None,
        instrument: str | None = None,
        event_id: str | None = None,
        book: str | None = None,
    ) -> Posted:
        """Money that left; with strategy and instrument out of a position, at its average cost."""
        values = _flow_values(amount, token, venue, location, account, strategy, instrument)
        event = event_of(CapitalFlow, "withdrawal", values, event_id)
        self._submissions.check_token(event.instrument, event.token or "")
        return self._submissions.post(event, book)

    def allocate(
        self,
        strategy: Id,
        amount: AmountLike,
        token: str,
        *,
        event_id: str | None = None,
        book: str | None = None,
    ) -> Posted:
        """Give a strategy capital to work with; a negative amount takes it back."""
        values = {"strategy_id": strategy, "amount": amount, "token": token}
        return self._submissions.post(event_of(Allocation, "allocation", values, event_id), book)

    def allocated(self, strategy: Id, token: str, *, book: str | None = None) -> Amount:
        """How much capital of a token a strategy has been given so far."""
        name = self._submissions.book(book, int(strategy))
        totals = self._submissions.hash(keys.strategy(name, str(strategy)))
        return read_amounts(totals.get("allocated")).get(escape_id(token), ZERO)

    def entry(self, posted: Posted) -> JournalEntry | None:
        """The journal entry in which an event counted, which may be an earlier one.

        None if it lies more than 10,000 entries back.
        """
        return self._submissions.counted(posted.book, posted.dedupe_id, posted.seq)


def _flow_values(
    amount: AmountLike,
    token: str,
    venue: str | None,
    location: str | None,
    account: str | None,
    strategy: Id | None,
    instrument: str | None,
) -> dict[str, Any]:
    return {
        "amount": amount,
        "token": token,
        "venue": venue,
        "location": location,
        "account": account,
        "strategy_id": strategy,
        "instrument": instrument,
    }


def _given_back(entry: JournalEntry | None) -> Amount:
    """What a release gave back, by the change of the balance in its entry."""
    for change in entry.changes if entry is not None else ():
        if isinstance(change, BalanceChange) and change.old_balance is not None:
            return change.old_balance.reserved - change.new_balance.reserved
    return ZERO
