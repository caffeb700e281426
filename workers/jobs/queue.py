"""The queue: RQ on a server of its own choice, with nothing in it that could be executed.

RQ's usual queue holds pickles and dotted names, and whoever can write to it can run code. Here a
run is JSON (a name of the table and its slot), the name is looked up and never imported, and what
else RQ would import or call because the stored job says so (callbacks, webhooks) is ignored.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import redis
import rq.job
from redis import exceptions
from rq import Queue, Retry
from rq.exceptions import NoSuchJobError
from rq.serializers import JSONSerializer

from pm.connect import ServerError, connect, in_one_line
from pm.redis_url import redact_url
from pm.settings import Settings
from workers.jobs.table import JOBS, Job

log = logging.getLogger("pm.jobs")

RETRY_AFTER_S: Final = (10, 60, 300)
FAILED_KEPT_S: Final = 7 * 24 * 3600
FAILED_KEPT_INTERVALS: Final = 1_000
KEPT_S_MIN: Final = 60
NOTED: Final = ("attempts", "error", "failed_at")


class UnknownJob(Exception):
    """The queue holds a name or a form that is none of the table's."""


class StoredJob(rq.job.Job):
    """A run as it lies in the queue. `runner` does a run by name and slot."""

    runner: Callable[[str, int], str] | None = None

    def restore(self, raw_data: Any) -> None:
        """Read the stored fields. What cannot be read is no run: it must not stop its queue."""
        untyped: Any = super()
        try:
            untyped.restore(raw_data)
        except (ValueError, TypeError, AttributeError) as error:
            log.warning("run %s cannot be read and is dropped: %s", self.id, error)
            raise NoSuchJobError(f"{self.id} cannot be read") from None

    @property
    def func(self) -> Callable[..., str]:
        """What RQ calls: one run of a job of the table. UnknownJob for everything else."""
        name, slot = str(self.func_name), self.kwargs.get("slot")
        if name not in JOBS:
            raise UnknownJob(f"there is no job {name!r}: another version put it there")
        if self.instance is not None or self.args or len(self.kwargs) != 1:
            raise UnknownJob(f"{self.id} is not what a scheduler writes")
        if not isinstance(slot, int):
            raise UnknownJob(f"{self.id} has no slot")
        return lambda slot: self._attempt(name, slot)

    def _attempt(self, name: str, slot: int) -> str:
        assert self.runner is not None
        self.note(attempts=self.meta.get("attempts", 0) + 1)
        try:
            return self.runner(name, slot)
        except Exception as error:
            self.note(error=str(error), failed_at=time.time_ns())
            raise

    def read_notes(self) -> None:
        """Read again what was noted, which another process may have done since."""
        untyped: Any = self
        try:
            untyped.get_meta(refresh=True)
        except ValueError:
            untyped.meta = {}  # no JSON: nobody of ours has written it

    def note(self, **facts: Any) -> None:
        """Keep facts with the run: RQ keeps an error only once no attempt is left."""
        untyped: Any = self
        readable = {name: value for name, value in self.meta.items() if name in NOTED}
        untyped.meta = {**readable, **facts}
        untyped.save_meta()

    success_callback = failure_callback = stopped_callback = None

    def send_webhooks(self, status: Any, *, exc_string: str | None = None) -> None:
        """Call nobody, whatever the stored job says."""


@dataclass(frozen=True, slots=True)
class QueueServer:
    """The server the queue lies on; `target` may hold a password."""

    target: str
    client: redis.Redis

    @classmethod
    def of(cls, settings: Settings, books_target: str) -> QueueServer:
        """The one of the settings, else that of the books. Opens no connection."""
        target = settings.jobs.target or books_target
        return cls(target, connect(target, role="jobs", decode=False))

    def check(self) -> None:
        """ServerError where it cannot hold a queue."""
        with in_one_line(self.target):
            try:
                info: Any = self.client.info("cluster")
            except exceptions.NoPermissionError:
                self.client.ping()
                return
        if str(info.get("cluster_enabled")) == "1":
            raise ServerError(
                f"{redact_url(self.target)}: the server is a cluster, which cannot hold the queue:"
                " set jobs.url to a single server"
            )

    def queue(self, name: str, job_class: type[StoredJob] = StoredJob) -> Queue:
        """One queue by name."""
        return Queue(name, connection=self.client, serializer=JSONSerializer, job_class=job_class)


def job_id(job: Job, slot: int) -> str:
    """The id of the run of a slot: the same whoever puts it there."""
    return f"{job.name}-{slot}"


def enqueue(server: QueueServer, job: Job, slot: int, settings: Settings) -> rq.job.Job:
    """Put the run of a slot into its queue. One that waits longer than two intervals is dropped."""
    interval_s = job.interval_s(settings)
    return server.queue(job.queue).enqueue_call(
        func=job.name,
        kwargs={"slot": slot},
        timeout=job.timeout_s,
        result_ttl=max(2 * interval_s, KEPT_S_MIN),
        failure_ttl=min(FAILED_KEPT_S, max(KEPT_S_MIN, FAILED_KEPT_INTERVALS * interval_s)),
        ttl=max(2 * interval_s, KEPT_S_MIN),
        description=f"{job.name}, slot {slot}",
        job_id=job_id(job, slot),
        retry=_retry(settings.jobs.retries_max, interval_s),
    )


def _retry(most: int, interval_s: int) -> Retry | None:
    if not most:
        return None
    waits_s = [min(interval_s, RETRY_AFTER_S[min(n, len(RETRY_AFTER_S) - 1)]) for n in range(most)]
    return Retry(max=most, interval=waits_s)
