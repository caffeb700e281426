"""Books, a queue, and a clock that stands still; runs are done in this process or in real ones."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

import redis

from pm.connect import connect
from pm.settings import Settings
from tests.valuation.desk import Desk
from workers.jobs.listing import Run, runs
from workers.jobs.queue import QueueServer
from workers.jobs.running import Runner
from workers.jobs.schedule import Scheduler
from workers.jobs.serving import new_worker
from workers.jobs.table import QUICK

NOW_S = 1_700_000_000.0


def with_settings(settings: Settings, **sections: dict[str, Any]) -> Settings:
    """The settings with some fields of some sections changed."""
    changed = {
        name: getattr(settings, name).model_copy(update=fields) for name, fields in sections.items()
    }
    return settings.model_copy(update=changed)


@dataclass(slots=True)
class Office:
    """One server's books and queue."""

    desk: Desk
    settings: Settings
    now_s: float = NOW_S
    server: QueueServer = field(init=False)

    def __post_init__(self) -> None:
        self.server = QueueServer.of(self.settings, self.desk.server.url)

    @property
    def raw(self) -> redis.Redis:
        """A client of the queue's server."""
        return self.server.client

    def scheduler(self, name: str = "one", **options: Any) -> Scheduler:
        """A scheduler of the office's clock."""
        server = QueueServer.of(self.settings, self.desk.server.url)
        return Scheduler(self.settings, server, name, lambda: self.now_s, **options)

    def runner(self, name: str = "here") -> Runner:
        """A runner on the office's books."""
        return Runner(self.settings, self.desk.server.url, self.server, name)

    def work(self, runner: Runner | None = None) -> None:
        """Do everything that waits in the quick queue, each in a process of its own."""
        server = QueueServer(
            self.server.target, connect(self.server.target, role="jobs", decode=False)
        )
        base = runner or self.runner()
        mine = Runner(base.settings, base.books_target, server, base.name)
        with server.client:
            new_worker(QUICK, mine, threading.Event()).work(burst=True, logging_level="ERROR")

    def run_of(self, name: str) -> Run:
        """The newest run of a job."""
        return next(run for run in runs(self.server, finished=True) if run.name == name)

    def states(self) -> dict[str, str]:
        """The state of every run by its id."""
        return {run.id: run.state for run in runs(self.server, finished=True)}
