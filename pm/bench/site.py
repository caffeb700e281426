"""The whole way on one machine: a server that fsyncs always, workers, a sender and a listener.

Each is a process of its own; the workers are those of `pm worker`. Settings files and variables of
whoever measures do not count.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import redis

from pm import keys
from pm.bench.book import BOOK, open_bench_book
from pm.bench.errors import BenchError
from pm.bench.listening import Listener, listener
from pm.bench.private_server import private_server
from pm.bench.sending import Sender, sender
from pm.bench.workload import Spread, reference_of
from pm.books import reference_store
from pm.connect import connect

_READY_WITHIN_S = 30.0
_APPLIED_WITHIN_S = 180.0
_LOOK_EVERY_S = 0.02
_PROJECT = Path(__file__).resolve().parents[2]


class Site:
    """What runs. Fills are sent by `sender`; `settle` waits until they are applied."""

    def __init__(
        self, target: str, client: redis.Redis, sending: Sender, listening: Listener, folder: Path
    ) -> None:
        self.target = target
        self.client = client
        self.sender = sending
        self.listener = listening
        self._folder = folder
        self._workers: list[subprocess.Popen[bytes]] = []

    def start_worker(self) -> subprocess.Popen[bytes]:
        """Start one, and return when it has announced itself."""
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("PM_")
        }
        environment |= {"PM_REDIS_URL": self.target, "PYTHONPATH": str(_PROJECT)}
        process = subprocess.Popen(
            [sys.executable, "-m", "pm.cli.main", "worker", "--count", "1", "--no-valuation"],
            cwd=self._folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._workers.append(process)
        self._wait(lambda: self.client.zscore(keys.workers(), _name(process)) is not None)
        return process

    def holder(self) -> subprocess.Popen[bytes]:
        """The worker that holds the book's lease."""
        self._wait(lambda: self._holder() is not None)
        found = self._holder()
        assert found is not None
        return found

    def stop_workers(self) -> None:
        """End every worker."""
        for process in self._workers:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
            process.wait()

    def settle(self, applied: int) -> None:
        """Return when the book has applied so many fills in all."""
        self._wait(lambda: self.applied() >= applied, within_s=_APPLIED_WITHIN_S)

    def applied(self) -> int:
        """How many fills the book has applied."""
        return int(self.client.hget(keys.book(BOOK), "applied") or 0)

    def _holder(self) -> subprocess.Popen[bytes] | None:
        lease = self.client.get(keys.lease(BOOK))
        alive = (process for process in self._workers if process.poll() is None)
        return next((process for process in alive if _name(process) == lease), None)

    def _wait(self, condition: Any, within_s: float = _READY_WITHIN_S) -> None:
        deadline = time.monotonic() + within_s
        while not condition():
            if time.monotonic() > deadline:
                raise BenchError(f"the workers did not do their part within {within_s:.0f} s")
            time.sleep(_LOOK_EVERY_S)


@contextmanager
def running_site(program: Path, spread: Spread, workers: int) -> Iterator[Site]:
    """A site with its positions open."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pmb-")))
        target = stack.enter_context(private_server(program, "always"))
        client = stack.enter_context(connect(target, role="bench"))
        reference_store.merge(client, reference_of(spread))
        open_bench_book(client)
        path = target.removeprefix("unix://")
        listening = stack.enter_context(listener(path, client))
        sending = stack.enter_context(sender(path, spread))
        site = Site(target, client, sending, listening, folder)
        stack.callback(site.stop_workers)
        for _ in range(workers):
            site.start_worker()
        sending.open_positions()
        site.settle(spread.positions)
        listening.report()
        yield site


def _name(process: subprocess.Popen[bytes]) -> str:
    return f"{socket.gethostname()}-{process.pid}"
