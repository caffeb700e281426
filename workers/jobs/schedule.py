"""Puts one run of every job into the queue at every interval, however many schedulers there are.

Time is cut into slots of an interval's length. Who claims a slot first fills it; the claim runs out
soon if its holder dies before it has, and the next one to look fills it then. Slots that went by
while nobody looked are not made up for: a run does what all of them would have done. While a run
waits in the queue, or for its next attempt, no other is put behind it.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import rq.job
from redis import exceptions
from rq.exceptions import NoSuchJobError
from rq.job import JobStatus
from rq.serializers import JSONSerializer

from pm import keys
from pm.connect.errors import explain
from pm.crash_points import crash_point
from pm.settings import Settings
from workers.jobs.queue import QueueServer, StoredJob, enqueue, job_id
from workers.jobs.table import QUEUES, Job, jobs_on
from workers.worker import Trouble

log = logging.getLogger("pm.jobs")

ROUND_S: Final = 0.5
CLAIM_MS: Final = 10_000
LEASE_MS: Final = 5_000
FILLED: Final = b"filled"
_WAITS: Final = (JobStatus.QUEUED, JobStatus.SCHEDULED)


@dataclass(slots=True)
class Scheduler:
    """One process's part; `now_s` is the clock, `claim_ms` how long an unfilled claim holds."""

    settings: Settings
    server: QueueServer
    name: str = field(default_factory=lambda: f"{socket.gethostname()}-{os.getpid()}")
    now_s: Callable[[], float] = time.time
    claim_ms: int = CLAIM_MS
    _filled: dict[str, int] = field(default_factory=dict)

    def run(self, stop: threading.Event) -> None:
        """Schedule until `stop` is set, through every outage of the queue's server."""
        logging.getLogger("rq").setLevel(logging.ERROR)
        trouble, what = Trouble(), "the queue of jobs"
        while not stop.is_set():
            try:
                self.round()
                trouble.end(what)
                stop.wait(ROUND_S)
            except (exceptions.RedisError, OSError) as error:
                stop.wait(trouble.add(what, explain(error, self.server.target)))

    def round(self) -> list[str]:
        """Fill the slots that have begun, and bring due retries back; the ids now in the queue."""
        enqueued = []
        for job in jobs_on(self.settings):
            slot = int(self.now_s()) // job.interval_s(self.settings)
            if self._filled.get(job.name) != slot and self._fill(job, slot):
                enqueued.append(job_id(job, slot))
        return enqueued + self._bring_back()

    def _fill(self, job: Job, slot: int) -> bool:
        """Whether this scheduler put a run into the slot."""
        key = keys.job_slot(job.name, slot)
        if not self.server.client.set(key, self.name, nx=True, px=self.claim_ms):
            if self.server.client.get(key) == FILLED:
                self._filled[job.name] = slot
            return False
        crash_point("job_after_claim")
        is_free = not self._waits(job)
        if is_free:
            enqueue(self.server, job, slot, self.settings)
            crash_point("job_after_enqueue")
            self.server.client.hset(keys.job_record(job.name), "queued_slot", str(slot))
        self.server.client.set(key, FILLED, px=2000 * job.interval_s(self.settings) + CLAIM_MS)
        self._filled[job.name] = slot
        return is_free

    def _waits(self, job: Job) -> bool:
        """Whether the run put there last has not begun yet, or waits for another attempt."""
        last: Any = self.server.client.hget(keys.job_record(job.name), "queued_slot")
        if last is None:
            return False
        try:
            return self._fetch(job_id(job, int(last))).get_status() in _WAITS
        except NoSuchJobError:
            return False

    def _bring_back(self) -> list[str]:
        """Runs whose next attempt is due, back into their queues; one scheduler does it."""
        client, key = self.server.client, keys.jobs_scheduler()
        me = self.name.encode()
        if not client.set(key, me, nx=True, px=LEASE_MS):
            if client.get(key) != me:
                return []
            client.pexpire(key, LEASE_MS)
        brought = []
        for name in QUEUES:
            queue = self.server.queue(name)
            registry = queue.scheduled_job_registry
            for waiting in registry.get_jobs_to_schedule():
                try:
                    queue.enqueue_job(self._fetch(waiting))
                    brought.append(waiting)
                except NoSuchJobError:
                    log.debug("%s has been dropped", waiting)
                registry.remove(waiting)
        return brought

    def _fetch(self, name: str) -> rq.job.Job:
        return StoredJob.fetch(name, connection=self.server.client, serializer=JSONSerializer)
