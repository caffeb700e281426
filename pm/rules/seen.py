"""Which event ids have been taken, kept in two generations.

Ids are remembered for at least one full generation. When a generation is full, the one before it is
forgotten and the horizon moves up to the newest event it held: an event at or before the horizon
can no longer be told from a repeat and is refused. Rotation counts ids and never asks a clock, so
any split of the input gives the same generations.
"""

FIRST_GENERATION = 0


class SeenIds:
    """Ids of the current and the previous generation, and the horizon behind them; times in ns."""

    __slots__ = (
        "current",
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
        self.generation = FIRST_GENERATION
        self.generation_count = 0
        self.generation_size = 0
        self.newest = 0
        self.newest_previous = 0
        self.horizon = 0

    def __contains__(self, event_id: object) -> bool:
        return event_id in self.current or event_id in self.previous

    def add(self, event_id: str, executed_at: int, received_at: int) -> None:
        """Remember `event_id`; rotates when the generation is full (never when its size is 0)."""
        self.current.add(event_id)
        # A clock that runs ahead at a venue must not pull the horizon past what was received.
        self.newest = max(self.newest, min(executed_at, received_at))
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
