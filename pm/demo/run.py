"""Runs the demo: starts everything, watches it, breaks some of it, proves the books, stops it all.

Whatever ends the run (its end, Ctrl-C, a failure), every process it started is ended and every
socket removed; only `keep` leaves the server, and only after success.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Final, TextIO

from redis import exceptions

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
from pm.demo.system import System
from pm.demo.verdict import give_verdict
from pm.reference.toml_source import ReferenceDataError

INTERRUPTED: Final = 130

_COMMANDS: Final = (
    "positions",
    "summary",
    f"attribution --strategy {ARBITRAGE}",
    "explain",
    "equity",
    "traces",
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
    except (DemoError, ServerError, BookError, ReferenceDataError) as error:
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
            Course(system, screen, scenario, options, first_at).through()
            is_right = give_verdict(system, scenario, delivery, screen)
            system.is_kept = is_right and options.keep
            _say_goodbye(screen, system, is_kept=system.is_kept)
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


def _say_goodbye(screen: Screen, system: System, *, is_kept: bool) -> None:
    given, settings = system.folder.given, system.folder.shown_settings
    screen.say("")
    if not is_kept:
        screen.say(f"The books are in {given}; look at them with")
    else:
        path = system.target.removeprefix("unix://")
        screen.say("The server goes on. Try")
        for command in ("--scan --pattern 'pm:*:position:*'", "HGETALL 'pm:{main}:book'"):
            screen.say(f"  redis-cli -s {path} {command}")
        screen.say(f"  redis-cli -s {path} HGETALL 'pm:{{main}}:balance:binance:USDT'")
    for command in _COMMANDS:
        screen.say(f"  pm --config {settings} {command}")
    if is_kept:
        screen.say(f"  pm --config {settings} stop")
