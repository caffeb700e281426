"""Whether a fill and a query cost the same however many positions are open."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Final

from pm.bench.figures import Result, Row
from pm.bench.lockstep import Lockstep, Spent, lockstep
from pm.bench.querying import BALANCE, NETTED, PORTFOLIO, POSITION, Times, time_query
from pm.bench.scale import Scale
from pm.bench.workload import EXCHANGE, SIDE, Spread
from pm.client import Client

PART: Final = "flat"

_BATCH: Final = 1
_QUERIES: Final = (POSITION, BALANCE, NETTED, PORTFOLIO)


class _Size:
    """The books of one size, and what was measured on them."""

    def __init__(self, positions: int, books: Lockstep, client: Client) -> None:
        self.positions = positions
        self.spent = Spent()
        self.times = {query.name: Times() for query in _QUERIES}
        self._pairs = Spread(positions, SIDE).pairs()
        self._books = books
        self._client = client

    def measure(self, scale: Scale, number: int) -> None:
        """One round."""
        self._books.measure(_BATCH, max(5, scale.fills_a_round // 4), self.spent)
        for query in _QUERIES:
            times = self.times[query.name]
            time_query(self._client, query, self._pairs, scale.reads_a_round, times, seed=number)

    def row(self) -> Row:
        """The row of this size."""
        cost = self.spent.cost()
        reads = {
            f"{name} / HGETALL": self.times[name].ratio
            for name in (query.name for query in _QUERIES)
        }
        return {
            "positions": f"{self.positions:,}",
            "floor µs/fill": cost.floor,
            "apply µs/fill": cost.apply,
            "apply / floor": cost.ratio,
            **reads,
        }


def measure_flatness(scale: Scale) -> Result:
    """Books of every size side by side, measured in turns."""
    with ExitStack() as stack:
        sizes = []
        for positions in scale.sizes:
            spread = Spread(positions, SIDE)
            books = stack.enter_context(lockstep(scale, spread, EXCHANGE))
            client = stack.enter_context(Client.open(books.target))
            sizes.append(_Size(positions, books, client))
        for number in range(scale.rounds):
            scale.say(f"round {number + 1} of {scale.rounds}")
            for size in sizes if number % 2 else reversed(sizes):
                size.measure(scale, number)
        rows = [size.row() for size in sizes]
    spread_row = {name: _spread(rows, name) for name in list(rows[0])[1:]}
    return Result(
        PART,
        "Cost by open positions, one fill a call",
        (*rows, {"positions": "largest above smallest", **spread_row}),
        (
            f"every strategy holds {SIDE} instruments, every instrument is held by {SIDE}"
            " strategies; last row: how far the largest figure is above the smallest, in %",
        ),
    )


def _spread(rows: list[Row], name: str) -> float:
    figures = [float(row[name]) for row in rows]
    return 100 * (max(figures) / min(figures) - 1)
