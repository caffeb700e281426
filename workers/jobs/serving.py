"""Takes runs out of one queue and does each in a process of its own, until it is told to stop.

RQ forks for every run: a run that crashes, leaks or hangs is ended without this process, is seen
to have failed at once, and is tried again. RQ itself ends at the first trouble with its server;
here that is waited out, and what it logs is told once for each episode.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from dataclasses import dataclass, field
from importlib import import_module
from types import FrameType
from typing import Any, Final

from redis import exceptions
from rq import Worker
from rq.serializers import JSONSerializer

from pm.connect.errors import explain
from workers.jobs.queue import StoredJob
from workers.jobs.running import Runner
from workers.jobs.table import JOBS
from workers.worker import Trouble

log = logging.getLogger("pm.jobs")

WORKER_TTL_S: Final = 30
MAINTENANCE_S: Final = 30
MONITORING_S: Final = 5
PARENT_WATCH_S: Final = 0.5


class ForkingWorker(Worker):
    """RQ's worker, whose runs do not outlive it and whose stop is seen by the loop around it."""

    max_connection_wait_time = 2.0
    log_result_lifespan = False
    stop: threading.Event

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """Finish the run in hand."""
        self.stop.set()
        untyped: Any = super()
        untyped.request_stop(signum, frame)

    def main_work_horse(self, job: Any, queue: Any) -> None:
        """In the process of a run: end with the process that forked it."""
        threading.Thread(target=_end_with, args=(self.pid,), daemon=True).start()
        super().main_work_horse(job, queue)


@dataclass(slots=True)
class _ToldOnce(logging.Filter):
    """Lets an error of RQ's through once an episode, as one line; nothing below an error."""

    target: str
    trouble: Trouble = field(default_factory=Trouble)

    def filter(self, record: logging.LogRecord) -> bool:
        """Never: what is worth telling is told by `trouble`."""
        if record.levelno >= logging.ERROR:
            error = record.exc_info[1] if record.exc_info else None
            if error is None and len(record.args or ()) > 1 and isinstance(record.args, tuple):
                error = next((arg for arg in record.args if isinstance(arg, Exception)), None)
            if isinstance(error, exceptions.RedisError | OSError):
                self.trouble.add("the queue of jobs", explain(error, self.target))
        return False


def serve(queue_name: str, runner: Runner, stop: threading.Event) -> int:
    """Serve a queue until `stop` is set; the exit code."""
    server = runner.server
    bound = type("BoundJob", (StoredJob,), {"runner": staticmethod(runner.run)})
    _import_bodies(queue_name)
    told = _ToldOnce(server.target)
    for name in ("rq.worker", "rq.job", "rq.queue", "rq.registry"):
        logger = logging.getLogger(name)
        logger.addFilter(told)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    while not stop.is_set():
        try:
            worker = ForkingWorker(
                [server.queue(queue_name, bound)],
                connection=server.client,
                serializer=JSONSerializer,
                job_class=bound,
                worker_ttl=WORKER_TTL_S,
                maintenance_interval=MAINTENANCE_S,
                job_monitoring_interval=MONITORING_S,
                work_horse_killed_handler=_note_killed,
            )
            worker.stop = stop
            told.trouble.end("the queue of jobs")
            worker.work(logging_level="ERROR")
            if not stop.is_set():
                stop.wait(told.trouble.add("the queue of jobs", "RQ's worker ended"))
        except (exceptions.RedisError, OSError) as error:
            stop.wait(told.trouble.add("the queue of jobs", explain(error, server.target)))
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
    return 0


def _import_bodies(queue_name: str) -> None:
    """Import what the runs will need, once, rather than in each of their processes."""
    for job in JOBS.values():
        if job.queue == queue_name:
            import_module(job.body.partition(":")[0])


def _note_killed(job: Any, _pid: int, status: int, _usage: Any) -> None:
    number = os.WTERMSIG(status) if status and os.WIFSIGNALED(status) else 0
    how = f"was killed by signal {number}" if number else "ended without an answer"
    log.warning("job %s failed: its process %s", job.func_name, how)
    job.note(error=f"its process {how}", failed_at=time.time_ns())


def _end_with(parent: int | None) -> None:
    while os.getppid() == parent:
        time.sleep(PARENT_WATCH_S)
    os._exit(1)
