"""How long a book stands still when the worker that serves it is killed."""

from __future__ import annotations

import time
from random import Random
from statistics import median
from typing import Final

from pm.bench.errors import BenchError
from pm.bench.figures import Result
from pm.bench.scale import Scale
from pm.bench.site import Site, running_site
from pm.bench.workload import Spread
from pm.settings import Settings

PART: Final = "failover"

_SPREAD: Final = Spread(positions=100, side=10)
_RATE: Final = 200.0
_FILLS: Final = 1_000
_BEFORE_S: Final = 0.5
_IN_FLIGHT_NS: Final = 20_000_000


def measure_failover(scale: Scale) -> Result:
    """Kill the serving worker beside another, again and again."""
    lease_ms = Settings().workers.lease_ms
    moments = Random(1)
    silences = []
    with running_site(scale.program, _SPREAD, workers=2) as site:
        for number in range(scale.kills):
            scale.say(f"kill {number + 1} of {scale.kills}")
            silences.append(_kill(site, moments.uniform(0, lease_ms / 1000)))
            site.start_worker()
    row = {
        "lease ms": lease_ms,
        "kills": len(silences),
        "median ms": median(silences),
        "fastest ms": min(silences),
        "slowest ms": max(silences),
        "median / lease": median(silences) / lease_ms,
    }
    return Result(
        PART,
        f"kill -9 of the serving worker to the next applied fill, {_RATE:.0f} fills/s, two workers",
        (row,),
        ("every fill sent was applied exactly once",),
    )


def _kill(site: Site, wait_s: float) -> float:
    """Kill the holder while fills come in; ms until another worker's first update."""
    before = site.applied()
    site.sender.start(_FILLS, _RATE)
    time.sleep(_BEFORE_S + wait_s)
    worker = site.holder()
    killed_at = time.time_ns()
    worker.kill()
    worker.wait()
    # A call that the dead worker had sent may still be carried out.
    silent_from = time.time_ns() + _IN_FLIGHT_NS
    site.sender.wait()
    site.settle(before + _FILLS)
    heard = site.listener.report()
    if not site.applied() - before == len(heard.at_ns) == _FILLS:
        raise BenchError(f"sent {_FILLS}, applied {site.applied() - before}")
    return (next(at for at in heard.at_ns if at > silent_from) - killed_at) / 1e6
