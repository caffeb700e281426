"""One worker process: takes leases on books and consumes their lanes until it is told to stop.

It outlives every outage: whatever the server or the network does, the worker drops its copies,
waits a little and asks again. Trouble with one book never holds up the others. On SIGTERM or SIGINT
it finishes the batch in hand and gives its books back.
"""

from __future__ import annotations

import logging
import os
import random
import socket
import threading
import time
from dataclasses import dataclass, field

import redis
from redis import exceptions

from pm.books import opening, reference_store
from pm.books.applying import Applier
from pm.books.decoding import DecodingOptions
from pm.books.opening import BookError
from pm.connect import connect
from pm.connect.errors import explain
from pm.counting.catalogue import UPDATE_ERRORS, Series
from pm.counting.recorder import Recorder
from pm.counting.reporter import Reporter
from pm.crash_points import crash_point
from pm.functions.library import LibraryMissing
from pm.settings import Settings
from workers.batch_watch import BatchWatch
from workers.call_size import CallSize
from workers.consumer import Consumer, Stalled, sweep_seen
from workers.leases import Leases

log = logging.getLogger("pm.worker")

BACKOFF_S = 0.05
BACKOFF_MAX_S = 2.0
BLOCK_MS_MAX = 100
SWEEP_S = 30.0


@dataclass(slots=True)
class Trouble:
    """One episode of failures of the same thing: when to try again, and what was logged of it."""

    failures: int = 0
    retry_at: float = 0.0
    _told: set[str] = field(default_factory=set)

    def add(self, what: str, line: str) -> float:
        """Count a failure and log its line once; seconds to wait."""
        if line not in self._told:
            self._told.add(line)
            log.warning("%s: %s", what, line)
        delay_s = min(BACKOFF_MAX_S, BACKOFF_S * 2.0 ** min(self.failures, 10))
        delay_s *= random.uniform(0.5, 1.0)
        self.failures += 1
        self.retry_at = time.monotonic() + delay_s
        return delay_s

    def end(self, what: str) -> None:
        """It works (again)."""
        if self.failures:
            log.info("%s: goes on after %d failures", what, self.failures)
            self.failures, self.retry_at = 0, 0.0
            self._told.clear()


@dataclass(slots=True)
class Worker:
    """The books one process serves."""

    settings: Settings
    target: str
    name: str = field(default_factory=lambda: f"{socket.gethostname()}-{os.getpid()}")
    consumers: dict[str, Consumer] = field(default_factory=dict)
    recorder: Recorder = field(default_factory=Recorder)
    _trouble: dict[str, Trouble] = field(default_factory=dict)
    _swept_at: float = field(default_factory=time.monotonic)

    def run(self, stop: threading.Event) -> int:
        """Serve until `stop` is set; the exit code."""
        client = connect(self.target, role="worker", decode=False, timeout_s=10.0)
        leases = Leases(self.name, self.settings.workers.lease_ms)
        trouble = Trouble()
        interval_s = self.settings.monitoring.metrics_update_interval_seconds
        reporter = Reporter(self.recorder, self.target, interval_s)
        reporter.start()
        log.info("worker %s started", self.name)
        while not stop.is_set():
            try:
                self._serve(client, leases)
                trouble.end(f"worker {self.name}")
            except LibraryMissing as error:
                self._wait(stop, trouble, str(error))
            except (exceptions.RedisError, OSError) as error:
                self._wait(stop, trouble, explain(error, self.target))
        crash_point("worker_before_release")
        self._release(client, leases)
        reporter.close()
        log.info("worker %s stopped", self.name)
        return 0

    def _serve(self, client: redis.Redis, leases: Leases) -> None:
        if leases.due():
            held = leases.round(client, opening.names(client), time.time_ns() // 1_000_000)
            crash_point("worker_after_lease")
            self._take_over(held)
            self._sweep(client)
        now = time.monotonic()
        due = [book for book in self.consumers if self._trouble[book].retry_at <= now]
        if not due:
            time.sleep(min(leases.round_s / 2, BACKOFF_S))
            return
        block_ms = max(1, min(BLOCK_MS_MAX, int(leases.round_s * 500)) // len(due))
        for book in due:
            self._consume(client, book, block_ms)

    def _take_over(self, held: set[str]) -> None:
        for book in sorted(held - self.consumers.keys()):
            self.consumers[book] = new_consumer(self.settings, book, self.recorder)
            self._trouble[book] = Trouble()
            log.info("worker %s serves book %s", self.name, book, extra={"book": book})
        for book in sorted(self.consumers.keys() - held):
            del self.consumers[book], self._trouble[book]
            log.info("worker %s gave up book %s", self.name, book, extra={"book": book})

    def _consume(self, client: redis.Redis, book: str, block_ms: int) -> None:
        """Consume one book; what only concerns this book is waited out here."""
        consumer, trouble, what = self.consumers[book], self._trouble[book], f"book {book}"
        try:
            consumer.consume(client, block_ms=block_ms)
            trouble.end(what)
        except (Stalled, BookError, reference_store.ReferenceMissing) as error:
            consumer.forget()
            self._count_error(book, "stalled")
            trouble.add(what, str(error))
        except exceptions.ResponseError as error:
            consumer.forget()
            self._count_error(book, "server")
            trouble.add(what, explain(error, self.target))

    def _sweep(self, client: redis.Redis) -> None:
        if time.monotonic() - self._swept_at > SWEEP_S:
            self._swept_at = time.monotonic()
            for book in self.consumers:
                sweep_seen(client, book)

    def _wait(self, stop: threading.Event, trouble: Trouble, line: str) -> None:
        for book, consumer in self.consumers.items():
            consumer.forget()
            self._count_error(book, "server")
        stop.wait(trouble.add(f"worker {self.name}", line))

    def _count_error(self, book: str, reason: str) -> None:
        self.recorder.count(Series(UPDATE_ERRORS, (book, reason)))

    def _release(self, client: redis.Redis, leases: Leases) -> None:
        try:
            leases.release(client)
        except (exceptions.RedisError, OSError):
            log.info("worker %s: leases will run out by themselves", self.name)


def new_consumer(settings: Settings, book: str, recorder: Recorder | None = None) -> Consumer:
    """A consumer of one book under these settings; with a recorder it counts, and logs more."""
    applier = Applier(
        book,
        quarantine_max=settings.portfolio_manager.quarantine_max_entries,
        sharded_updates=settings.redis.sharded_updates,
    )
    options = DecodingOptions(
        books=settings.books,
        strategy_from_order_id=settings.gateway.strategy_from_order_id,
        track_traces=settings.attribution.track_temporary_positions,
        lenient_checksum=settings.gateway.lenient_checksum,
        accept_domain_2=settings.gateway.accept_domain_2,
    )
    most = settings.workers.batch_max_entries
    watch = None
    if recorder is not None:
        watch = BatchWatch(book, recorder, settings.monitoring.slow_batch_threshold_ms)
    return Consumer(book, applier, options, most, CallSize(most), watch)
