"""The valuation process: marks all books to market, and keeps what depends on marks up to date.

It runs a pass at every interval, follows the journals in between, and runs one at once when capital
came or went or an instrument was split. Everything it knows is stored with the books: it may be
killed at any moment, and several may run, of which one works. Like a worker it outlives every
outage of its server.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import redis
from redis import exceptions

from pm import keys
from pm.archive import ArchiveError, open_archive
from pm.books import opening, reference_store
from pm.books.opening import BookError
from pm.books.submitting import Submitter
from pm.connect import connect
from pm.connect.errors import explain
from pm.events.facts import Facts
from pm.functions.library import LibraryMissing
from pm.history import HistoryGap
from pm.settings import Settings
from pm.valuation.fees import PastRates
from pm.valuation.mark_to_market import PassMemory, PassReport, run_pass
from workers.call_size import CallSize
from workers.corrections import CorrectionUpkeep
from workers.trace_expiry import TraceExpiry
from workers.upkeep import Upkeep
from workers.valuation_leases import ValuationLeases
from workers.worker import Trouble

log = logging.getLogger("pm.valuation")

LEASE_MS: Final = 15_000
FOLLOW_MS: Final = 500
FOLLOWED_A_READ: Final = 2_000
STANDBY_S: Final = 1.0
BETWEEN_PASSES_S: Final = 1.0
"""However often capital moves, passes are not made more often."""

TEND_S: Final = 5.0
_UNREADY: Final = (
    LibraryMissing,
    BookError,
    reference_store.ReferenceMissing,
    HistoryGap,
    ArchiveError,
)
MARKED_A_CALL_MAX: Final = 16


@dataclass(slots=True)
class ValuationProcess:
    """One process; `client` decodes, `raw` does not."""

    settings: Settings
    target: str
    name: str = field(default_factory=lambda: f"{socket.gethostname()}-{os.getpid()}")

    def run(self, stop: threading.Event) -> int:
        """Serve until `stop` is set; the exit code."""
        client = connect(self.target, role="valuation", timeout_s=30.0)
        raw = connect(self.target, role="valuation", decode=False, timeout_s=30.0)
        leases = ValuationLeases(client, self.name, LEASE_MS)
        trouble, what = Trouble(), f"valuation {self.name}"
        duty: Duty | None = None
        log.info("%s started", what)
        while not stop.is_set():
            try:
                books = leases.round(opening.names(client))
                if not books:
                    duty = None
                    stop.wait(STANDBY_S)
                    continue
                duty = duty or Duty.taken_up(self.settings, client, raw)
                duty.serve(books)
                trouble.end(what)
            except _UNREADY as error:
                duty = None
                stop.wait(trouble.add(what, str(error)))
            except (exceptions.RedisError, OSError) as error:
                duty = None
                stop.wait(trouble.add(what, explain(error, self.target)))
        try:
            leases.release()
        except (exceptions.RedisError, OSError):
            log.info("%s: leases will run out by themselves", what)
        log.info("%s stopped", what)
        return 0


@dataclass(slots=True)
class Duty:
    """What the process that holds the books keeps between rounds: copies of what is stored."""

    settings: Settings
    client: redis.Redis
    submitter: Submitter
    traces: TraceExpiry
    corrections: CorrectionUpkeep
    memory: PassMemory
    upkeep: dict[str, Upkeep] = field(default_factory=dict)
    facts: Facts | None = None
    _passed_at: float = float("-inf")
    _tended_at: float = float("-inf")
    _is_due: bool = True
    _torn: tuple[str, ...] = ()

    @classmethod
    def taken_up(cls, settings: Settings, client: redis.Redis, raw: redis.Redis) -> Duty:
        """With nothing but what is stored."""
        submitter = Submitter.of(raw, settings)
        ttl_s = settings.attribution.temporary_position_ttl_seconds
        memory = PassMemory(slices=CallSize(MARKED_A_CALL_MAX))
        traces = TraceExpiry(client, raw, submitter, ttl_s)
        corrections = CorrectionUpkeep(client, submitter, partial(open_archive, settings))
        return cls(settings, client, submitter, traces, corrections, memory)

    def serve(self, books: list[str]) -> None:
        """One round: a pass if it is due, else what the journals bring within half a second."""
        self._resume(books)
        if self._seconds_to_pass() <= 0.0:
            self.value(books)
        else:
            self._follow(books)
        if time.monotonic() - self._tended_at >= TEND_S:
            self.tend(books)

    def catch_up(self, books: list[str]) -> bool:
        """Read the journals to their ends; True when what was found there makes a pass due."""
        self._resume(books)
        is_due = False
        for book in books:
            watch, head = self.upkeep[book].watch, opening.head(self.client, book)
            if head is not None:
                archive = open_archive(self.settings) if head.seq > watch.seq else None
                watch.read_on(self.client, through=head.seq, archive=archive)
            valued: Any = self.client.hget(keys.valuation(book), "seq_end")
            valued_seq = json.loads(valued)[book] if valued else -1
            came = any(flow.seq > valued_seq for flow in watch.flows)
            is_due = self.upkeep[book].record_splits() or came or is_due
        return is_due

    def _resume(self, books: list[str]) -> None:
        for book in books:
            if book not in self.upkeep:
                self.upkeep[book] = Upkeep.resumed(self.client, self.submitter, book)
                self.memory.watches[book] = self.upkeep[book].watch

    def value(self, books: list[str]) -> PassReport:
        """Make a pass over these books."""
        self._passed_at, self._is_due = time.monotonic(), False
        report = run_pass(self.client, self.settings, self._scope(books), memory=self.memory)
        self._tell(report)
        return report

    def tend(self, books: list[str]) -> int:
        """Make corrections, value fees, end traces; how many traces were ended or put away."""
        self._tended_at = time.monotonic()
        now_ns = time.time_ns()
        reference = self.memory.current_reference(self.client)
        if self.facts is None or self.facts.reference is not reference:
            self.facts = Facts(reference)
        if any(self.upkeep[book].watch.fees for book in books):
            rates = PastRates.of(self.client, self.settings.valuation, reference)
            for book in books:
                self.upkeep[book].value_fees(self.facts, rates, now_ns)
        for book in books:
            self.upkeep[book].finish()
        self.corrections.round(books)
        return self.traces.round(books, self.facts, now_ns)

    def _scope(self, books: list[str]) -> list[str] | None:
        """All books, so that the portfolio is valued too, unless somebody else holds some."""
        return None if books == opening.names(self.client) else books

    def _follow(self, books: list[str]) -> None:
        """Read on in the journals; capital that moved and splits make a pass due."""
        streams: dict[Any, Any] = {
            keys.journal(book): f"{self.upkeep[book].watch.seq}-0" for book in books
        }
        block_ms = max(1, min(FOLLOW_MS, int(self._seconds_to_pass() * 1000)))
        found: Any = self.client.xread(streams, count=FOLLOWED_A_READ, block=block_ms)
        entries = 0
        for book in books:
            watch = self.upkeep[book].watch
            flows = len(watch.flows)
            for entry, fields in _entries(found, keys.journal(book)):
                seq = entry.partition("-")[0]
                if int(seq) > watch.seq + 1:  # what came before it was trimmed meanwhile
                    archive = open_archive(self.settings)
                    watch.read_on(self.client, through=int(seq) - 1, archive=archive)
                watch.take({"seq": seq, **fields})
                entries += 1
            if self.upkeep[book].record_splits() or len(watch.flows) > flows:
                self._is_due = True
        if 0 < entries < FOLLOWED_A_READ:
            time.sleep(0.02)  # let a busy journal fill up rather than read it entry by entry

    def _seconds_to_pass(self) -> float:
        interval_s = self.settings.portfolio_manager.mark_to_market_interval_seconds
        wait_s = min(interval_s, BETWEEN_PASSES_S) if self._is_due else interval_s
        return self._passed_at + wait_s - time.monotonic()

    def _tell(self, report: PassReport) -> None:
        log.debug("valued %d of %d positions", report.valued, report.positions)
        if report.torn != self._torn:
            self._torn = report.torn
            for book in report.torn:
                text = "book %s is torn and not valued until a worker mends it"
                log.warning(text, book, extra={"book": book})


def _entries(found: Mapping[str, Any], stream: str) -> list[tuple[str, dict[str, str]]]:
    entries: list[tuple[str, dict[str, str]]] = found.get(stream, []) if found else []
    return entries
