"""What is not as it must be: the first differences as text, all of them counted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

DIFFERENCES_MAX = 100
"""More differences than this are only counted."""


@dataclass(slots=True)
class Differences:
    """Differences found so far."""

    shown: list[str] = field(default_factory=list)
    count: int = 0

    def add(self, found: Iterable[str]) -> None:
        """Record differences."""
        for difference in found:
            self.count += 1
            if len(self.shown) < DIFFERENCES_MAX:
                self.shown.append(difference)

    def __bool__(self) -> bool:
        return self.count > 0
