"""Finds transfers by id, or what is in flight, in one book or in all there are."""

from __future__ import annotations

from typing import Any, Final

from pm import keys
from pm.books import opening
from pm.books.opening import BookError, BookHead
from pm.client.journal import JournalEntry
from pm.client.posted import CapitalError
from pm.client.submissions import Submissions
from pm.client.transfer_record import TransferRecord, parse_transfer

_PREFIX: Final = "transfer"


class TransferSearch:
    """Reads transfers; ids are in their inside spelling."""

    def __init__(self, submissions: Submissions) -> None:
        self._submissions: Final = submissions

    def record(self, book: str, transfer_id: str) -> TransferRecord | None:
        """What a book knows of a transfer that left it; None if none did."""
        values = self._submissions.hash(keys.pending(book, f"{_PREFIX}.{transfer_id}"))
        return parse_transfer(book, transfer_id, values) if values else None

    def one(self, transfer_id: str, book: str | None) -> TransferRecord:
        """The transfer of an id, in one book or in any; CapitalError if there is none."""
        names = self._books() if book is None else (book,)
        found = [record for name in names if (record := self.record(name, transfer_id))]
        if not found:
            where = "no book knows a" if book is None else f"book {book} knows no"
            raise CapitalError(f"{where} transfer {transfer_id}")
        if len(found) > 1:
            books = ", ".join(record.book for record in found)
            raise CapitalError(f"several books know a transfer {transfer_id}: {books}")
        return found[0]

    def in_flight(self, book: str | None) -> tuple[TransferRecord, ...]:
        """What was sent and has neither arrived nor failed, the longest under way first."""
        found = []
        for name in self._books() if book is None else (book,):
            with self._submissions.in_one_line():
                members: Any = self._submissions.server.zrange(keys.pendings(name), 0, -1)
            for member in members:
                kind, _, transfer_id = member.decode().partition(".")
                record = self.record(name, transfer_id) if kind == _PREFIX else None
                if record is not None and record.status == "in_flight":
                    found.append(record)
        return tuple(sorted(found, key=lambda record: (record.sent_at, record.transfer_id)))

    def arrival(self, book: str, transfer_id: str) -> JournalEntry | None:
        """The entry with which a transfer arrived in this book; None if it has not."""
        dedupe_id = f"{_PREFIX}/{transfer_id}/arrived"
        generation = self.head(book).generation
        names = [keys.seen(book, max(0, generation - back)) for back in (0, 1)]
        names.append(keys.seen_future(book))
        server = self._submissions.server
        with self._submissions.in_one_line():
            if not any(server.sismember(name, dedupe_id) for name in names):
                return None
        return self._submissions.counted(book, dedupe_id, self.head(book).seq, None)

    def head(self, book: str) -> BookHead:
        """Where a book stands; BookError if there is none of that name."""
        with self._submissions.in_one_line():
            head = opening.head(self._submissions.server, book)
        if head is None:
            raise BookError(f"book {book} does not exist")
        return head

    def held(self, book: str, strategy: str, instrument: str) -> str:
        """The quantity of a position, "0" where there is none."""
        position = self._submissions.hash(keys.position(book, strategy, instrument))
        return position.get("quantity", "0")

    def _books(self) -> list[str]:
        with self._submissions.in_one_line():
            return opening.names(self._submissions.server)
