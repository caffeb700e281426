"""Correcting what the books had been told: trades busted or corrected, balances adjusted.

    with Capital.open("redis://books") as capital:
        capital.corrections.bust("binance/O1/T1", by="anna", why="erroneous trade")

An execution is named as the books know it, `venue/order/execution`, or by its execution id alone
where there is only one of it. What a correction changes is derived and booked at once; where its
trade is not booked yet, the correction waits for it.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from pm import keys
from pm.books import opening
from pm.client.named_break import NamedBreak
from pm.client.past import Past
from pm.client.posted import CapitalError, Posted
from pm.client.submissions import Submissions, event_of
from pm.corrections.listing import CorrectionRecord, records
from pm.corrections.making import Corrections as Making
from pm.corrections.making import Made
from pm.crash_points import crash_point
from pm.decimals import Amount
from pm.events.model import Adjustment, Bust, Correct
from pm.history import History, HistoryGap
from pm.reference.text_ids import escape_id, unescape_id

AmountLike = Amount | str | int
Id = str | int
Fees = Sequence[tuple[str, AmountLike]]

_DATED_ORDER: Final = re.compile(r"(.+)\.([0-9]{4}-[0-9]{2}-[0-9]{2})", re.ASCII)
_MOVING: Final = "the position moved each time it was derived: it is tried again by `pm worker`"


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrected(Posted):
    """A correction the books have taken; `status` says what has become of it.

    With `restated`, `restatement` is the entry that changed position, balances and order.
    """

    execution: str
    status: Literal["restated", "failed", "waiting", "moving", "ended"]
    restatement: Posted | None
    detail: str


class TradeCorrections:
    """Corrections of trades in the books of one server, and adjustments."""

    def __init__(self, submissions: Submissions, past: Past) -> None:
        self._submissions: Final = submissions
        self._past: Final = past

    @property
    def _history(self) -> History:
        return History(self._submissions.server, self._past.archive)

    def bust(
        self,
        execution: str,
        *,
        by: str,
        why: str,
        keep_fees: bool = False,
        event_id: str | None = None,
        book: str | None = None,
    ) -> Corrected:
        """An execution did not happen; its fees come back unless they are kept."""
        values = {**self._named(execution, book), "by": by, "why": why, "keep_fees": keep_fees}
        event = event_of(Bust, "bust", values, event_id)
        return self._made(event, book)

    def correct(
        self,
        execution: str,
        *,
        by: str,
        why: str,
        quantity: AmountLike | None = None,
        price: AmountLike | None = None,
        quote_amount: AmountLike | None = None,
        fees: Fees | None = None,
        event_id: str | None = None,
        book: str | None = None,
    ) -> Corrected:
        """An execution happened on other terms; what is not said stays. Quantities are signed."""
        values = {
            **self._named(execution, book),
            "by": by,
            "why": why,
            "quantity": quantity,
            "price": price,
            "quote_amount": quote_amount,
            "fees": None
            if fees is None
            else [{"token": token, "amount": str(amount)} for token, amount in fees],
        }
        event = event_of(Correct, "correct", values, event_id)
        return self._made(event, book)

    def adjust(
        self,
        *,
        by: str,
        why: str,
        token: str | None = None,
        amount: AmountLike | None = None,
        venue: str | None = None,
        location: str | None = None,
        account: str | None = None,
        chain_id: int | None = None,
        strategy: Id | None = None,
        instrument: str | None = None,
        quantity: AmountLike | None = None,
        cost: AmountLike | None = None,
        break_id: str | None = None,
        event_id: str | None = None,
        book: str | None = None,
    ) -> Posted:
        """Make a balance, a position or both what they are outside, by signed differences.

        `break_id`, or the beginning of one, names the break that ends by it; CapitalError unless it
        is open or explained.
        """
        ended = None if break_id is None else self._break_named(break_id)
        values = {
            "by": by,
            "why": why,
            "token": token,
            "amount": amount,
            "venue": venue,
            "location": location,
            "account": account,
            "chain_id": chain_id,
            "strategy_id": strategy,
            "instrument": instrument,
            "quantity": quantity,
            "cost": cost,
            "break_id": None if ended is None else ended.id,
        }
        event = event_of(Adjustment, "adjustment", values, event_id)
        place = self._submissions.book(book, event.strategy_id)
        if ended is not None:
            ended.check_unresolved(event, place)
        posted = self._submissions.post(event, place)
        crash_point("adjustment_submitted")
        if ended is not None:
            ended.end(event, posted)
        return posted

    def records(self, book: str | None = None) -> tuple[CorrectionRecord, ...]:
        """What was asked and what has become of it, in one book or in all."""
        with self._submissions.in_one_line():
            return tuple(
                record
                for name in self._books(book)
                for record in records(self._submissions.server, self._history, name)
            )

    def _break_named(self, break_id: str) -> NamedBreak:
        with self._submissions.in_one_line():
            return NamedBreak.found(self._submissions, self._books(None), break_id)

    def _made(self, event: Bust | Correct, book: str | None) -> Corrected:
        place = book or self._book_of(event)
        posted = self._submissions.post(event, place)
        server = self._submissions.server
        making = Making(server, self._submissions.submitter, self._history, time.time_ns)
        try:
            with self._submissions.in_one_line():
                made = making.make(place, event.event_id)
        except HistoryGap as error:
            raise CapitalError(str(error)) from None
        detail = _MOVING if made.status == "moving" else made.detail
        return Corrected(
            **posted.fields(),
            execution=_name(event),
            status=made.status,
            restatement=_restatement(posted, event.event_id, made),
            detail=detail,
        )

    def _named(self, execution: str, book: str | None) -> dict[str, Any]:
        """The keys that name an execution in an event."""
        parts = execution.split("/")
        if len(parts) == 1:
            parts = self._found(execution, book).split("/")
            parts = [unescape_id(part) for part in parts]
        if len(parts) != 3 or not all(parts):
            raise CapitalError(
                f"{execution} names no execution: write VENUE/ORDER/EXECUTION, or its id alone"
            )
        venue, order_id, execution_id = parts
        dated = _DATED_ORDER.fullmatch(order_id)
        named: dict[str, Any] = {"venue": venue, "execution_id": execution_id}
        if dated is None:
            return {**named, "order_id": order_id}
        return {**named, "order_id": dated.group(1), "order_date": dated.group(2)}

    def _found(self, execution_id: str, book: str | None) -> str:
        """The only execution of that id; CapitalError where there is none, or several."""
        try:
            ending = f"/{escape_id(execution_id)}"
        except ValueError as error:
            raise CapitalError(f"the execution id {error}") from None
        found: dict[str, None] = {}
        try:
            with self._submissions.in_one_line():
                for name in self._books(book):
                    for entry in self._history.read(name):
                        if entry["event"] == "fill" and f'{ending}"' in entry["facts"]:
                            told = json.loads(entry["facts"])["id"]
                            found |= {told: None} if told.endswith(ending) else {}
        except HistoryGap as error:
            raise CapitalError(str(error)) from None
        if not found:
            raise CapitalError(
                f"no book knows an execution {execution_id}: to correct it before it comes, write"
                " VENUE/ORDER/EXECUTION"
            )
        if len(found) > 1:
            raise CapitalError(f"several executions are called {execution_id}: {', '.join(found)}")
        return next(iter(found))

    def _book_of(self, event: Bust | Correct) -> str:
        """The book that knows the order of an execution, the home book where none does."""
        order = f"{event.venue}:{event.order_id}"
        if event.order_date is not None:
            order = f"{order}.{event.order_date}"
        with self._submissions.in_one_line():
            server = self._submissions.server
            found = [name for name in self._books(None) if server.exists(keys.order(name, order))]
        if len(found) > 1:
            raise CapitalError(f"several books know order {unescape_id(order)}: name one")
        return found[0] if found else self._submissions.book(None, None)

    def _books(self, book: str | None) -> Sequence[str]:
        return opening.names(self._submissions.server) if book is None else (book,)


def _restatement(posted: Posted, correction: str, made: Made) -> Posted | None:
    if made.status != "restated":
        return None
    return Posted(
        book=posted.book,
        seq=made.seq,
        result="applied",
        reason="",
        dedupe_id=f"correction/{correction}/restated",
    )


def _name(event: Bust | Correct) -> str:
    parts: Mapping[str, Any] = event._asdict()
    return "/".join(unescape_id(parts[name]) for name in ("venue", "order_id", "execution_id"))
