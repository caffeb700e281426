"""From the stream to the state: how long after a fill is sent its update reaches a subscriber."""

from __future__ import annotations

import signal
import time
from dataclasses import dataclass, field
from random import Random
from statistics import median
from typing import Final

from pm.bench.errors import BenchError
from pm.bench.figures import Latency, Result, Row
from pm.bench.listening import Heard
from pm.bench.scale import Scale
from pm.bench.site import Site, running_site
from pm.bench.workload import SIDE, Spread, instrument_id
from pm.client import Client

PART: Final = "stream"

_BARE_WRITES: Final = 500
_READ_EVERY_S: Final = 0.01


@dataclass(slots=True)
class _Rate:
    """What was measured at one rate, round by round."""

    updates: list[Latency] = field(default_factory=list)
    bare: list[Latency] = field(default_factory=list)
    reads_ns: list[int] = field(default_factory=list)
    late_ns: list[int] = field(default_factory=list)
    applied: list[float] = field(default_factory=list)

    def row(self, rate: int) -> Row:
        """The row of this rate."""
        updates, bare = Latency.medians(self.updates), Latency.medians(self.bare)
        return {
            "fills/s": f"{rate:,}",
            "applied/s": int(median(self.applied)),
            "p50 µs": updates.p50,
            "p99 µs": updates.p99,
            "max µs": updates.worst,
            "HSET p50 µs": bare.p50,
            "HSET p99 µs": bare.p99,
            "p50 ratio": updates.p50 / bare.p50,
            "p99 ratio": updates.p99 / bare.p99,
            "sent late p99 µs": Latency.of(self.late_ns).p99,
            "read p50 µs": Latency.of(self.reads_ns).p50,
            "read p99 µs": Latency.of(self.reads_ns).p99,
        }


class _Reader:
    """A risk manager who asks for positions while fills come in."""

    def __init__(self, client: Client, spread: Spread) -> None:
        self._client = client
        self._pairs = spread.pairs()
        self._drawn = Random(1)

    def read_beside(self, seconds: float) -> list[int]:
        """Read for so long; the times in ns."""
        times = []
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            time.sleep(_READ_EVERY_S)
            strategy, instrument = self._drawn.choice(self._pairs)
            started = time.perf_counter_ns()
            self._client.position(instrument_id(instrument), strategy)
            times.append(time.perf_counter_ns() - started)
        return times


def measure_streaming(scale: Scale) -> Result:
    """Each rate in turns, a bare HSET before each; last, how fast a backlog is worked off."""
    rates = {rate: _Rate() for rate in scale.rates}
    backlog: list[float] = []
    spread = Spread(scale.positions, SIDE)
    with (
        running_site(scale.program, spread, workers=1) as site,
        Client.open(site.target) as client,
    ):
        reader = _Reader(client, spread)
        for number in range(scale.streams):
            for rate, found in rates.items():
                scale.say(f"{rate} fills/s, round {number + 1} of {scale.streams}")
                found.bare.append(_bare_writes(site))
                _stream(site, reader, rate, scale.stream_s, found)
            scale.say(f"a backlog of {scale.backlog} fills")
            backlog.append(_work_off(site, scale.backlog).rate)
    return Result(
        PART,
        "From XADD to the update a subscriber receives, appendfsync always, one worker",
        tuple(found.row(rate) for rate, found in rates.items()),
        (
            f"a backlog of {scale.backlog:,} fills is worked off at {median(backlog):,.0f}"
            " fills/s by one worker: the highest rate it sustains",
            "times from the send; HSET: bare, one after the other, no fills beside it;"
            f" read: a position, every {_READ_EVERY_S * 1000:.0f} ms beside the stream",
        ),
    )


def _bare_writes(site: Site) -> Latency:
    times = []
    for number in range(_BARE_WRITES):
        started = time.perf_counter_ns()
        site.client.hset("bench", "field", number)
        times.append(time.perf_counter_ns() - started)
    return Latency.of(times)


def _stream(site: Site, reader: _Reader, rate: int, seconds: float, found: _Rate) -> None:
    fills = int(rate * seconds)
    before = site.applied()
    site.sender.start(fills, rate)
    found.reads_ns += reader.read_beside(seconds)
    found.late_ns += site.sender.wait().late_ns
    heard = _heard(site, before, fills)
    found.updates.append(Latency.of(heard.after_ns))
    found.applied.append(heard.rate)


def _work_off(site: Site, fills: int) -> Heard:
    before = site.applied()
    worker = site.holder()
    worker.send_signal(signal.SIGSTOP)
    site.sender.start(fills, 0.0)
    site.sender.wait()
    worker.send_signal(signal.SIGCONT)
    return _heard(site, before, fills)


def _heard(site: Site, before: int, fills: int) -> Heard:
    """The updates of fills that were all sent, after checking that each was applied once."""
    site.settle(before + fills)
    heard = site.listener.report()
    applied = site.applied() - before
    if not applied == len(heard.at_ns) == fills:
        raise BenchError(f"sent {fills}, applied {applied}, heard of {len(heard.at_ns)}")
    return heard
