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
from collections.abc import Callable
from functools import partial
from importlib import import_module
from types import FrameType
from typing import Any, Final

from redis import exceptions
from rq import Worker
from rq.exceptions import StopRequested
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

    def _install_signal_handlers(self) -> None:
        """See a signal that came before RQ listened: it would serve on for ever."""
        untyped: Any = super()
        untyped._install_signal_handlers()
        self._stop_requested = self.stop.is_set()

    def subscribe(self) -> None:
        """Take no commands by pub/sub: signals do, and a process that forks is best without it."""

    def clean_group_registries(self) -> None:
        """Leave groups alone: there are none, and RQ reads their jobs as pickles."""

    def main_work_horse(self, job: Any, queue: Any) -> None:
        """In the process of a run: end with the process that forked it."""
        _when_gone(self.pid, lambda: os._exit(1))
        super().main_work_horse(job, queue)


class _ToldOnce(logging.Filter):
    """Has trouble with the server told once an episode and as one line, the rest of RQ's not."""

    def __init__(self, target: str, what: str, trouble: Trouble) -> None:
        super().__init__()
        self._target = target
        self._what = what
        self._trouble = trouble

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell what is worth it; the record itself goes no further."""
        said = record.args if isinstance(record.args, tuple) else ()
        errors = [*(record.exc_info or ())[1:2], *said]
        for error in errors:
            if isinstance(error, exceptions.RedisError | OSError):
                self._trouble.add(self._what, explain(error, self._target))
                break
        return False


def serve(queue_name: str, runner: Runner, stop: threading.Event, parent: int) -> int:
    """Serve a queue until a signal sets `stop` or the process `parent` is gone; the exit code."""
    _when_gone(parent, lambda: os.kill(os.getpid(), signal.SIGTERM))
    _import_bodies(queue_name)
    trouble, what = Trouble(), f"queue {queue_name}"
    _tell_once(_ToldOnce(runner.server.target, what, trouble))
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    while not stop.is_set():
        try:
            worker = new_worker(queue_name, runner, stop)
            trouble.end(what)
            worker.work(logging_level="ERROR")
            if not stop.is_set():
                stop.wait(trouble.add(what, "what served it ended; it is served again"))
        except StopRequested:
            log.debug("%s: told to stop while it began", what)
        except (exceptions.RedisError, OSError) as error:
            stop.wait(trouble.add(what, explain(error, runner.server.target)))
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
    return 0


def new_worker(queue_name: str, runner: Runner, stop: threading.Event) -> ForkingWorker:
    """A worker of one queue, whose runs `runner` does."""
    server = runner.server
    bound = type("BoundJob", (StoredJob,), {"runner": staticmethod(runner.run)})
    worker = ForkingWorker(
        [server.queue(queue_name, bound)],
        connection=server.client,
        serializer=JSONSerializer,
        job_class=bound,
        worker_ttl=WORKER_TTL_S,
        maintenance_interval=MAINTENANCE_S,
        job_monitoring_interval=MONITORING_S,
        work_horse_killed_handler=partial(_note_killed, runner),
    )
    worker.stop = stop
    return worker


def _tell_once(told: _ToldOnce) -> None:
    for name in ("rq.worker", "rq.job", "rq.queue", "rq.registry"):
        logging.getLogger(name).addFilter(told)


def _import_bodies(queue_name: str) -> None:
    """Import what the runs will need, once, rather than in each of their processes."""
    for job in JOBS.values():
        if job.queue == queue_name:
            import_module(job.body.partition(":")[0])


def _note_killed(runner: Runner, job: Any, _pid: int, status: int, _usage: Any) -> None:
    number = os.WTERMSIG(status) if status and os.WIFSIGNALED(status) else 0
    how = f"was killed by signal {number}" if number else "ended without an answer"
    log.warning("job %s failed: its process %s", job.func_name, how)
    job.read_notes()
    job.note(error=f"its process {how}", failed_at=time.time_ns())
    runner.give_back(job.func_name, job.kwargs["slot"])


def _when_gone(parent: int | None, end: Callable[[], object]) -> None:
    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(PARENT_WATCH_S)
        end()

    threading.Thread(target=watch, name="parent watch", daemon=True).start()
