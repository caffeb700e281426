"""What the valuation process does for a book beside valuing it, as its journal calls for it.

Fees get their value, splits change what older marks say, archived traces are deleted. How far the
journal is done with is kept in the book's valuation hash, so that whoever takes over goes on there;
everything may be done twice without harm.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any, Final

import redis

from pm import keys
from pm.books.submitting import Submitter
from pm.events.facts import Direct, Facts
from pm.events.model import FeeValue
from pm.marks import store
from pm.valuation.fees import PastRates
from pm.valuation.journal_watch import JournalWatch, UnvaluedFee
from workers.trace_expiry import delete_archived

log = logging.getLogger("pm.valuation")

FEES_SEEN: Final = "fees_seen"


@dataclass(slots=True)
class Upkeep:
    """Does what one book's watch has found. `client` decodes."""

    client: redis.Redis
    submitter: Submitter
    watch: JournalWatch
    _stored: int

    @classmethod
    def resumed(cls, client: redis.Redis, submitter: Submitter, book: str) -> Upkeep:
        """Where the book's journal was last done with."""
        found: Any = client.hget(keys.valuation(book), FEES_SEEN)
        seq = int(found or 0)
        return cls(client, submitter, JournalWatch(book, seq), seq)

    def value_fees(self, facts: Facts, rates: PastRates, now_ns: int) -> int:
        """Give fees their value where there is one by now; how many got it."""
        valued = 0
        waiting: list[UnvaluedFee] = []
        for fee in self.watch.fees:
            value = rates.fee_value(fee)
            if value is not None:
                self._submit(fee, str(value), facts, now_ns)
                valued += 1
            elif rates.is_too_late(fee, now_ns):
                log.warning(
                    "book %s: fee of %s %s at seq %d stays without a value: no mark of its time",
                    self.watch.book,
                    fee.amount,
                    fee.token,
                    fee.seq,
                )
            else:
                waiting.append(fee)
        self.watch.fees = waiting
        return valued

    def finish(self) -> None:
        """See to the rest, and store how far the journal is done with."""
        self.record_splits()
        delete_archived(self.client, self.watch.book, self.watch.archived)
        self.watch.archived = []
        self._store_place()

    def record_splits(self) -> bool:
        """Tell the marks of splits that were found; whether there were any."""
        found, self.watch.splits = self.watch.splits, []
        for split in found:
            store.record_split(self.client, *split)
        return bool(found)

    def _submit(self, fee: UnvaluedFee, value: str, facts: Facts, now_ns: int) -> None:
        event = FeeValue(
            fee_seq=fee.seq,
            strategy_id=int(fee.strategy),
            instrument=fee.instrument,
            token=fee.token,
            amount=str(fee.amount),
            value=value,
            fee_executed_at=fee.executed_at,
            executed_at=now_ns,
            venue=fee.venue,
        )
        self.submitter.submit(self.watch.book, facts.text(event, Direct(now_ns)))

    def _store_place(self) -> None:
        seq = min((fee.seq - 1 for fee in self.watch.fees), default=self.watch.seq)
        if seq != self._stored:
            self.client.hset(keys.valuation(self.watch.book), FEES_SEEN, str(seq))
            self._stored = seq
