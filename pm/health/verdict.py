"""What the rules of health look at and answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from pm.readings.system import SystemReading
from pm.readings.windows import Window
from pm.settings import Settings

Level = Literal["healthy", "unknown", "degraded", "down"]
"""*Down* is what books cannot be applied or read with, *degraded* what somebody should look at.

What the user may not ask the server is *unknown*, and is neither.
"""

CAPACITY_WARN: Final = 0.8
INTERVALS_LATE_MAX: Final = 3
_ORDER: Final[Sequence[Level]] = ("healthy", "degraded", "down")
_NS_A_S: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Component:
    """One part of the system, how it is, and a sentence saying why."""

    name: str
    level: Level
    text: str


@dataclass(frozen=True, slots=True)
class Situation:
    """The system, its latencies of the last minutes, and what it is meant to be."""

    system: SystemReading
    windows: Mapping[str, Window]
    settings: Settings

    def age_s(self, at: int) -> int:
        """Whole seconds since a time in ns."""
        return max(0, (self.system.at - at) // _NS_A_S)


Verdict = tuple[Level, str]
Rule = Callable[[Situation], Verdict]


def worst_of(components: Sequence[Component]) -> Level:
    """The worst level of any; unknown ones do not count."""
    found = {part.level for part in components} - {"unknown"}
    return max(found, key=_ORDER.index, default="healthy")


def degraded_by(faults: Sequence[str], well: str) -> Verdict:
    """Degraded by faults, or well."""
    return ("degraded", "; ".join(faults)) if faults else ("healthy", well)
