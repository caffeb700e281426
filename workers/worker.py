"""One worker process: takes leases on books and consumes their lanes until it is told to stop.

It outlives every outage: whatever the server or the network does, the worker drops its copies,
waits a little and asks again. On SIGTERM or SIGINT it finishes the batch in hand and gives its books
back.
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
from pm.functions.library import LibraryMissing
from pm.settings import Settings
from workers.consumer import Consumer, Stalled, sweep_seen
from workers.leases import Leases

log = logging.getLogger("pm.worker")

BACKOFF_S = 0.05
BACKOFF_MAX_S = 2.0
BLOCK_MS_MAX = 100
SWEEP_S = 30.0


@dataclass(slots=True)
class Worker:
    """The books one process serves."""

    settings: Settings
    target: str
    name: str = field(default_factory=lambda: f"{socket.gethostname()}-{os.getpid()}")
    consumers: dict[str, Consumer] = field(default_factory=dict)
    _swept_at: float = field(default_factory=time.monotonic)

    def run(self, stop: threading.Event) -> int:
        """Serve until `stop` is set; the exit code."""
        client = connect(self.target, role="worker", decode=False, timeout_s=10.0)
        leases = Leases(self.name, self.settings.workers.lease_ms)
        failures = 0
        log.info("worker %s started", self.name)
        while not stop.is_set():
            try:
                self._serve(client, leases)
                failures = 0
            except Stalled as error:
                failures = self._wait(stop, failures, "%s", error)
            except (exceptions.RedisError, OSError) as error:
                failures = self._wait(stop, failures, "server: %s", _first_line(error))
            except (BookError, LibraryMissing, reference_store.ReferenceMissing) as error:
                failures = self._wait(stop, failures, "%s", error)
        self._release(client, leases)
        log.info("worker %s stopped", self.name)
        return 0

    def _serve(self, client: redis.Redis, leases: Leases) -> None:
        if leases.due():
            held = leases.round(client, opening.names(client), time.time_ns() // 1_000_000)
            for book in held - self.consumers.keys():
                self.consumers[book] = self._consumer(book)
                log.info("worker %s serves book %s", self.name, book)
            for book in self.consumers.keys() - held:
                del self.consumers[book]
                log.info("worker %s gave up book %s", self.name, book)
            self._sweep(client)
        if not self.consumers:
            time.sleep(leases.round_s / 2)
            return
        block_ms = min(BLOCK_MS_MAX, int(leases.round_s * 500)) // len(self.consumers)
        for consumer in list(self.consumers.values()):
            consumer.consume(client, block_ms=max(1, block_ms))

    def _sweep(self, client: redis.Redis) -> None:
        if time.monotonic() - self._swept_at > SWEEP_S:
            self._swept_at = time.monotonic()
            for book in self.consumers:
                sweep_seen(client, book)

    def _consumer(self, book: str) -> Consumer:
        return new_consumer(self.settings, book)

    def _wait(self, stop: threading.Event, failures: int, message: str, error: object) -> int:
        for consumer in self.consumers.values():
            consumer.forget()
        if failures == 0:
            log.warning("worker %s: " + message, self.name, error)
        delay = min(BACKOFF_MAX_S, BACKOFF_S * 2 ** min(failures, 10))
        stop.wait(delay * random.uniform(0.5, 1.0))
        return failures + 1

    def _release(self, client: redis.Redis, leases: Leases) -> None:
        try:
            leases.release(client)
        except (exceptions.RedisError, OSError):
            log.info("worker %s: leases will run out by themselves", self.name)


def new_consumer(settings: Settings, book: str) -> Consumer:
    """A consumer of one book under these settings."""
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
    return Consumer(book, applier, options, settings.workers.batch_max_entries)


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
