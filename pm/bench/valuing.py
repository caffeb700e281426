"""What a mark-to-market pass takes, and what it takes from everybody else.

A pass is made as the valuation process makes it, over a book whose positions all have a new mark,
or none. What others notice is the longest single command, and the fills that wait behind it: so the
same fills are applied with a pass beside them and without.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from statistics import median
from typing import Final

import redis

from pm.bench.errors import BenchError
from pm.bench.figures import Figure, Latency, Result, Row
from pm.bench.filling import Filler, filler
from pm.bench.holding import Holds, read_holds, watch_holds
from pm.bench.market import SETTINGS, Market, give_capital
from pm.bench.opened import opened_server
from pm.bench.scale import Scale
from pm.bench.workload import EXCHANGE, SIDE, Spread
from pm.connect import connect
from pm.valuation.mark_to_market import PassMemory, PassReport, run_pass
from workers.call_size import CALL_TARGET_S, CallSize
from workers.valuation import MARKED_A_CALL_MAX

PART: Final = "valuation"

_FILLS_A_SECOND: Final = 25.0
_TIMEOUT_S: Final = 120.0
_LEAST_S: Final = 1.0
_NONE: Final = "-"

_FIRST: Final = "first, nothing remembered"
_ALL: Final = "all marks changed"
_NOTHING: Final = "no mark changed"
_BESIDE: Final = "all marks changed, beside fills"
_ALONE: Final = "no pass, fills alone"


@dataclass(slots=True)
class _Passes:
    """Passes of one kind, round by round: wall time, processor time of the pass; fills in ns."""

    reports: list[PassReport] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    busy_s: list[float] = field(default_factory=list)
    holds: list[Holds] = field(default_factory=list)
    fills: list[int] = field(default_factory=list)

    def row(self, name: str) -> Row:
        """The row of this kind."""
        return {"pass": name, **self._pass_figures(), **self._fill_figures()}

    def _pass_figures(self) -> dict[str, Figure]:
        names = (
            "valued",
            "ms",
            "positions/s",
            "CPU ms",
            "server CPU ms",
            "FCALL p50 ms",
            "FCALL p99 ms",
            "longest FCALL ms",
            "longest other ms",
            "which",
        )
        if not self.reports:
            return dict.fromkeys(names, _NONE)
        lasted_s, report = median(self.seconds), self.reports[-1]
        others = sorted(self.holds, key=lambda hold: hold.other_longest)
        figures = (
            report.valued,
            lasted_s * 1_000,
            int(report.positions / lasted_s),
            median(self.busy_s) * 1_000,
            median(hold.busy for hold in self.holds),
            median(hold.function_p50 for hold in self.holds),
            median(hold.function_p99 for hold in self.holds),
            median(hold.function_longest for hold in self.holds),
            others[len(others) // 2].other_longest,
            others[len(others) // 2].other,
        )
        return dict(zip(names, figures, strict=True))

    def _fill_figures(self) -> dict[str, Figure]:
        found = Latency.of(self.fills) if self.fills else None
        return {
            "fill p50 µs": found.p50 if found else _NONE,
            "fill p99 µs": found.p99 if found else _NONE,
            "fill max µs": found.worst if found else _NONE,
        }


class _Bench:
    """The book, the market and the processes; `passes` is what was measured."""

    def __init__(
        self, client: redis.Redis, market: Market, filling: Filler, positions: int
    ) -> None:
        self.passes = {name: _Passes() for name in (_FIRST, _ALL, _NOTHING, _BESIDE, _ALONE)}
        self._client = client
        self._market = market
        self._filling = filling
        self._positions = positions
        self._memory = PassMemory(slices=CallSize(MARKED_A_CALL_MAX))

    def begin(self) -> None:
        """The first pass."""
        self._market.move()
        self._pass(_FIRST)

    def measure(self) -> None:
        """One round of every kind of pass."""
        self._market.move()
        self._check(_ALL, self._pass(_ALL), self._positions)
        self._check(_NOTHING, self._pass(_NOTHING), 0)

    def measure_beside_fills(self) -> None:
        """One round of a pass with fills beside it, and of the same fills alone."""
        self._market.move()
        self._filling.start(_FILLS_A_SECOND)
        self._pass(_BESIDE)
        self.passes[_BESIDE].fills += self._filling.stop()
        self._filling.start(_FILLS_A_SECOND)
        time.sleep(max(_LEAST_S, self.passes[_BESIDE].seconds[-1]))
        self.passes[_ALONE].fills += self._filling.stop()

    def _pass(self, name: str) -> PassReport:
        passes = self.passes[name]
        server_before = watch_holds(self._client)
        started, busy_before = time.perf_counter(), time.process_time()
        report = run_pass(self._client, SETTINGS, memory=self._memory)
        passes.seconds.append(time.perf_counter() - started)
        passes.busy_s.append(time.process_time() - busy_before)
        passes.holds.append(read_holds(self._client, server_before))
        passes.reports.append(report)
        return report

    @staticmethod
    def _check(name: str, report: PassReport, valued: int) -> None:
        if report.valued != valued:
            raise BenchError(f"{name}: {report.valued} of {report.positions} positions valued")


def measure_valuation(scale: Scale) -> Result:
    """Passes in turns, first alone, then with fills; on a server that fsyncs always."""
    with _bench(scale) as bench:
        scale.say("first pass")
        bench.begin()
        for number in range(scale.passes):
            scale.say(f"passes, round {number + 1} of {scale.passes}")
            bench.measure()
        for number in range(scale.passes):
            scale.say(f"passes beside fills, round {number + 1} of {scale.passes}")
            bench.measure_beside_fills()
        rows = tuple(passes.row(name) for name, passes in bench.passes.items())
    return Result(
        PART,
        f"A mark-to-market pass over {scale.valued_positions:,} positions of"
        f" {scale.valued_positions // SIDE:,} strategies, appendfsync always",
        rows,
        (
            "longest: of one pass, by the server's clock; the aim is that no command takes more"
            f" than {CALL_TARGET_S * 1_000:.0f} ms; medians over {scale.passes} passes",
            "CPU: processor time, which a busy machine changes less than the time on the clock",
            f"fills: {_FILLS_A_SECOND:.0f} a second, one a call, from when each was due; beside"
            " fills, FCALL is theirs, too",
        ),
    )


@contextmanager
def _bench(scale: Scale) -> Iterator[_Bench]:
    """A new server with open positions, and a process that adds fills to them."""
    spread = Spread(scale.valued_positions, SIDE)
    with ExitStack() as stack:
        target = stack.enter_context(opened_server(scale, spread, EXCHANGE, "always"))
        raw = stack.enter_context(connect(target, role="bench", decode=False, timeout_s=_TIMEOUT_S))
        client = stack.enter_context(connect(target, role="bench", timeout_s=_TIMEOUT_S))
        filling = stack.enter_context(filler(target, spread))
        give_capital(raw, spread)
        market = Market(raw, spread)
        market.tell_past()
        yield _Bench(client, market, filling, spread.positions)
