"""Commands that run processes: worker, valuation, gateway, demo, stop."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click

from pm.cli.process_log import log_to_stderr
from pm.cli.session import (
    Failure,
    Options,
    ensure_books,
    ensure_library,
    failures,
    load,
    session,
)
from pm.server import stop as stop_server

if TYPE_CHECKING:
    from workers.pool import Pool

PARENT_WATCH_S = 0.5


def stop_on_signals() -> threading.Event:
    """An event that SIGTERM and SIGINT set."""
    stop = threading.Event()

    def ask(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, ask)
    return stop


def stop_with_parent(stop: threading.Event, parent: int) -> None:
    """Set `stop` when `parent`, which started this process, is gone: it may have been killed."""

    def watch() -> None:
        while os.getppid() == parent and not stop.wait(PARENT_WATCH_S):
            pass
        stop.set()

    threading.Thread(target=watch, name="parent watch", daemon=True).start()


@click.command()
@click.option(
    "--count", type=click.IntRange(1, 256), help="Worker processes (default workers.count)."
)
@click.option(
    "--valuation/--no-valuation",
    default=True,
    show_default=True,
    help="Also mark the books to market (`pm valuation`).",
)
@click.option("--verbose", is_flag=True, help="Log more.")
@click.option("--member", is_flag=True, hidden=True, help="A member of a pool.")
@click.pass_obj
def worker(
    options: Options, count: int | None, valuation: bool, verbose: bool, member: bool
) -> None:
    """Apply the lanes of all books until stopped (SIGTERM or Ctrl-C finishes the batch in hand)."""
    from workers.pool import Pool
    from workers.worker import Worker

    log_to_stderr(load(options), verbose)
    stop = stop_on_signals()
    if member:
        # The pool has checked the server; a member that starts during an outage waits for its end.
        settings = load(options)
        sys.exit(Worker(settings, settings.redis.target or "").run(stop))
    with session(options) as current:
        with current.client() as client:
            ensure_library(client)
            ensure_books(current, client, list(current.settings.books.names))
        number = count or current.settings.workers.count
        command, environment = same_options(options, current.target)
        told = ["--verbose"] if verbose else []
        beside = Pool([*command, "valuation", "--member", str(os.getpid()), *told], 1, environment)
        with running(beside, stop) if valuation else nullcontext():
            if number == 1:
                code = Worker(current.settings, current.target).run(stop)
            else:
                member_command = [*command, "worker", "--member", *told]
                code = Pool(member_command, number, environment).run(stop)
    sys.exit(code)


@contextmanager
def running(pool: Pool, stop: threading.Event) -> Iterator[None]:
    """The pool beside what the block does; both end with `stop`, and the block's end sets it."""
    thread = threading.Thread(target=pool.run, args=(stop,), name="valuation pool")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@click.command()
@click.option("--verbose", is_flag=True, help="Log more.")
@click.option("--member", type=int, hidden=True, help="The `pm worker` that started it.")
@click.pass_obj
def valuation(options: Options, verbose: bool, member: int | None) -> None:
    """Mark all books to market at every interval until stopped; one process does it at a time."""
    from workers.valuation import ValuationProcess

    log_to_stderr(load(options), verbose)
    stop = stop_on_signals()
    if member is not None:
        stop_with_parent(stop, member)
        settings = load(options)
        sys.exit(ValuationProcess(settings, settings.redis.target or "").run(stop))
    with session(options) as current:
        with current.client() as client:
            ensure_library(client)
        code = ValuationProcess(current.settings, current.target).run(stop)
    sys.exit(code)


def same_options(options: Options, target: str) -> tuple[list[str], dict[str, str]]:
    """A `pm` command with the options this one was given; a URL goes by the environment."""
    command = [sys.executable, "-m", "pm.cli.main"]
    if options.data is not None:
        command += ["--data", str(options.data)]
    if options.config is not None:
        command += ["--config", str(options.config)]
    return command, {**os.environ, "PM_REDIS_URL": target}


@click.command()
@click.option(
    "--socket",
    "socket_path",
    type=click.Path(path_type=Path),
    help="The relay's Unix socket (default gateway.socket_path).",
)
@click.option("--source", help="Name of this relay, part of the lanes' names (gateway.source).")
@click.option("--verbose", is_flag=True, help="Log more.")
@click.pass_obj
def gateway(options: Options, socket_path: Path | None, source: str | None, verbose: bool) -> None:
    """Take executions from the relay into the lanes until stopped."""
    from workers.gateway import run_gateway

    log_to_stderr(load(options), verbose)
    stop = stop_on_signals()
    overrides = {"socket_path": socket_path, "source": source}
    with session(options) as current:
        with current.client() as client:
            ensure_library(client)
            ensure_books(current, client, list(current.settings.books.names))
        given = {name: value for name, value in overrides.items() if value is not None}
        settings = current.settings.model_copy(
            update={"gateway": current.settings.gateway.model_copy(update=given)}
        )
        code = run_gateway(settings, current.target, stop)
    sys.exit(code)


@click.command()
@click.pass_obj
def stop(options: Options) -> None:
    """Stop the private server that `pm demo --keep` left running."""
    settings = load(options)
    if settings.redis.target is not None:
        raise Failure("a server is configured (redis.url): `pm stop` only stops the private one")
    with failures():
        click.echo(stop_server(settings.data).message)


@click.command()
@click.option("--seed", type=int, default=7, show_default=True, help="Seed of the market.")
@click.option("--fills", type=click.IntRange(1), help="Executions to send.")
@click.option(
    "--speed", type=click.FloatRange(0.1, 100), default=1.0, show_default=True, help="Pace."
)
@click.option("--workers", type=click.IntRange(1, 16), default=2, show_default=True)
@click.option("--keep", is_flag=True, help="Leave the server running until `pm stop`.")
@click.option("--chaos", is_flag=True, help="Kill the gateway and the server on the way, too.")
@click.pass_obj
def demo(
    options: Options,
    seed: int,
    fills: int | None,
    speed: float,
    workers: int,
    keep: bool,
    chaos: bool,
) -> None:
    """Run the whole system on a made-up market and prove its books right."""
    from pm.demo import run_demo

    with failures():
        code = run_demo(
            options.data,
            seed=seed,
            fills=fills,
            speed=speed,
            workers=workers,
            keep=keep,
            chaos=chaos,
        )
    sys.exit(code)


COMMANDS = [worker, valuation, gateway, stop, demo]
