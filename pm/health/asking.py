"""Asks the server how the system is, and has the rules judge it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import redis

from pm.health.rules import assess, is_ready
from pm.health.verdict import Component, Level, Situation, worst_of
from pm.readings.system import read_system
from pm.readings.windows import read_counts
from pm.settings import Settings


@dataclass(frozen=True, slots=True)
class Health:
    """How the system was at `at` (ns)."""

    at: int
    components: tuple[Component, ...]

    @property
    def level(self) -> Level:
        """The worst level of any component."""
        return worst_of(self.components)

    @property
    def is_ready(self) -> bool:
        """Whether books can be applied and read."""
        return is_ready(self.components)

    def to_json(self) -> dict[str, Any]:
        """As `pm health --json` and `/readyz` tell it."""
        parts = {part.name: {"level": part.level, "text": part.text} for part in self.components}
        return {"level": self.level, "ready": self.is_ready, "at": self.at, "components": parts}


def ask(client: redis.Redis, settings: Settings, now_ns: int) -> Health:
    """Read and judge; raises what redis-py does. `client` must not decode."""
    system = read_system(client, settings, now_ns)
    windows = read_counts(client, now_ns).windows
    return Health(now_ns, assess(Situation(system, windows, settings)))


def not_asked(why: str, now_ns: int) -> Health:
    """The health of what did not answer: nothing is known but that."""
    return Health(now_ns, (Component("server", "down", why),))
