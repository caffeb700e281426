"""The parts by name, and what they ran on."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from pm.bench.applying import measure_applying
from pm.bench.archiving import measure_archiving
from pm.bench.asking import measure_queries
from pm.bench.decoding import measure_decoding
from pm.bench.failover import measure_failover
from pm.bench.figures import Result
from pm.bench.flatness import measure_flatness
from pm.bench.optimistic import measure_peer
from pm.bench.private_server import private_server
from pm.bench.reading import measure_reading
from pm.bench.rebuilding import measure_rebuilding
from pm.bench.reserving import measure_reserving
from pm.bench.scale import Scale
from pm.bench.streaming import measure_streaming
from pm.bench.valuing import measure_valuation
from pm.connect import connect

PARTS: Final[dict[str, Callable[[Scale], Result]]] = {
    "apply": measure_applying,
    "stream": measure_streaming,
    "read": measure_reading,
    "flat": measure_flatness,
    "queries": measure_queries,
    "reserve": measure_reserving,
    "valuation": measure_valuation,
    "archive": measure_archiving,
    "decode": measure_decoding,
    "failover": measure_failover,
    "peer": measure_peer,
    "rebuild": measure_rebuilding,
}


def run_parts(names: Sequence[str], scale: Scale) -> Iterator[Result]:
    """Measure the named parts, one after the other."""
    for name in names:
        scale.say(f"part {name}")
        yield PARTS[name](scale)


def machine(scale: Scale) -> dict[str, str | int]:
    """What the figures are of: processors, kernel, Python, server."""
    with private_server(scale.program) as target, connect(target, role="bench") as client:
        told: Any = client.info("server")
    engine = "valkey" if "valkey_version" in told else "redis"
    return {
        "cpus": os.cpu_count() or 0,
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "server": f"{engine} {told.get(f'{engine}_version', '?')}",
    }
