"""Adds what a process counted to the counters of all, exactly once.

A lost reply leaves open whether counts were added. So each process keeps a stamp of its own beside
them, moved in the same transaction: where it stands says what was added, and watching the hash
keeps an earlier attempt that arrives late from adding again.
"""

from __future__ import annotations

import os
import socket
import time
import uuid
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

import redis
from redis import exceptions

from pm import keys
from pm.counting.stored import SOURCE
from pm.crash_points import crash_point

TRIES_MAX: Final = 20
FORGOTTEN_AFTER_S: Final = 7 * 24 * 3600
"""How long the stamp of a process that adds no more is kept."""


def process_name() -> str:
    """A name no other process has, now or later."""
    return f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"


class Adder:
    """The adding side of one process. After any error call `add` again; nothing is lost."""

    def __init__(self, client: redis.Redis, process: str) -> None:
        self._client = client
        self._field = f"{SOURCE}{process}"
        self._waiting: dict[str, int] = {}
        self._sent: dict[str, int] = {}
        self._stamp = -1

    def add(self, counts: Mapping[str, int]) -> None:
        """Add counts by field, with what an earlier call could not; raises what redis-py does."""
        _merge(self._waiting, counts)
        for _ in range(TRIES_MAX):
            try:
                self._try()
            except redis.WatchError:
                continue
            return

    @property
    def waits(self) -> bool:
        """Whether something has not been added, as far as known."""
        return bool(self._waiting or self._sent)

    def _try(self) -> None:
        key = keys.metrics()
        with self._client.pipeline(transaction=True) as pipeline:
            pipeline.watch(key)  # type: ignore[no-untyped-call]
            stored: Any = pipeline.hget(key, self._field)
            stamp = int(stored or 0)
            if stamp == self._stamp:
                self._sent.clear()
            _merge(self._sent, self._waiting)
            self._waiting.clear()
            if not self._sent:
                return
            self._stamp = max(time.time_ns() // 1_000_000, stamp + 1)
            pipeline.multi()
            for field, count in self._sent.items():
                pipeline.hincrby(key, field, count)
            pipeline.hincrby(key, self._field, self._stamp - stamp)
            crash_point("counts_before_adding")
            pipeline.execute()
            crash_point("counts_after_adding")
        self._sent.clear()


def add_unrepeated(client: redis.Redis, counts: Mapping[str, int]) -> None:
    """Add counts of something that ends now: once or, where trouble comes between, not at all."""
    pipeline = client.pipeline(transaction=True)
    for field, count in counts.items():
        pipeline.hincrby(keys.metrics(), field, count)
    with suppress(exceptions.RedisError, OSError):
        pipeline.execute()


def forget_processes(client: redis.Redis, stamps_ms: Mapping[str, int], now_ms: int) -> None:
    """Delete the stamps of processes that ended long ago."""
    last_ms = now_ms - FORGOTTEN_AFTER_S * 1000
    gone = [f"{SOURCE}{process}" for process, stamp in stamps_ms.items() if stamp < last_ms]
    if gone:
        client.hdel(keys.metrics(), *gone)


def _merge(into: dict[str, int], counts: Mapping[str, int]) -> None:
    for field, count in counts.items():
        into[field] = into.get(field, 0) + count
