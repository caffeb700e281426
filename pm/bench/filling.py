"""A process that applies fills at a steady rate.

One fill a call, whatever else the server does. A fill's time counts from the moment it was due, so
that one which had to wait for the fill before it does not hide that. It goes straight to `apply`:
what is measured is how long others keep the server from a fill.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any, Final

from pm.bench.book import apply
from pm.bench.errors import BenchError
from pm.bench.opened import opened_desk
from pm.bench.workload import EXCHANGE, Spread
from pm.connect import connect

_ANSWER_WITHIN_S: Final = 300.0
_TIMEOUT_S: Final = 60.0
_READY: Final = "ready"
_STOP: Final = "stop"


class Filler:
    """The process, seen from outside."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    def start(self, rate: float) -> None:
        """Begin to apply so many fills a second."""
        self._pipe.send(rate)

    def stop(self) -> array[int]:
        """Stop; the times in ns from when each fill was due."""
        self._pipe.send(_STOP)
        found: array[int] = self.answer()
        return found

    def answer(self) -> Any:
        """What the process says next."""
        if not self._pipe.poll(_ANSWER_WITHIN_S):
            raise BenchError("the filling process does not answer")
        try:
            return self._pipe.recv()
        except EOFError:
            raise BenchError("the filling process ended") from None


@contextmanager
def filler(target: str, spread: Spread) -> Iterator[Filler]:
    """A process whose desk has opened the positions of this book."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(target, spread, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        found = Filler(ours)
        if found.answer() != _READY:
            raise BenchError("the filling process does not start")
        yield found
    finally:
        process.kill()
        process.join()
        ours.close()


def _serve(target: str, spread: Spread, pipe: Connection) -> None:
    desk, calls = opened_desk(spread, EXCHANGE)
    with (
        connect(target, role="bench", decode=False, timeout_s=_TIMEOUT_S) as client,
        suppress(EOFError),
    ):
        pipe.send(_READY)
        while True:
            gap_ns = int(1e9 / pipe.recv())
            times = array("q")
            due = time.perf_counter_ns() + gap_ns
            while not pipe.poll():
                call = calls.of(desk.fills(1))
                time.sleep(max(0, due - time.perf_counter_ns()) / 1e9)
                apply(client, call)
                times.append(time.perf_counter_ns() - due)
                due += gap_ns
            pipe.recv()
            pipe.send(times)
