"""A process that reserves and releases as a pre-trade check does, and notes how long each took.

Several of them contend for one balance. What a process is told to do it does at once and without a
pause, and then says what came of it.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any, Final, Literal

import redis

from pm.bench.errors import BenchError
from pm.bench.workload import QUOTE, VENUE
from pm.client.capital import Capital, InsufficientBalance
from pm.connect import connect
from pm.decimals import ZERO, Amount

Work = Literal["HSET", "reserve", "release", "rush"]

_ANSWER_WITHIN_S: Final = 300.0
_STRATEGY: Final = 1


@dataclass(frozen=True, slots=True)
class Done:
    """The times of calls in ns, the sum of what they reserved or released, how many were declined.

    `started` and `ended` are ns of a clock that the processes of a machine share.
    """

    times_ns: array[int]
    amount: Amount
    declined: int
    started: int
    ended: int


class Reserver:
    """The process, seen from outside."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    def start(self, work: Work, calls: int, amount: Amount) -> None:
        """Begin to make so many calls of this amount each; orders to release are the last ones."""
        self._pipe.send((work, calls, str(amount)))

    def wait(self) -> Done:
        """Return when all calls are made."""
        found = self._answer()
        return Done(found[0], Amount.parse(found[1]), *found[2:])

    def wait_until_ready(self) -> None:
        """Return when the process can be told to begin."""
        self._answer()

    def _answer(self) -> Any:
        if not self._pipe.poll(_ANSWER_WITHIN_S):
            raise BenchError("a reserving process does not answer")
        try:
            return self._pipe.recv()
        except EOFError:
            raise BenchError("a reserving process ended") from None


@contextmanager
def reservers(target: str, count: int) -> Iterator[Sequence[Reserver]]:
    """So many processes, connected and ready."""
    context = get_context("spawn")
    pipes = [context.Pipe() for _ in range(count)]
    processes = [
        context.Process(target=_serve, args=(target, number, theirs), daemon=True)
        for number, (_, theirs) in enumerate(pipes)
    ]
    for process in processes:
        process.start()
    for _, theirs in pipes:
        theirs.close()
    try:
        found = [Reserver(ours) for ours, _ in pipes]
        for reserver in found:
            reserver.wait_until_ready()
        yield found
    finally:
        for process, (ours, _) in zip(processes, pipes, strict=True):
            process.kill()
            process.join()
            ours.close()


def _serve(target: str, number: int, pipe: Connection) -> None:
    with (
        Capital.open(target) as capital,
        connect(target, role="bench", decode=False) as client,
        suppress(EOFError),
    ):
        client.ping()
        pipe.send("ready")
        desk = _Desk(capital, client, number)
        while True:
            work, calls, amount = pipe.recv()
            done = desk.work(work, calls, Amount.parse(amount))
            pipe.send((done.times_ns, str(done.amount), done.declined, done.started, done.ended))


class _Desk:
    """Makes the calls; numbers its orders so that no other process has the same."""

    def __init__(self, capital: Capital, client: redis.Redis, number: int) -> None:
        self._capital = capital
        self._client = client
        self._number = number
        self._orders = 0

    def work(self, work: Work, calls: int, amount: Amount) -> Done:
        """Make the calls of one kind."""
        call: Callable[[str, Amount], Amount] = {
            "HSET": self._write,
            "reserve": self._reserve,
            "rush": self._reserve,
            "release": self._release,
        }[work]
        first = self._orders - calls if work == "release" else self._orders
        if work != "release":
            self._orders += calls
        times, total, declined = array("q"), ZERO, 0
        begun = time.monotonic_ns()
        for order in range(first, first + calls):
            started = time.perf_counter_ns()
            try:
                total += call(f"{self._number}-{order}", amount)
                times.append(time.perf_counter_ns() - started)
            except InsufficientBalance:
                declined += 1
        return Done(times, total, declined, begun, time.monotonic_ns())

    def _write(self, order: str, _: Amount) -> Amount:
        self._client.hset("bench", order, "1")
        return ZERO

    def _reserve(self, order: str, amount: Amount) -> Amount:
        found = self._capital.reserve(order, VENUE, QUOTE, amount, strategy=_STRATEGY)
        return found.amount

    def _release(self, order: str, amount: Amount) -> Amount:
        found = self._capital.release(order, VENUE, QUOTE, amount, strategy=_STRATEGY)
        return found.amount
