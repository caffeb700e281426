"""How much is measured, with what program, where progress is told and books are kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Scale:
    """Counts for the parts; `say` is given one line at a time.

    Books that were opened for one part are left in the folder `kept` for the next.
    """

    program: Path
    say: Callable[[str], None]
    kept: Path
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
    valued_positions: int
    passes: int
    reservations: int
    archived_entries: int

    @classmethod
    def full(cls, program: Path, say: Callable[[str], None], kept: Path) -> Scale:
        """Enough for figures to quote; about ten minutes on an otherwise idle machine."""
        return cls(
            program,
            say,
            kept,
            positions=1_080,
            rounds=6,
            fills_a_round=400,
            reads_a_round=300,
            decodes_a_round=2_000,
            streams=2,
            stream_s=3.0,
            rates=(500, 1_000, 2_000, 5_000),
            backlog=6_000,
            sizes=(100, 10_000, 100_000),
            kills=5,
            valued_positions=10_000,
            passes=3,
            reservations=300,
            archived_entries=1_000_000,
        )

    @classmethod
    def quick(cls, program: Path, say: Callable[[str], None], kept: Path) -> Scale:
        """Enough to see where things stand; about two minutes."""
        return cls(
            program,
            say,
            kept,
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
            valued_positions=2_000,
            passes=2,
            reservations=100,
            archived_entries=50_000,
        )
