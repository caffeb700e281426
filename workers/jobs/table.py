"""Every job there is: its name, how often it runs, where it waits, and what it does.

Only these names mean anything in the queue. A job's body may be run twice, be killed at any moment
and be left out for a while: the next run makes up for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final

import redis

from pm.settings import Settings

QUICK: Final = "pm-quick"
LONG: Final = "pm-long"
QUEUES: Final = (QUICK, LONG)
"""A process serves each: a long job never makes a quick one wait."""


@dataclass(frozen=True, slots=True)
class JobContext:
    """What a job's body works with. `client` decodes, `raw` does not; both reach the books."""

    settings: Settings
    client: redis.Redis
    raw: redis.Redis
    name: str


@dataclass(frozen=True, slots=True)
class Job:
    """One row of the table; `body` is `module:function` and is imported when it is run.

    The function takes a JobContext and returns one line that says what was done. `is_on` is False
    where the settings turn the job off.
    """

    name: str
    queue: str
    timeout_s: int
    interval_s: Callable[[Settings], int]
    body: str
    is_on: Callable[[Settings], bool] = lambda _settings: True

    def run(self, context: JobContext) -> str:
        """Do it; what was done, in a line."""
        module, _, function = self.body.partition(":")
        done: Any = getattr(import_module(module), function)(context)
        return str(done)


def _row(name: str, *row: Any, **options: Any) -> tuple[str, Job]:
    return name, Job(name, *row, **options)


JOBS: Final[Mapping[str, Job]] = dict(
    (
        _row(
            "mark-to-market",
            QUICK,
            300,
            lambda settings: settings.portfolio_manager.mark_to_market_interval_seconds,
            "workers.jobs.valuing:mark_to_market",
        ),
        _row(
            "expire-traces",
            QUICK,
            300,
            lambda settings: settings.jobs.trace_expiry_interval_seconds,
            "workers.jobs.valuing:expire_traces",
        ),
        _row(
            "metrics",
            QUICK,
            60,
            lambda settings: settings.monitoring.metrics_update_interval_seconds,
            "workers.jobs.gauging:collect",
        ),
        _row(
            "reconcile",
            LONG,
            3600,
            lambda settings: settings.monitoring.position_reconciliation_interval_seconds,
            "workers.jobs.reconciling:reconcile",
        ),
        _row(
            "archive",
            LONG,
            6 * 3600,
            lambda settings: settings.jobs.archive_interval_seconds,
            "workers.jobs.archiving:archive",
            is_on=lambda settings: settings.storage.archive_completed_trades,
        ),
    )
)


def jobs_on(settings: Settings) -> list[Job]:
    """The jobs these settings have run, in the order of the table."""
    return [job for job in JOBS.values() if job.is_on(settings)]
