"""Which event ids have been taken, kept in two generations.

Ids are remembered for at least one full generation. When a generation is full, the one before it is
forgotten and the horizon moves up to the newest event it held: an event at or before the horizon
can no longer be told from a repeat and is refused. Rotation counts ids and never asks a clock, so
any split of the input gives the same generations.

An event dated far ahead of its receipt is remembered for good: it would pull the horizon into the
future, and once forgotten the horizon could not tell when it comes again.
"""

FIRST_GENERATION = 0
AHEAD_MAX_NS = 60 * 10**9
"""How far a sender's clock may run ahead of ours before its times are not trusted."""


class SeenIds:
    """Ids of the current and the previous generation, and the horizon behind them; times in ns."""

    __slots__ = (
        "current",
        "future",
        "generation",
        "generation_count",
        "generation_size",
        "horizon",
        "newest",
        "newest_previous",
        "previous",
    )

    def __init__(self) -> None:
        self.current: set[str] = set()
        self.previous: set[str] = set()
        self.future: set[str] = set()
        self.generation = FIRST_GENERATION
        self.generation_count = 0
        self.generation_size = 0
        self.newest = 0
        self.newest_previous = 0
        self.horizon = 0

    def __contains__(self, event_id: object) -> bool:
        return event_id in self.current or event_id in self.previous or event_id in self.future

    def add(self, event_id: str, executed_at: int, received_at: int) -> None:
        """Remember `event_id`; rotates when the generation is full (never when its size is 0)."""
        if executed_at - received_at > AHEAD_MAX_NS:
            self.future.add(event_id)
            return
        self.current.add(event_id)
        self.newest = max(self.newest, executed_at)
        self.generation_count += 1
        if self.generation_count == self.generation_size:
            self._rotate()

    def _rotate(self) -> None:
        self.generation += 1
        self.generation_count = 0
        self.horizon = max(self.horizon, self.newest_previous)
        self.newest_previous = self.newest
        self.newest = 0
        self.previous = self.current
        self.current = set()
