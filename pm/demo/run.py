"""Runs the demo: starts everything, watches it, breaks some of it, proves the books, stops it all.

Whatever ends the run (its end, Ctrl-C, a failure), every process it started is ended and every
socket removed; only `keep` leaves the server, and only after success.
"""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TextIO

from redis import exceptions

from pm.archive import ArchiveError
from pm.books.opening import BookError
from pm.connect import ServerError
from pm.connect.errors import explain
from pm.demo.course import Course, DemoOptions
from pm.demo.delivery import Delivery, deliver
from pm.demo.desk import ARBITRAGE, BOOKS
from pm.demo.errors import DemoError
from pm.demo.folder import prepare
from pm.demo.interrupts import Interrupts
from pm.demo.scenario import (
    DEFAULT_EXECUTIONS,
    DEFAULT_SEED,
    Scenario,
    build_scenario,
    first_moment,
)
from pm.demo.screen import Screen
from pm.demo.statement import VENUE
from pm.demo.system import System
from pm.demo.verdict import give_verdict
from pm.reference.toml_source import ReferenceDataError
from pm.statements.statement import StatementError

INTERRUPTED: Final = 130

_FORESEEABLE: Final = (
    DemoError, ServerError, BookError, ReferenceDataError, ArchiveError, StatementError
)  # fmt: skip

_COMMANDS: Final = (
    "positions",
    "summary",
    f"attribution --strategy {ARBITRAGE}",
    "explain",
    "equity",
    "traces",
    "restatements",
    "archive list",
    "rebuild --dry-run",
)


def run_demo(
    data: Path | None = None,
    *,
    seed: int = DEFAULT_SEED,
    fills: int | None = None,
    speed: float = 1.0,
    workers: int = 2,
    keep: bool = False,
    chaos: bool = False,
    out: TextIO | None = None,
) -> int:
    """Run the demo in a folder of its own; 0, or 1 when a book is wrong or the run failed.

    Ctrl-C and SIGTERM give 130, with everything stopped.
    """
    options = DemoOptions(data, seed, fills or DEFAULT_EXECUTIONS, speed, workers, keep, chaos)
    interrupts = Interrupts()
    try:
        with interrupts.listening():
            return _run(options, interrupts, out or sys.stdout)
    except _FORESEEABLE as error:
        return _failed(str(error))
    except exceptions.RedisError as error:
        return _failed(explain(error, "the demo's server"))
    except OSError as error:
        return _failed(f"{error.filename or 'the system'}: {error.strerror or error}")
    except KeyboardInterrupt:
        print("demo: interrupted; everything is stopped", file=sys.stderr)
        return INTERRUPTED


def _failed(text: str) -> int:
    print(f"demo: {text}", file=sys.stderr)
    return 1


def _run(options: DemoOptions, interrupts: Interrupts, out: TextIO) -> int:
    first_at = first_moment(time.time_ns(), options.executions)
    scenario = build_scenario(options.seed, options.executions, first_at)
    delivery = deliver(scenario.frames, options.seed)
    folder = prepare(options.data, options.workers)
    known = {**scenario.reference.instruments, **scenario.late_instruments.instruments}
    screen = Screen(out, scenario.executions, known)
    try:
        with System(folder, interrupts, keep=options.keep) as system:
            _introduce(screen, system, options, scenario, delivery)
            began_ns = time.time_ns()
            Course(system, screen, scenario, options, first_at).through()
            middle_ns = (began_ns + time.time_ns()) // 2
            is_right = give_verdict(system, scenario, delivery, screen)
            system.is_kept = is_right and options.keep
            _say_goodbye(screen, system, middle_ns)
            return 0 if is_right else 1
    finally:
        screen.close()


def _introduce(
    screen: Screen, system: System, options: DemoOptions, scenario: Scenario, delivery: Delivery
) -> None:
    screen.say(
        f"relay -> gateway -> {len(BOOKS)} books ({', '.join(BOOKS)}) -> {options.workers} workers,"
        f" on a private server in {system.folder.given}"
    )
    screen.say(
        f"a trading day of seed {options.seed}: {scenario.executions:,} executions in"
        f" {delivery.frames:,} frames, some twice, some damaged"
    )
    screen.say("")


def _say_goodbye(screen: Screen, system: System, middle_ns: int) -> None:
    folder = system.folder
    given, settings = folder.given, folder.shown_settings
    middle = datetime.fromtimestamp(middle_ns // 10**9, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    screen.say("")
    if not system.is_kept:
        screen.say(f"The books are in {given}; look at them with")
    else:
        path = system.target.removeprefix("unix://")
        screen.say("The server goes on. Try")
        for command in ("--scan --pattern 'pm:*:position:*'", "HGETALL 'pm:{main}:book'"):
            screen.say(f"  redis-cli -s {path} {command}")
        screen.say(f"  redis-cli -s {path} HGETALL 'pm:{{main}}:balance:binance:USDT'")
    in_the_past = f"positions --at {middle}"
    statement = f"reconcile --venue {VENUE} --statement {folder.shown_statement}"
    for command in (*_COMMANDS, in_the_past, statement):
        screen.say(f"  pm --config {settings} {command}")
    if system.is_kept:
        screen.say(f"  pm --config {settings} stop")
