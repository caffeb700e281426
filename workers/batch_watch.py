"""What a worker process tells of the batches it applies: counts, latencies, lines in its log."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from typing import Any, Final

import redis
from redis import exceptions

from pm import keys
from pm.books.applying import Counts, Outcome, Prepared
from pm.counting.catalogue import (
    APPLY_EVENTS,
    APPLY_SECONDS,
    UPDATE_ERRORS,
    UPDATE_SECONDS,
    UPDATES,
    Series,
)
from pm.counting.recorder import Recorder
from workers.event_log import about_event, trace_part

REFUSED_TOLD_MAX: Final = 5
"""Of one call; a flood of refusals is counted, not told one by one."""

_RESULTS: Final = tuple(field.name for field in fields(Counts))

log = logging.getLogger("pm.worker")


@dataclass(frozen=True, slots=True)
class BatchWatch:
    """Of one book; calls slower than `slow_ms` are a line in the log."""

    book: str
    recorder: Recorder
    slow_ms: int

    def applied(
        self,
        client: redis.Redis,
        lane: str,
        events: Sequence[Prepared],
        outcome: Outcome,
        took_ns: int,
    ) -> None:
        """A call applied events, or the first ones; `client` must not decode."""
        now_ns = time.time_ns()
        results = {name: count for name in _RESULTS if (count := getattr(outcome.counts, name))}
        done = events[: sum(results.values())]
        for result, count in results.items():
            self.recorder.count(Series(UPDATES, (self.book, result)), count)
        self.recorder.count(Series(APPLY_EVENTS, (self.book,)), len(done))
        self.recorder.observe(Series(APPLY_SECONDS, (self.book,)), took_ns)
        if lane != keys.QUARANTINE_LANE:
            waited = [now_ns - int(event.facts["received_at"]) for event in done]
            self.recorder.observe_all(Series(UPDATE_SECONDS, (self.book,)), waited)
        if took_ns > self.slow_ms * 1_000_000:
            self._tell_slow(lane, len(done), outcome.seq, took_ns / 1_000_000)
        if outcome.counts.refused:
            self.failed("refused", outcome.counts.refused)
            # What is told is in the quarantine anyway: a lost connection shows at the next call.
            with suppress(exceptions.RedisError, OSError):
                self._tell_refused(client, outcome.counts.refused)

    def failed(self, reason: str, count: int = 1) -> None:
        """Something kept events from being applied as they came."""
        self.recorder.count(Series(UPDATE_ERRORS, (self.book, reason)), count)

    def _tell_slow(self, lane: str, events: int, seq: int, took_ms: float) -> None:
        log.warning(
            "slow batch: book %s lane %s: %d events took %.1f ms, seq %d",
            *(self.book, lane, events, took_ms, seq),
            extra={
                "book": self.book,
                "lane": lane,
                "events": events,
                "seq": seq,
                "took_ms": round(took_ms, 3),
            },
        )

    def _tell_refused(self, client: redis.Redis, count: int) -> None:
        told = min(count, REFUSED_TOLD_MAX)
        entries: Any = client.xrevrange(keys.quarantine(self.book), count=told)
        for entry, refused in reversed(entries):
            facts, reason = json.loads(refused[b"facts"]), refused[b"reason"].decode()
            about = {"book": self.book, "seq": int(entry.partition(b"-")[0]), "reason": reason}
            about |= about_event(facts, refused[b"raw"])
            log.info(
                "book %s: seq %d refused: %s: %s%s",
                *(self.book, about["seq"], reason, refused[b"detail"].decode(), trace_part(about)),
                extra=about,
            )
        if count > told:
            more = {"book": self.book, "count": count - told}
            log.info("book %s: %d more refused before these", *more.values(), extra=more)
