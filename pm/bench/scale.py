"""How much is measured, with what program, and where progress is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Scale:
    """Counts for the parts; `say` is given one line at a time."""

    program: Path
    say: Callable[[str], None]
    positions: int
    rounds: int
    fills_a_round: int
    reads_a_round: int
    decodes_a_round: int
    streams: int
    stream_s: float
    rates: tuple[int, ...]
    backlog: int
    sizes: tuple[int, ...]
    kills: int

    @classmethod
    def full(cls, program: Path, say: Callable[[str], None]) -> Scale:
        """Enough for figures to quote; some minutes."""
        return cls(
            program,
            say,
            positions=1_080,
            rounds=10,
            fills_a_round=1_000,
            reads_a_round=300,
            decodes_a_round=2_000,
            streams=3,
            stream_s=5.0,
            rates=(500, 1_000, 2_000, 5_000),
            backlog=20_000,
            sizes=(100, 10_000, 100_000),
            kills=7,
        )

    @classmethod
    def quick(cls, program: Path, say: Callable[[str], None]) -> Scale:
        """Enough to see where things stand; under a minute."""
        return cls(
            program,
            say,
            positions=1_080,
            rounds=3,
            fills_a_round=200,
            reads_a_round=100,
            decodes_a_round=500,
            streams=1,
            stream_s=2.0,
            rates=(1_000, 5_000),
            backlog=5_000,
            sizes=(100, 10_000),
            kills=3,
        )
