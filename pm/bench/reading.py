"""How long each query takes, in multiples of a bare HGETALL beside it."""

from __future__ import annotations

from typing import Final

from pm.bench.book import Calls, apply_all, open_bench_book
from pm.bench.figures import Result
from pm.bench.private_server import private_server
from pm.bench.querying import EVERY_QUERY, TRACE_ID, TRACE_STRATEGY, Times, time_query
from pm.bench.scale import Scale
from pm.bench.workload import EXCHANGE, SIDE, Desk, Spread, reference_of
from pm.client import Client
from pm.connect import connect
from pm.events.model import Trace

PART: Final = "read"

_TRACE_STEPS: Final = 3


def measure_reading(scale: Scale) -> Result:
    """Every query on an otherwise idle server that fsyncs once a second."""
    spread = Spread(scale.positions, SIDE)
    pairs = spread.pairs()
    with private_server(scale.program) as target:
        scale.say(f"opening {scale.positions} positions")
        _fill_book(target, spread)
        times = {query.name: Times() for query in EVERY_QUERY}
        with Client.open(target) as client:
            for number in range(scale.rounds):
                scale.say(f"round {number + 1} of {scale.rounds}")
                for query in EVERY_QUERY:
                    count = scale.reads_a_round
                    time_query(client, query, pairs, count, times[query.name], seed=number)
            rows = tuple(
                times[query.name].row(query.name, query.hashes(client, pairs[0]))
                for query in EVERY_QUERY
            )
    return Result(
        PART,
        f"Queries of the Python client, {scale.positions:,} positions",
        rows,
        ("HGETALL: redis-py's, of one such hash, on the same connection, in turns",),
    )


def _fill_book(target: str, spread: Spread) -> None:
    calls = Calls(reference_of(spread))
    desk = Desk(spread, EXCHANGE, seed=1)
    fills = list(desk.openings())
    own = [fill for fill in fills if fill.strategy_id == TRACE_STRATEGY][:_TRACE_STEPS]
    traced = [
        fill._replace(
            order_id=f"{fill.order_id}-traced",
            execution_id=f"{fill.execution_id}-traced",
            trace=Trace(TRACE_ID),
        )
        for fill in own
    ]
    fills += traced
    with connect(target, role="bench", decode=False, timeout_s=60.0) as writer:
        open_bench_book(writer)
        apply_all(writer, calls, fills)
