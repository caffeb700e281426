"""The same fills on two servers in turns: applied on one, their floor on the other.

Two processes, so that neither pays for the other's garbage. A third applies the fills first to note
the commands. All three books go the same way to the last byte, which the digests prove. Times are
the servers' own, call by call, without the way to the server and back; the median over the calls
leaves out those in which the machine did something else.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import redis

from pm.bench import floor
from pm.bench.book import apply, digest
from pm.bench.errors import BenchError
from pm.bench.opened import opened_desk, opened_server
from pm.bench.scale import Scale
from pm.bench.workload import Digits, Spread
from pm.connect import connect

_TIMEOUT_S = 120.0
_CALLS_MAX = 100_000


@dataclass(frozen=True, slots=True)
class Cost:
    """Inside the server, in µs a fill: applying, its floor, and carrying the floor's commands."""

    apply: float
    floor: float
    carry: float

    @property
    def ratio(self) -> float:
        """What applying costs, in floors."""
        return self.apply / self.floor


@dataclass(slots=True)
class Spent:
    """The time of each call, in µs a fill."""

    apply: list[float] = field(default_factory=list)
    replay: list[float] = field(default_factory=list)
    carry: list[float] = field(default_factory=list)

    def cost(self) -> Cost:
        """The medians."""
        carry = median(self.carry)
        return Cost(median(self.apply), median(self.replay) - carry, carry)


class Lockstep:
    """Three books that go the same way; `target` is the server of the applied one."""

    def __init__(
        self,
        target: str,
        clients: tuple[redis.Redis, redis.Redis, redis.Redis],
        spread: Spread,
        digits: Digits,
    ) -> None:
        """All servers must hold the opened book."""
        self.target = target
        self._applied, self._floored, self._recorder = clients
        self._desk, self._calls = opened_desk(spread, digits)
        floor.load_recorder(self._recorder)
        floor.load_replayer(self._floored)
        for client in (self._applied, self._floored):
            _time_calls(client)
            client.slowlog_reset()

    def measure(self, batch: int, calls: int, spent: Spent) -> None:
        """One round: so many calls of so many fills, applied here and replayed there."""
        made = [self._calls.of(self._desk.fills(batch)) for _ in range(calls)]
        recordings = [floor.record(self._recorder, call) for call in made]
        for call, recording in zip(made, recordings, strict=True):
            apply(self._applied, call)
            floor.replay(self._floored, recording)
            floor.replay(self._floored, recording, floor.CARRY)
        spent.apply += [time / batch for time in _call_times_us(self._applied)]
        floored = _call_times_us(self._floored)
        spent.replay += [time / batch for time in floored[0::2]]
        spent.carry += [time / batch for time in floored[1::2]]
        if digest(self._applied) != digest(self._floored):
            raise BenchError("the floor did not end where apply did")


@contextmanager
def lockstep(scale: Scale, spread: Spread, digits: Digits) -> Iterator[Lockstep]:
    """Three new servers with the positions open."""
    with ExitStack() as stack:
        targets = [stack.enter_context(opened_server(scale, spread, digits)) for _ in range(3)]
        clients = [
            stack.enter_context(connect(target, role="bench", decode=False, timeout_s=_TIMEOUT_S))
            for target in targets
        ]
        yield Lockstep(targets[0], (clients[0], clients[1], clients[2]), spread, digits)


def _time_calls(client: redis.Redis) -> None:
    client.config_set("slowlog-max-len", _CALLS_MAX)
    client.config_set("slowlog-log-slower-than", 0)


def _call_times_us(client: redis.Redis) -> list[int]:
    """The times of the function calls since the last time this was asked, oldest first."""
    found: Any = client.slowlog_get(_CALLS_MAX)
    client.slowlog_reset()
    calls = [entry for entry in found if entry["command"].startswith(b"FCALL ")]
    return [int(entry["duration"]) for entry in sorted(calls, key=lambda entry: entry["id"])]
