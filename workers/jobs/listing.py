"""What is in the queue, and giving a failed run another try."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rq.exceptions import DeserializationError, InvalidJobOperation, NoSuchJobError
from rq.job import JobStatus
from rq.serializers import JSONSerializer

from pm import keys
from pm.connect.replies import texts_of
from pm.settings import Settings
from workers.jobs.queue import QueueServer, StoredJob
from workers.jobs.table import JOBS, QUEUES, jobs_on

_NS_A_S = 1_000_000_000


class NoSuchRun(Exception):
    """There is no such failed run; the text says what there is."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run in the queue; times are ns, None where there is none.

    `state` is queued, started, scheduled (waits for its next attempt), failed or finished; `text`
    is what it did, or the last line of its error.
    """

    id: str
    name: str
    slot: int | None
    state: str
    attempts: int
    at: int | None
    text: str


@dataclass(frozen=True, slots=True)
class JobSummary:
    """How all runs of one job have ended so far. `is_on` is False where settings turn it off."""

    name: str
    interval_s: int
    is_on: bool
    successes: int
    failures: int
    ended_at: int | None
    duration_ms: int | None
    result: str
    error: str


def runs(server: QueueServer, *, finished: bool = False) -> list[Run]:
    """The runs there are, newest first; of finished ones only the last of each job by default."""
    found = sorted(_all(server), key=lambda run: (run.at or 0, run.id), reverse=True)
    if finished:
        return found
    shown, seen = [], set()
    for run in found:
        if run.state == "finished":
            if run.name in seen:
                continue
            seen.add(run.name)
        shown.append(run)
    return shown


def summaries(server: QueueServer, settings: Settings) -> list[JobSummary]:
    """Every job of the table."""
    on = {job.name for job in jobs_on(settings)}
    pipeline = server.client.pipeline(transaction=False)
    for name in JOBS:
        pipeline.hgetall(keys.job_record(name))
    rows = []
    for job, found in zip(JOBS.values(), pipeline.execute(), strict=True):
        fields = texts_of(found)
        rows.append(
            JobSummary(
                name=job.name,
                interval_s=job.interval_s(settings),
                is_on=job.name in on,
                successes=int(fields.get("successes", 0)),
                failures=int(fields.get("failures", 0)),
                ended_at=_count(fields.get("ended_at")),
                duration_ms=_count(fields.get("duration_ms")),
                result=fields.get("result", ""),
                error=fields.get("error", ""),
            )
        )
    return rows


def retry(server: QueueServer, run_id: str) -> None:
    """Put a failed run into its queue again. NoSuchRun where there is none of that id."""
    try:
        stored = StoredJob.fetch(run_id, connection=server.client, serializer=JSONSerializer)
        if stored.get_status() != JobStatus.FAILED:
            raise NoSuchRun(f"{run_id} has not failed: it is {stored.get_status().value}")
        if stored.func_name not in JOBS:
            raise NoSuchRun(f"{run_id} is of no job of this version: {stored.func_name}")
        stored.requeue()
    except (NoSuchJobError, InvalidJobOperation, DeserializationError, ValueError):
        raise NoSuchRun(f"there is no failed run {run_id}: `pm jobs list` shows them") from None


def _all(server: QueueServer) -> Iterator[Run]:
    for name in QUEUES:
        queue = server.queue(name)
        started = [entry.partition(":")[0] for entry in queue.started_job_registry.get_job_ids()]
        ids = [
            *queue.job_ids,
            *started,
            *queue.scheduled_job_registry.get_job_ids(cleanup=False),
            *queue.failed_job_registry.get_job_ids(),
            *queue.finished_job_registry.get_job_ids(),
        ]
        for run_id in dict.fromkeys(ids):
            try:
                stored = StoredJob.fetch(
                    run_id, connection=server.client, serializer=JSONSerializer
                )
            except NoSuchJobError:
                continue  # its time was up, or it cannot be read
            yield _run(stored)


def _run(stored: Any) -> Run:
    try:
        name, slot = str(stored.func_name), stored.kwargs.get("slot")
    except (DeserializationError, AttributeError):
        name, slot = "?", None
    state = stored.get_status(refresh=False)
    result = stored.latest_result() if state in (JobStatus.FAILED, JobStatus.FINISHED) else None
    text = str(stored.meta.get("error", "")) if state != JobStatus.FINISHED else ""
    if result is not None and state == JobStatus.FINISHED:
        text = str(result.return_value)
    elif result is not None and not text and result.exc_string:
        text = result.exc_string.strip().splitlines()[-1]
    when = stored.ended_at or stored.started_at or stored.enqueued_at or stored.created_at
    attempts = int(stored.meta.get("attempts", 0))
    number = slot if isinstance(slot, int) else None
    return Run(stored.id, name, number, str(state.value), attempts, _ns(when), text)


def _ns(when: datetime | None) -> int | None:
    return None if when is None else int(when.timestamp() * 1_000_000) * 1_000


def _count(text: str | None) -> int | None:
    return int(text) if text else None
