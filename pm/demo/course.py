"""The course of one run: the day goes on, what is to happen happens, and everything gets in.

It ends with the books at rest: the day is closed, the workers are stopped, the server goes on.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from redis import exceptions

from pm.demo.amending import amend
from pm.demo.amendments import tell_of
from pm.demo.bridge import Bridge
from pm.demo.delivery import DEFAULT_RATE
from pm.demo.desk import BOOKS, BRIDGE, STRATEGY_NAMES, TREASURY
from pm.demo.errors import DemoError
from pm.demo.incidents import Incident, WorkerDeath
from pm.demo.late_instrument import LateInstrument
from pm.demo.price_feed import PriceFeed
from pm.demo.reserving import ReservingDesk
from pm.demo.scenario import DEFAULT_EXECUTIONS, DEFAULT_SEED, Scenario
from pm.demo.screen import Screen
from pm.demo.system import System
from pm.demo.view import View, read_view
from pm.marks import store

_POLL_S: Final = 0.2
_STALLED_AFTER_S: Final = 60.0
_SEND_AT, _KILL_WORKER_AT, _ARRIVE_AT, _KILL_GATEWAY_AT = 120, 250, 400, 450
_ADD_INSTRUMENT_AT, _KILL_SERVER_AT = 600, 750


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


class Course:
    """One run from its start to the close of its day."""

    def __init__(
        self,
        system: System,
        screen: Screen,
        scenario: Scenario,
        options: DemoOptions,
        first_at: int,
    ) -> None:
        self._system = system
        self._screen = screen
        self._scenario = scenario
        self._options = options
        self._first_at = first_at
        self._late = LateInstrument(scenario.late_instruments)
        self._death = WorkerDeath(system, screen.tell)
        self._prices = PriceFeed(system.writer, scenario.prices)
        self._bridge = Bridge(system.capital.transfers, BRIDGE, scenario.reference, screen.tell)
        self._desk = ReservingDesk(system.capital, scenario.reservations, system.folder.clearance)
        self._moved_at = time.monotonic()
        self._seqs: list[int] = []

    def through(self) -> None:
        """Start everything, see the day through, and stop all but the server."""
        self._start()
        incidents = self._incidents()
        while incidents or not self._system.relay_report().is_over:
            view = self._look()
            if view is not None:
                self._desk.work(view.reserving)
                self._let_happen(incidents, view)
            time.sleep(_POLL_S)
        self._settle()
        self._close()
        self._system.stop_others()

    def _start(self) -> None:
        options, system = self._options, self._system
        system.open_books(self._scenario)
        rate = DEFAULT_RATE * options.speed
        system.start_relay_and_workers(
            options.seed, options.executions, rate, self._first_at, options.workers
        )
        self._screen.tell("the books are open, each strategy has its capital; the workers start")
        while not self._is_served(self._look()):
            time.sleep(_POLL_S)
        self._screen.tell("every book is served by a worker; the gateway connects to the relay")
        system.start_gateway()

    def _is_served(self, view: View | None) -> bool:
        return view is not None and all(book.worker is not None for book in view.books)

    def _incidents(self) -> list[Incident]:
        incidents = [
            Incident(_SEND_AT, lambda view: self._bridge.send()),
            Incident(_ARRIVE_AT, lambda view: self._bridge.arrive()),
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

    def _settle(self) -> None:
        """After the last frame: everything into the books."""
        self._screen.tell("the relay has sent everything; gateway and workers finish")
        while not self._system.relay_report().is_heard:
            self._look()
            time.sleep(_POLL_S)
        self._system.stop_gateway()
        self._wait_until_applied()
        self._add_instrument()
        self._wait_until_applied()
        self._late.settle(self._system.writer)
        view = self._look()
        if view is not None and not view.reserving:
            self._screen.tell(
                f"all {self._desk.reserved} swaps of {STRATEGY_NAMES[TREASURY]} reserved what they"
                " needed before they went out; nothing is reserved any more"
            )

    def _close(self) -> None:
        """Close the day: trades taken back, what happens to instruments, and the last prices."""
        amendments, close = self._scenario.amendments, self._scenario.close
        amend(self._system.capital.corrections, amendments)
        self._screen.tell(tell_of(amendments, self._scenario.expected.reference))
        self._system.publish(close.events)
        self._prices.close(close.prices)
        self._wait_until_applied()
        # Prices of before the split are told apart by it; the valuation process sees to that.
        self._wait_until(lambda: bool(store.splits(self._system.client)))
        for line in close.told:
            self._screen.tell(line)

    def _wait_until_applied(self) -> None:
        self._wait_until(lambda: self._system.has_applied_all() and self._death.is_over)

    def _wait_until(self, is_so: Callable[[], bool]) -> None:
        while not is_so():
            self._look()
            time.sleep(_POLL_S / 4)

    def _look(self) -> View | None:
        """Show the books as they are; None while the server does not answer."""
        self._system.check_children()
        try:
            view = read_view(self._system.client, BOOKS)
            self._prices.follow(view.trades)
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
