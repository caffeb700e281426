"""Moving tokens, and the positions in them, between places, instruments and books.

`whole` moves at once; `send`, then `arrive` or `fail`, leave the amount in flight meanwhile. To
another book it goes in three events, each under an id that makes it count once: sent here, arrived
there with the cost it carries, arrived told here. Cut off between them, the amount is in flight;
the same call made again finishes it. A call that says something else than what is there already is
an error and changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pm.client.amounts import parse_amount
from pm.client.other_book import OtherBook
from pm.client.posted import CapitalError, Posted
from pm.client.submissions import Submissions, event_of
from pm.client.transfer_record import (
    TransferRecord,
    check_amounts,
    check_arrival,
    check_same,
    told,
)
from pm.client.transfer_search import TransferSearch
from pm.crash_points import crash_point
from pm.decimals import Amount
from pm.events.model import Transfer
from pm.reference.text_ids import escape_id, unescape_id

AmountLike = Amount | str | int
Id = str | int


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """The events a call wrote, in their order, and the transfer as it stands now."""

    steps: tuple[Posted, ...]
    transfer: TransferRecord


class Transfers:
    """Transfers of the books of one server. Places are locations: a venue, an account, a chain."""

    def __init__(self, submissions: Submissions) -> None:
        self._submissions: Final = submissions
        self._search: Final = TransferSearch(submissions)
        self._other_book: Final = OtherBook(submissions, self._search)

    def whole(
        self,
        amount: AmountLike,
        token: str,
        from_location: str,
        to_location: str,
        *,
        arrived: AmountLike | None = None,
        to_token: str | None = None,
        strategy: Id | None = None,
        instrument: str | None = None,
        to_instrument: str | None = None,
        rate: AmountLike | None = None,
        to_book: str | None = None,
        transfer_id: str | None = None,
        book: str | None = None,
    ) -> Moved:
        """Move an amount at once, of which `arrived` (default: all) gets there.

        With strategy and instrument the position moves along and becomes `to_instrument` (default:
        the same one). `rate` turns its cost into the other settlement token.
        """
        values = {
            "step": "whole",
            "amount": amount,
            "arrived": amount if arrived is None else arrived,
            "token": token,
            "from_location": from_location,
            "to_location": to_location,
            "to_token": to_token,
            "strategy_id": strategy,
            "instrument": instrument,
            "to_instrument": to_instrument or instrument,
            "rate": rate,
        }
        event = event_of(Transfer, "transfer", values, transfer_id)
        _check_places(event, to_book)
        check_amounts(parse_amount(event.amount or "0"), parse_amount(event.arrived or "0"))
        self._check_position(event, event.instrument)
        if to_book is not None:
            return self._to_book(event, {**values, "to_book": to_book, "book": book})
        place = self._submissions.book(book, event.strategy_id)
        known = self._search.record(place, event.transfer_id)
        if known is not None:
            check_same(known, event)
            check_arrival(known, event)
        return self._done(self._submissions.post(event, place))

    def send(
        self,
        amount: AmountLike,
        token: str,
        from_location: str,
        to_location: str | None = None,
        *,
        strategy: Id | None = None,
        instrument: str | None = None,
        to_book: str | None = None,
        transfer_id: str | None = None,
        book: str | None = None,
    ) -> Moved:
        """Take an amount out of a place, and out of a position if one is named: it is in flight."""
        values = {
            "step": "sent",
            "amount": amount,
            "token": token,
            "from_location": from_location,
            "to_location": to_location,
            "strategy_id": strategy,
            "instrument": instrument,
            "to_book": to_book,
        }
        event = event_of(Transfer, "transfer", values, transfer_id)
        self._submissions.check_token(event.instrument, event.token)
        place = self._submissions.book(book, event.strategy_id)
        known = self._search.record(place, event.transfer_id)
        if known is not None:
            check_same(known, event)
        elif event.to_book is not None:
            self._other_book.check(place, event)
        return self._done(self._submissions.post(event, place))

    def arrive(
        self,
        transfer_id: str,
        arrived: AmountLike | None = None,
        to_location: str | None = None,
        *,
        to_token: str | None = None,
        to_instrument: str | None = None,
        rate: AmountLike | None = None,
        book: str | None = None,
    ) -> Moved:
        """What was sent has arrived: all or `arrived` of it, where it was sent or elsewhere.

        The transfer is looked for in every book unless one is named.
        """
        record = self.find(transfer_id, book)
        place = to_location or unescape_id(record.to_location)
        if not place:
            raise CapitalError(f"{told(record)}: say where it arrived")
        values = {
            **_next_step(record, "arrived"),
            "arrived": arrived or record.arrived or record.amount,
            "to_location": place,
            "to_token": to_token,
            "to_instrument": to_instrument,
            "rate": rate,
        }
        if record.quantity:
            values["to_instrument"] = to_instrument or unescape_id(record.instrument_id)
        event = event_of(Transfer, "transfer", values, transfer_id)
        check_arrival(record, event)
        if record.quantity:
            self._check_position(event, event.instrument)
        if not record.to_book:
            return self._done(self._submissions.post(event, record.book))
        there = self._other_book.arrive(record, event)
        crash_point("transfer_after_arrived")
        values = {**_next_step(record, "arrived"), "arrived": event.arrived}
        values["to_book"] = unescape_id(record.to_book)
        here = event_of(Transfer, "transfer", values, transfer_id)
        return self._done(there, self._submissions.post(here, record.book))

    def fail(self, transfer_id: str, *, book: str | None = None) -> Moved:
        """What was sent is back where it came from, at the cost it had."""
        record = self.find(transfer_id, book)
        if record.status == "arrived":
            raise CapitalError(told(record))
        if record.to_book and self._other_book.has_arrived(record):
            raise CapitalError(f"{told(record)}, but it has arrived in book {record.to_book}")
        event = event_of(Transfer, "transfer", _next_step(record, "failed"), transfer_id)
        return self._done(self._submissions.post(event, record.book))

    def find(self, transfer_id: str, book: str | None = None) -> TransferRecord:
        """A transfer by its id, in one book or in any; CapitalError if there is none."""
        try:
            return self._search.one(escape_id(transfer_id), book)
        except ValueError as error:
            raise CapitalError(f"transfer_id: {error}") from None

    def in_flight(self, book: str | None = None) -> tuple[TransferRecord, ...]:
        """What was sent and has neither arrived nor failed, the longest under way first."""
        return self._search.in_flight(book)

    def _to_book(self, event: Transfer, values: Mapping[str, Any]) -> Moved:
        """The way to another book, from wherever an earlier call has left it."""
        sent = self.send(
            values["amount"],
            values["token"],
            values["from_location"],
            values["to_location"],
            strategy=values["strategy_id"],
            instrument=values["instrument"],
            to_book=values["to_book"],
            transfer_id=unescape_id(event.transfer_id),
            book=values["book"],
        )
        crash_point("transfer_after_sent")
        done = self.arrive(
            unescape_id(event.transfer_id),
            event.arrived,
            values["to_location"],
            to_token=values["to_token"],
            to_instrument=values["to_instrument"],
            rate=values["rate"],
            book=sent.transfer.book,
        )
        return Moved(steps=(*sent.steps, *done.steps), transfer=done.transfer)

    def _check_position(self, event: Transfer, instrument: str | None) -> None:
        """CapitalError where a position cannot become what it is to be."""
        if instrument is None or event.to_instrument is None:
            return
        self._submissions.check_token(instrument, event.token)
        self._submissions.check_token(event.to_instrument, event.to_token or event.token)
        before = self._submissions.instrument(instrument).settlement
        after = self._submissions.instrument(event.to_instrument).settlement
        if before != after and event.rate is None:
            raise CapitalError(
                f"transfer: a position settled in {before} becomes one in {after}:"
                " a rate is missing"
            )

    def _done(self, *steps: Posted) -> Moved:
        last = steps[-1]
        inside = last.dedupe_id.split("/")[1]
        return Moved(steps=steps, transfer=self._search.one(inside, last.book))


def _next_step(record: TransferRecord, step: str) -> dict[str, Any]:
    """What a later step repeats of a transfer."""
    return {
        "step": step,
        "token": unescape_id(record.token),
        "strategy_id": record.strategy_id or None,
        "instrument": unescape_id(record.instrument_id) or None,
    }


def _check_places(event: Transfer, to_book: str | None) -> None:
    """CapitalError for a transfer that would lead nowhere."""
    moves = (
        event.from_location != event.to_location
        or event.to_token not in (None, event.token)
        or event.to_instrument != event.instrument
        or to_book is not None
    )
    if not moves:
        place = unescape_id(event.from_location or "")
        raise CapitalError(f"transfer: from and to are the same, {place}")
