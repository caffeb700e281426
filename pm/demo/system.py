"""The running system of one demo: a private server, a relay, a gateway and a pool of workers.

`close` (or the end of a `with` block) stops them in the order in which nothing is lost: the gateway
hands over what it has, the workers finish their batch, then the relay and the server go.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from types import TracebackType
from typing import Any, Final

import redis

from pm import keys
from pm.books import lanes, opening, reference_store
from pm.client.capital import Capital
from pm.connect import connect
from pm.demo.book_event import BookEvent
from pm.demo.desk import BOOKS
from pm.demo.errors import DemoError
from pm.demo.folder import DemoFolder
from pm.demo.interrupts import Interrupts
from pm.demo.price_feed import PriceFeed
from pm.demo.processes import Child, start_gateway, start_relay, start_workers
from pm.demo.relay_report import RelayReport, read_report
from pm.demo.scenario import Scenario
from pm.events.message import pack
from pm.functions import library
from pm.server import embedded_server, start_detached
from pm.server import stop as stop_server
from pm.server.folder import open_folder
from pm.server.locks import is_alive
from pm.server.process import read_pid
from pm.settings import load_settings

_READ_REPEATS: Final = 3


class System:
    """Everything that runs. `client` reads and gives text; `writer` writes and gives bytes.

    `capital` is what a risk manager and a treasury have.
    """

    def __init__(self, folder: DemoFolder, interrupts: Interrupts, *, keep: bool) -> None:
        self.folder = folder
        self.settings = load_settings(folder.settings, {})
        self._interrupts = interrupts
        self.keep = keep
        self.is_kept = False
        self.target = ""
        self._stack = ExitStack()
        self._children: dict[str, Child] = {}

    def __enter__(self) -> System:
        self._stack.callback(self.folder.remove_sockets)
        if self.keep:
            self._stack.callback(self._end_server_unless_kept)
        try:
            with self._interrupts.deferred():
                self._start_server()
            self.client = self._connect(decode=True, repeats=_READ_REPEATS)
            self.writer = self._connect(decode=False, repeats=0)
            self.capital = Capital(self._connect(decode=False, repeats=0), self.settings)
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    @property
    def gateway(self) -> Child:
        """The gateway's process."""
        return self._children["gateway"]

    @property
    def pool(self) -> Child:
        """The process that keeps the workers."""
        return self._children["workers"]

    @property
    def relay(self) -> Child:
        """The relay's process."""
        return self._children["relay"]

    def open_books(self, scenario: Scenario) -> None:
        """Load functions, reference data and marks, open the books, publish their beginning."""
        library.load(self.writer)
        version, changed = reference_store.merge(self.writer, scenario.reference)
        PriceFeed(self.writer, scenario.prices).follow(0)
        size = self.settings.portfolio_manager.seen_generation_size
        for book in BOOKS:
            opening.open_book(self.writer, book, seen_generation_size=size)
            opening.adopt_reference(self.writer, book, version, len(changed))
        self.publish(scenario.before)

    def publish(self, events: Sequence[BookEvent]) -> None:
        """Put events on the lanes of their books, as a producer without a gateway does."""
        for book in BOOKS:
            packed = [pack(given.event) for given in events if given.book == book]
            lanes.publish(self.writer, book, packed, time.time_ns())

    def start_relay_and_workers(
        self, seed: int, executions: int, rate: float, first_at: int, workers: int
    ) -> None:
        """Start all but the gateway; the relay begins when that is connected."""
        self._stack.callback(self._stop_children)
        with self._interrupts.deferred():
            relay = start_relay(self.folder, seed, executions, rate, first_at)
            self._children["relay"] = relay
            self._children["workers"] = start_workers(self.folder, self.target, workers)

    def start_gateway(self) -> None:
        """Start the gateway."""
        with self._interrupts.deferred():
            self._children["gateway"] = start_gateway(self.folder, self.target)

    def check_children(self) -> None:
        """DemoError if one of them has ended by itself."""
        for child in self._children.values():
            child.check()

    def relay_report(self) -> RelayReport:
        """How far the relay is."""
        return read_report(self.relay.log.read_text(errors="replace"))

    def stop_gateway(self) -> None:
        """Let the gateway read and hand over what is left, and end."""
        gateway = self._children.pop("gateway")
        code = gateway.stop()
        if code != 0:
            raise DemoError(f"the gateway ended with {code}: {gateway.last_line()}")

    def stop_others(self) -> None:
        """Stop the workers and the relay."""
        for name in ("workers", "relay"):
            self._children.pop(name).stop()

    def restart_gateway_after_kill(self) -> None:
        """Kill the gateway and start another, as a supervisor would."""
        self.gateway.kill()
        self.start_gateway()

    def restart_server_after_kill(self) -> float:
        """Kill the server and start it again on its data; how many seconds it was away."""
        server = open_folder(self.folder.path, create=False)
        pid = read_pid(server)
        if pid is None:
            raise DemoError(f"{self.folder.given}: the server has not said its process id")
        killed_at = time.monotonic()
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        while is_alive(server):
            time.sleep(0.005)
        with self._interrupts.deferred():
            self._start_server()
        self.writer.connection_pool.disconnect()
        return time.monotonic() - killed_at

    def start_empty_server(self) -> redis.Redis:
        """Another private server with nothing on it, until the end; its client gives bytes."""
        with self._interrupts.deferred():
            target = self._stack.enter_context(embedded_server(self.folder.rebuilt))
            client = connect(target, role="demo", decode=False)
            self._stack.callback(client.close)
        return client

    def has_applied_all(self) -> bool:
        """Whether every lane of every book is done to its last entry."""
        for book in BOOKS:
            names = lanes.of_book(self.client, book)
            done = lanes.cursors(self.client, book, names)
            for name in names:
                last: Any = self.writer.xrevrange(keys.lane(book, name), count=1)
                if last and not lanes.is_past(done[name], last[0][0].decode()):
                    return False
        return True

    def _start_server(self) -> None:
        if self.keep:
            self.target = start_detached(self.folder.path)
        else:
            self.target = self._stack.enter_context(embedded_server(self.folder.path))

    def _connect(self, *, decode: bool, repeats: int) -> redis.Redis:
        client = connect(self.target, role="demo", decode=decode, repeats=repeats)
        self._stack.callback(client.close)
        return client

    def _close(self) -> None:
        with self._interrupts.deferred():
            self._stack.close()

    def _stop_children(self) -> None:
        for name in ("gateway", "workers", "relay"):
            child = self._children.pop(name, None)
            if child is not None:
                child.stop()

    def _end_server_unless_kept(self) -> None:
        if not self.is_kept:
            stop_server(self.folder.path)
