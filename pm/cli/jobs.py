"""Commands about jobs: run them at their intervals, show, run one now, try one again."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict

import click

from pm.archive.fitting import misfits
from pm.cli.output import JSON_OPTION, iso, print_json, print_table
from pm.cli.process_log import log_to_stderr
from pm.cli.processes import (
    running,
    same_options,
    stop_on_signals,
)
from pm.cli.session import Failure, Options, ensure_library, failures, load, session
from pm.settings import Settings

log = logging.getLogger("pm.jobs")

log = logging.getLogger("pm.jobs")


@click.group("jobs", invoke_without_command=True)
@click.option("--verbose", is_flag=True, help="Log more.")
@click.option(
    "--member", nargs=2, type=(str, int), hidden=True, help="A queue, and the `pm jobs` that asks."
)
@click.pass_context
def jobs(context: click.Context, verbose: bool, member: tuple[str, int] | None) -> None:
    """Run every job at its interval until stopped: the schedule and a process for each queue."""
    if context.invoked_subcommand is not None:
        return
    options: Options = context.obj
    log_to_stderr(load(options), verbose)
    if member is not None:
        sys.exit(_serve(options, *member))
    sys.exit(_schedule(options, ["--verbose"] if verbose else []))


def _serve(options: Options, queue_name: str, parent: int) -> int:
    from workers.jobs.queue import QueueServer
    from workers.jobs.running import Runner
    from workers.jobs.serving import serve

    stop = stop_on_signals()
    settings = load(options)
    target = settings.redis.target or ""
    runner = Runner(settings, target, QueueServer.of(settings, target))
    return serve(queue_name, runner, stop, parent)


def _schedule(options: Options, told: list[str]) -> int:
    from workers.jobs.queue import QueueServer
    from workers.jobs.schedule import Scheduler
    from workers.jobs.table import QUEUES
    from workers.pool import Pool

    stop = stop_on_signals()
    with session(options) as current:
        with current.client() as client:
            ensure_library(client)
            for misfit in misfits(client, current.settings.archive_path):
                log.warning("%s", misfit)
        server = QueueServer.of(current.settings, current.target)
        server.check()
        command, environment = same_options(options, current.target)
        with ExitStack() as members:
            for name in QUEUES:
                member = [*command, "jobs", "--member", name, str(os.getpid()), *told]
                members.enter_context(running(Pool(member, 1, environment), stop))
            log.info("queues: %s", "; ".join(_queues(current.settings)))
            Scheduler(current.settings, server).run(stop)
    return 0


def _queues(settings: Settings) -> Iterator[str]:
    """Every queue with the jobs that go through it."""
    from workers.jobs.table import QUEUES, jobs_on

    for queue in QUEUES:
        names = [job.name for job in jobs_on(settings) if job.queue == queue]
        yield f"{queue} ({', '.join(names)})"


@jobs.command("list")
@click.option("--all", "every", is_flag=True, help="Also all finished runs that are still kept.")
@JSON_OPTION
@click.pass_obj
def list_jobs(options: Options, every: bool, as_json: bool) -> None:
    """Show every job and how it last ended, and the runs that wait, run or have failed."""
    from workers.jobs.listing import runs, summaries
    from workers.jobs.queue import QueueServer

    with session(options, writes=False) as current:
        server = QueueServer.of(current.settings, current.target)
        server.check()
        with failures():
            found, jobs_found = runs(server, finished=every), summaries(server, current.settings)
    if as_json:
        print_json(
            {
                "jobs": [asdict(row) for row in jobs_found],
                "runs": [asdict(run) for run in found],
            }
        )
        return
    print_table(
        ("job", "every", "done", "failed", "last ended (UTC)", "ms", "how"),
        [
            (
                row.name,
                f"{row.interval_s} s" if row.is_on else "off",
                str(row.successes),
                str(row.failures),
                iso(row.ended_at),
                "-" if row.duration_ms is None else str(row.duration_ms),
                f"failed: {row.error}" if row.error else row.result or "-",
            )
            for row in jobs_found
        ],
        (2, 3, 5),
    )
    shown = [run for run in found if every or run.state != "finished"]
    if not shown:
        return
    click.echo()
    print_table(
        ("run", "slot", "state", "attempts", "when (UTC)", "error"),
        [
            (
                run.id,
                "-" if run.slot is None else str(run.slot),
                run.state,
                str(run.attempts),
                iso(run.at),
                run.text,
            )
            for run in shown
        ],
        (1, 3),
    )


@jobs.command("run")
@click.argument("name")
@JSON_OPTION
@click.pass_obj
def run_job(options: Options, name: str, as_json: bool) -> None:
    """Run the job NAME once, now and here."""
    from workers.jobs.queue import QueueServer
    from workers.jobs.running import JobFailed, Runner
    from workers.jobs.table import JOBS

    if name not in JOBS:
        raise click.UsageError(f"there is no job {name}: {', '.join(JOBS)}")
    with session(options) as current:
        with current.client() as client:
            ensure_library(client)
        server = QueueServer.of(current.settings, current.target)
        server.check()
        job = JOBS[name]
        if not job.is_on(current.settings):
            raise Failure(f"the settings turn the job {name} off")
        slot = int(time.time()) // job.interval_s(current.settings)
        try:
            done = Runner(current.settings, current.target, server).run(name, slot)
        except JobFailed as error:
            raise Failure(f"{name}: {error}") from None
    if as_json:
        print_json({"job": name, "result": done})
    else:
        click.echo(f"{name}: {done}")


@jobs.command("retry")
@click.argument("run_id", metavar="ID")
@JSON_OPTION
@click.pass_obj
def retry_run(options: Options, run_id: str, as_json: bool) -> None:
    """Put the failed run ID (of `pm jobs list`) into its queue again."""
    from workers.jobs.listing import NoSuchRun, retry
    from workers.jobs.queue import QueueServer

    with session(options) as current:
        server = QueueServer.of(current.settings, current.target)
        server.check()
        try:
            retry(server, run_id)
        except NoSuchRun as error:
            raise Failure(str(error)) from None
    if as_json:
        print_json({"run": run_id, "state": "queued"})
    else:
        click.echo(f"{run_id} is in its queue again")


COMMANDS = [jobs]
