"""Runs the demo: starts everything, watches it, breaks some of it, proves the books, stops it all.

Whatever ends the run (its end, Ctrl-C, a failure), every process it started is ended and every
socket removed; only `keep` leaves the server, and only after success.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TextIO

from redis import exceptions

from pm.books.opening import BookError
from pm.connect import ServerError
from pm.connect.errors import explain
from pm.demo.delivery import DEFAULT_RATE, Delivery, deliver
from pm.demo.desk import BOOKS
from pm.demo.errors import DemoError
from pm.demo.folder import prepare
from pm.demo.incidents import Incident, WorkerDeath
from pm.demo.interrupts import Interrupts
from pm.demo.late_instrument import LateInstrument
from pm.demo.scenario import DEFAULT_EXECUTIONS, DEFAULT_SEED, Scenario, build_scenario
from pm.demo.screen import Screen
from pm.demo.system import System
from pm.demo.verdict import give_verdict
from pm.demo.view import View, read_view
from pm.reference.toml_source import ReferenceDataError

INTERRUPTED: Final = 130

_POLL_S: Final = 0.2
_STALLED_AFTER_S: Final = 60.0
_KILL_WORKER_AT, _KILL_GATEWAY_AT, _ADD_INSTRUMENT_AT, _KILL_SERVER_AT = 250, 450, 600, 750


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What a run is to be; `speed` multiplies the usual rate of executions."""

    data: Path | None = None
    seed: int = DEFAULT_SEED
    executions: int = DEFAULT_EXECUTIONS
    speed: float = 1.0
    workers: int = 2
    keep: bool = False
    chaos: bool = False


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
    scenario = build_scenario(options.seed, options.executions)
    delivery = deliver(scenario.frames, options.seed)
    folder = prepare(options.data, options.workers)
    known = {**scenario.reference.instruments, **scenario.late_instruments.instruments}
    screen = Screen(out, scenario.executions, known)
    try:
        with System(folder, interrupts, keep=options.keep) as system:
            _introduce(screen, system, options, scenario, delivery)
            run = _Run(system, screen, scenario, options)
            view = run.through()
            screen.finish(view)
            is_right = give_verdict(system.client, scenario, delivery, view, screen)
            system.is_kept = is_right and options.keep
            _say_goodbye(screen, system, is_kept=system.is_kept)
            return 0 if is_right else 1
    finally:
        screen.close()


class _Run:
    """The course of one run."""

    def __init__(
        self, system: System, screen: Screen, scenario: Scenario, options: DemoOptions
    ) -> None:
        self._system = system
        self._screen = screen
        self._scenario = scenario
        self._options = options
        self._late = LateInstrument(scenario.late_instruments)
        self._death = WorkerDeath(system, screen.tell)
        self._moved_at = time.monotonic()
        self._seqs: list[int] = []

    def through(self) -> View:
        """Start everything, see the day through, and return what the books show after it."""
        self._start()
        incidents = self._incidents()
        while incidents or not self._system.relay_report().is_over:
            view = self._look()
            if view is not None:
                self._let_happen(incidents, view)
            time.sleep(_POLL_S)
        return self._settle()

    def _start(self) -> None:
        options, system = self._options, self._system
        system.open_books(self._scenario)
        rate = DEFAULT_RATE * options.speed
        system.start_relay_and_workers(options.seed, options.executions, rate, options.workers)
        self._screen.tell("the books are open and funded; the workers start")
        while not self._is_served(self._look()):
            time.sleep(_POLL_S)
        self._screen.tell("every book is served by a worker; the gateway connects to the relay")
        system.start_gateway()

    def _is_served(self, view: View | None) -> bool:
        return view is not None and all(book.worker is not None for book in view.books)

    def _incidents(self) -> list[Incident]:
        incidents = [
            Incident(_KILL_WORKER_AT, self._death.kill),
            Incident(_ADD_INSTRUMENT_AT, lambda view: self._add_instrument()),
        ]
        if self._options.chaos:
            incidents.append(Incident(_KILL_GATEWAY_AT, lambda view: self._kill_gateway()))
            incidents.append(Incident(_KILL_SERVER_AT, self._kill_server))
        return sorted(incidents, key=lambda incident: incident.permille)

    def _let_happen(self, incidents: list[Incident], view: View) -> None:
        permille = 1000 * view.trades // self._scenario.executions
        while incidents and permille >= incidents[0].permille and incidents[0].happen(view):
            del incidents[0]

    def _settle(self) -> View:
        """After the last frame: everything into the books, then stop all but the server."""
        self._screen.tell("the relay has sent everything; gateway and workers finish")
        while not self._system.relay_report().is_heard:
            self._look()
            time.sleep(_POLL_S)
        self._system.stop_gateway()
        self._wait_until_applied()
        self._add_instrument()
        self._wait_until_applied()
        self._late.settle(self._system.writer)
        view = read_view(self._system.client, BOOKS)
        self._system.stop_others()
        return view

    def _wait_until_applied(self) -> None:
        while not (self._system.has_applied_all() and self._death.is_over):
            self._look()
            time.sleep(_POLL_S / 4)

    def _look(self) -> View | None:
        """Show the books as they are; None while the server does not answer."""
        self._system.check_children()
        try:
            view = read_view(self._system.client, BOOKS)
        except exceptions.RedisError:
            view = None
        if view is not None:
            self._death.watch(view)
            self._screen.show(view)
            seqs = [book.seq for book in view.books]
            if seqs != self._seqs:
                self._seqs, self._moved_at = seqs, time.monotonic()
        if time.monotonic() - self._moved_at > _STALLED_AFTER_S:
            raise DemoError(
                f"nothing has moved for {_STALLED_AFTER_S:.0f} s; the logs in"
                f" {self._system.folder.given} say why"
            )
        return view

    def _add_instrument(self) -> bool:
        """Add the instrument nobody knew and give its frames another try; True, it is done."""
        self._late.add(self._system.writer, BOOKS)
        replayed = self._late.replay(self._system.writer, BOOKS)
        if replayed:
            names = ", ".join(self._late.instrument_ids)
            self._screen.tell(
                f"{names} added to the reference data; its {replayed} frames replayed from"
                " quarantine"
            )
        return True

    def _kill_gateway(self) -> bool:
        self._system.restart_gateway_after_kill()
        self._screen.tell(
            "gateway killed (SIGKILL) and started again; the relay repeats its last frames to it"
        )
        return True

    def _kill_server(self, view: View) -> bool:
        before = sum(book.seq for book in view.books)
        away_s = self._system.restart_server_after_kill()
        after = sum(book.seq for book in read_view(self._system.client, BOOKS).books)
        self._screen.tell(
            f"server killed (SIGKILL); back after {away_s:.1f} s with {after:,} journal entries,"
            f" {before:,} were seen before"
        )
        return True


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
    screen.say(f"  pm --config {settings} positions")
    if is_kept:
        screen.say(f"  pm --config {settings} stop")
