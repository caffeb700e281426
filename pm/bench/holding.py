"""How long single commands hold the server, by its own clock.

While a command runs, nobody else is served: the longest one is what a pass costs everybody else. A
transaction counts as the one command it is.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import redis

_PREFIX: Final = "latency_percentiles_usec_"
_OWN: Final = ("config", "info", "slowlog", "latency")
_FUNCTION: Final = "fcall"


class Holds(NamedTuple):
    """Commands since `watch_holds`, in ms: functions, and the longest of any other, `other`.

    `busy` is the processor time of all that the server did.
    """

    function_p50: float
    function_p99: float
    function_longest: float
    other_longest: float
    other: str
    busy: float


def watch_holds(client: redis.Redis) -> float:
    """Begin anew to note how long commands take; the processor time used so far, in ms."""
    client.config_set("latency-tracking-info-percentiles", "50 99 100")
    client.config_resetstat()
    return _busy_ms(client)


def read_holds(client: redis.Redis, busy_before: float) -> Holds:
    """How long commands have taken since `watch_holds` gave `busy_before`."""
    busy = _busy_ms(client) - busy_before
    found: Any = client.info("latencystats")
    told = {str(name).removeprefix(_PREFIX): figures for name, figures in found.items()}
    functions = told.pop(_FUNCTION, dict.fromkeys(("p50", "p99", "p100"), 0.0))
    others = {
        name: float(figures["p100"])
        for name, figures in told.items()
        if name.partition("|")[0] not in _OWN
    }
    longest = max(others, key=lambda name: others[name])
    return Holds(
        float(functions["p50"]) / 1_000,
        float(functions["p99"]) / 1_000,
        float(functions["p100"]) / 1_000,
        others[longest] / 1_000,
        longest.upper(),
        busy,
    )


def _busy_ms(client: redis.Redis) -> float:
    found: Any = client.info("cpu")
    return 1_000 * (float(found["used_cpu_user"]) + float(found["used_cpu_sys"]))
