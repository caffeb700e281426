"""Does one run of a job: alone, and with its outcome on record.

While it runs, a lease on the queue's server keeps a second run of the same job from beginning,
wherever it is; it is renewed, and runs out if this process dies. Leases only avoid wasted work.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final

from redis import exceptions

from pm import keys
from pm.archive import ArchiveError
from pm.books.opening import BookError
from pm.books.reference_store import ReferenceMissing
from pm.connect import ServerError, connect
from pm.connect.errors import explain
from pm.connect.replies import text_of
from pm.counting.adding import add_unrepeated
from pm.counting.catalogue import JOB_RUNS, JOB_SECONDS, Series
from pm.counting.recorder import Recorder
from pm.crash_points import crash_point
from pm.functions.library import LibraryMissing
from pm.history import HistoryGap
from pm.settings import Settings
from workers.jobs.queue import QueueServer
from workers.jobs.table import JOBS, Job, JobContext

log = logging.getLogger("pm.jobs")

LEASE_MS: Final = 30_000
BOOKS_TIMEOUT_S: Final = 30.0
_FORESEEN: Final = (
    LibraryMissing, BookError, ReferenceMissing, ServerError, ArchiveError, HistoryGap,
)  # fmt: skip


class JobFailed(Exception):
    """A run did not come to its end; the text is one line saying why."""


@dataclass(frozen=True, slots=True)
class Runner:
    """Runs jobs of the table on the books at `books_target`."""

    settings: Settings
    books_target: str
    server: QueueServer
    name: str = field(default_factory=lambda: f"{socket.gethostname()}-{os.getpid()}")

    def run(self, job_name: str, slot: int) -> str:
        """Do a run; what was done, in a line. JobFailed where it could not be."""
        job = JOBS[job_name]
        with self._alone(job, slot) as holder:
            if holder:
                return f"held by {holder}: nothing done"
            crash_point("job_before_body")
            started_ns = time.time_ns()
            try:
                done = self._do(job)
            except Exception as error:
                line = one_line(error, self.books_target)
                is_foreseen = isinstance(error, (*_FORESEEN, exceptions.RedisError, OSError))
                log.warning(
                    "job %s failed: %s", job.name, line, exc_info=None if is_foreseen else error
                )
                self._count(job, "failed", started_ns)
                self._record_failure(job, slot, started_ns, line)
                raise JobFailed(line) from error
            self._count(job, "done", started_ns)
            self._record_success(job, slot, started_ns, done)
        return done

    def _do(self, job: Job) -> str:
        client = connect(self.books_target, role=f"job-{job.name}", timeout_s=BOOKS_TIMEOUT_S)
        raw = connect(
            self.books_target, role=f"job-{job.name}", decode=False, timeout_s=BOOKS_TIMEOUT_S
        )
        with client, raw:
            return job.run(JobContext(self.settings, client, raw, self.name))

    def _count(self, job: Job, result: str, started_ns: int) -> None:
        recorder = Recorder()
        recorder.count(Series(JOB_RUNS, (job.name, result)))
        recorder.observe(Series(JOB_SECONDS, (job.name,)), time.time_ns() - started_ns)
        with connect(self.books_target, role="jobs", decode=False) as client:
            add_unrepeated(client, recorder.take())

    @contextmanager
    def _alone(self, job: Job, slot: int) -> Iterator[str]:
        """Hold the job's lease; yields the holder where it is somebody else."""
        client, key, me = self.server.client, keys.job_running(job.name), self._holder(slot)
        if not client.set(key, me, nx=True, px=LEASE_MS):
            yield text_of(client.get(key) or "another run")
            return
        done = threading.Event()
        keeper = threading.Thread(target=self._renew, args=(key, me, done), daemon=True)
        keeper.start()
        try:
            yield ""
        finally:
            done.set()
            keeper.join()
            self.give_back(job.name, slot)

    def give_back(self, job_name: str, slot: int) -> None:
        """Free the lease of a run that is over, however it ended, if this runner holds it."""
        key = keys.job_running(job_name)
        with suppress(exceptions.RedisError, OSError):
            if text_of(self.server.client.get(key)) == self._holder(slot):
                self.server.client.delete(key)

    def _holder(self, slot: int) -> str:
        return f"{self.name}/{slot}"

    def _renew(self, key: str, me: str, done: threading.Event) -> None:
        while not done.wait(LEASE_MS / 3000):
            with suppress(exceptions.RedisError, OSError):
                if text_of(self.server.client.get(key)) == me:
                    self.server.client.pexpire(key, LEASE_MS)

    def _record_success(self, job: Job, slot: int, started_ns: int, done: str) -> None:
        key = keys.job_record(job.name)
        had_error: Any = self.server.client.hget(key, "error")
        pipeline = self._begin_record(key, slot, started_ns)
        pipeline.hincrby(key, "successes", 1)
        pipeline.hset(key, mapping={"result": done, "error": ""})
        pipeline.execute()
        how = "works again" if had_error else "done"
        took_ms = (time.time_ns() - started_ns) // 1_000_000
        log.info("job %s %s: %s, %d ms", job.name, how, done, took_ms)

    def _record_failure(self, job: Job, slot: int, started_ns: int, line: str) -> None:
        """Best effort: the queue keeps the failure too."""
        key = keys.job_record(job.name)
        with suppress(exceptions.RedisError, OSError):
            pipeline = self._begin_record(key, slot, started_ns)
            pipeline.hincrby(key, "failures", 1)
            pipeline.hset(key, "error", line)
            pipeline.execute()

    def _begin_record(self, key: str, slot: int, started_ns: int) -> Any:
        ended_ns = time.time_ns()
        pipeline = self.server.client.pipeline(transaction=True)
        pipeline.hset(
            key,
            mapping={
                "slot": str(slot),
                "started_at": str(started_ns),
                "ended_at": str(ended_ns),
                "duration_ms": str((ended_ns - started_ns) // 1_000_000),
            },
        )
        return pipeline


def one_line(error: BaseException, target: str) -> str:
    """Why a run failed, for a person."""
    if isinstance(error, _FORESEEN):
        return str(error).splitlines()[0]
    if isinstance(error, exceptions.RedisError | OSError):
        return explain(error, target)
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
