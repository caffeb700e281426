"""The far end of a transfer between books: checked before anything leaves, then arrived once.

The other book keeps no record of the transfer, only the entry it arrived with. Under an id that the
other book has used itself nothing could arrive, so such an id is refused at the start.
"""

from __future__ import annotations

from typing import Final

from pm.client.amounts import parse_amount
from pm.client.journal import JournalEntry
from pm.client.posted import CapitalError, Posted
from pm.client.submissions import Submissions
from pm.client.transfer_record import TransferRecord, told
from pm.client.transfer_search import TransferSearch
from pm.events.model import Transfer
from pm.reference.text_ids import unescape_id
from pm.rules.legs import share


class OtherBook:
    """Lets transfers arrive in the book they were sent to."""

    def __init__(self, submissions: Submissions, search: TransferSearch) -> None:
        self._submissions: Final = submissions
        self._search: Final = search

    def check(self, book: str, event: Transfer) -> None:
        """CapitalError where what `book` is to send could not arrive."""
        there = event.to_book or ""
        if there == book:
            raise CapitalError(f"transfer: {book} is the book it comes from")
        self._search.head(there)
        known = self._search.arrival(there, event.transfer_id)
        if known is not None or self._search.record(there, event.transfer_id) is not None:
            told_id = unescape_id(event.transfer_id)
            raise CapitalError(f"book {there} has a transfer {told_id} of its own")
        if event.instrument is None or event.amount is None:
            return
        held = parse_amount(self._search.held(book, str(event.strategy_id), event.instrument))
        if (held - parse_amount(event.amount)).sign < 0:
            raise CapitalError(
                f"transfer: strategy {event.strategy_id} holds {held} of"
                f" {unescape_id(event.instrument)} in book {book}, not {event.amount}"
            )

    def arrive(self, record: TransferRecord, event: Transfer) -> Posted:
        """Put what arrived into the other book, at its share of what it had cost."""
        there = event._replace(
            instrument=None, strategy_id=None, from_book=record.book, to_book=None
        )
        if record.quantity:
            there = there._replace(strategy_id=event.strategy_id, cost=_carried(record, event))
        else:
            there = there._replace(to_instrument=None, rate=None)
        posted = self._submissions.post(there, record.to_book)
        if posted.already:
            self._check_known(record, event)
        return posted

    def has_arrived(self, record: TransferRecord) -> bool:
        """Whether the other book has taken the transfer."""
        return self._arrival(record) is not None

    def _check_known(self, record: TransferRecord, event: Transfer) -> None:
        """CapitalError unless what arrived there before is what is told now."""
        entry = self._arrival(record)
        if entry is None:
            raise CapitalError(
                f"book {record.to_book} has used the id of {told(record)}: let it fail"
            )
        arrived, place = entry.facts["arrived"], entry.facts["to_location"]
        if (arrived, place) != (event.arrived, event.to_location):
            raise CapitalError(
                f"{told(record)}; in book {record.to_book} it has arrived as {arrived} at"
                f" {unescape_id(place)}"
            )

    def _arrival(self, record: TransferRecord) -> JournalEntry | None:
        entry = self._search.arrival(record.to_book, record.transfer_id)
        is_it = entry is not None and entry.facts.get("from_book") == record.book
        return entry if is_it else None


def _carried(record: TransferRecord, event: Transfer) -> str:
    """The cost that arrives: what was sent had it all, less the share of what got lost."""
    if record.quantity != record.amount:
        raise CapitalError(
            f"{told(record)}; only {record.quantity} of it has a cost, and another book cannot"
            " take a part with cost: let it fail"
        )
    lost = record.amount - parse_amount(event.arrived or "0")
    return str(record.cost - share(record.cost, lost, record.amount))
