"""The same fills on two servers in turns: applied on one, their floor on the other.

Two processes, so that neither pays for the other's garbage. A third applies the fills first to note
the commands. All three books go the same way to the last byte, which the digests prove. Times are
the servers' own (`commandstats`), without the way to the server and back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import redis

from pm.bench import floor
from pm.bench.book import Calls, apply, apply_all, digest, open_bench_book
from pm.bench.errors import BenchError
from pm.bench.private_server import private_server
from pm.bench.workload import Desk, Digits, Spread, reference_of
from pm.connect import connect

_TIMEOUT_S = 120.0
_OPENINGS_A_CALL = 200


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

    @classmethod
    def medians(cls, rounds: list[Cost]) -> Cost:
        """Each figure's median over several rounds."""
        return cls(
            median(found.apply for found in rounds),
            median(found.floor for found in rounds),
            median(found.carry for found in rounds),
        )


class Lockstep:
    """Three books that go the same way."""

    def __init__(
        self,
        applied: redis.Redis,
        floored: redis.Redis,
        recorder: redis.Redis,
        spread: Spread,
        digits: Digits,
    ) -> None:
        self.applied = applied
        self._floored = floored
        self._recorder = recorder
        self._desk = Desk(spread, digits, seed=spread.positions)
        self._calls = Calls(reference_of(spread))
        self._turn = 0

    def open_positions(self) -> None:
        """Open every position on all three servers."""
        floor.load_recorder(self._recorder)
        floor.load_replayer(self._floored)
        servers = (self.applied, self._floored, self._recorder)
        for client in servers:
            open_bench_book(client)
        openings = list(self._desk.openings())
        for start in range(0, len(openings), _OPENINGS_A_CALL):
            call = self._calls.of(openings[start : start + _OPENINGS_A_CALL])
            for client in servers:
                apply(client, call)

    def measure(self, batch: int, calls: int) -> Cost:
        """One round: so many calls of so many fills, applied here and replayed there."""
        made = [self._calls.of(self._desk.fills(batch)) for _ in range(calls)]
        recordings = [floor.record(self._recorder, call) for call in made]
        fills = batch * calls

        def applying() -> None:
            apply_all(self.applied, made)

        def replaying(function: str) -> Callable[[], None]:
            def run() -> None:
                for recording in recordings:
                    floor.replay(self._floored, recording, function)

            return run

        turns = {
            "apply": (self.applied, applying),
            "replay": (self._floored, replaying(floor.REPLAY)),
            "carry": (self._floored, replaying(floor.CARRY)),
        }
        self._turn += 1
        order = list(turns) if self._turn % 2 else list(reversed(turns))
        spent = {name: _spent_us(*turns[name]) / fills for name in order}
        if digest(self.applied) != digest(self._floored):
            raise BenchError("the floor did not end where apply did")
        return Cost(spent["apply"], spent["replay"] - spent["carry"], spent["carry"])


@contextmanager
def lockstep(program: Path, spread: Spread, digits: Digits) -> Iterator[Lockstep]:
    """Three new servers with the positions open."""
    with ExitStack() as stack:
        clients = []
        for _ in range(3):
            target = stack.enter_context(private_server(program))
            client = connect(target, role="bench", decode=False, timeout_s=_TIMEOUT_S)
            clients.append(stack.enter_context(client))
        applied, floored, recorder = clients
        books = Lockstep(applied, floored, recorder, spread, digits)
        books.open_positions()
        yield books


def _spent_us(client: redis.Redis, run: Callable[[], None]) -> int:
    before = _function_us(client)
    run()
    return _function_us(client) - before


def _function_us(client: redis.Redis) -> int:
    found: Any = client.info("commandstats")
    return int(found["cmdstat_fcall"]["usec"]) if "cmdstat_fcall" in found else 0
