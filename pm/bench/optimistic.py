"""The same fills by a client that computes in Python and commits with WATCH, MULTI and EXEC.

What one writes first on Redis: read position, balances and the ids seen, compute exactly, write
them back in a transaction that fails if somebody else was faster. It keeps far less than the books
do (no orders, attribution, journal, updates or cursor), so it is the cheapest of its kind.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from statistics import median
from typing import Any, Final

import redis

from pm.bench.book import Calls, apply, open_bench_book
from pm.bench.figures import Result, Row
from pm.bench.private_server import private_server
from pm.bench.scale import Scale
from pm.bench.workload import EXCHANGE, QUOTE, SIDE, VENUE, Desk, Spread, reference_of
from pm.connect import connect
from pm.decimals import ZERO, Amount, multiply_divide
from pm.events.model import Fill
from pm.reference.snapshot import Reference

PART: Final = "peer"

_PEER: Final = "WATCH, MULTI, EXEC"
_BATCHES: Final = (1, 10, 100)
_OPENINGS_A_CALL: Final = 100
_COST_DECIMALS: Final = 18
_SEEN: Final = "peer:seen"

Way = Callable[[list[Fill]], None]


def measure_peer(scale: Scale) -> Result:
    """Both in turns on one server that fsyncs always; times are the client's, its work included."""
    spread = Spread(scale.positions, SIDE)
    reference = reference_of(spread)
    with (
        private_server(scale.program, "always") as target,
        connect(target, role="bench", decode=False, timeout_s=60.0) as client,
        connect(target, role="bench") as texts,
    ):
        open_bench_book(client)
        calls = Calls(reference)
        ways = {_PEER: _one_by_one(texts, reference)}
        ways |= {f"apply, batches of {batch}": _batches(client, calls, batch) for batch in _BATCHES}
        theirs, ours = Desk(spread, EXCHANGE, seed=9), Desk(spread, EXCHANGE, seed=9)
        ways[_PEER](list(theirs.openings()))
        _batches(client, calls, _OPENINGS_A_CALL)(list(ours.openings()))
        spent: dict[str, list[float]] = {name: [] for name in ways}
        for number in range(scale.rounds):
            scale.say(f"round {number + 1} of {scale.rounds}")
            for name, way in ways.items():
                fills = (theirs if name == _PEER else ours).fills(scale.fills_a_round)
                started = time.perf_counter()
                way(fills)
                spent[name].append((time.perf_counter() - started) / len(fills))
    return Result(
        PART,
        "The same fills by a WATCH/MULTI/EXEC client, appendfsync always, seen from the client",
        _rows(spent),
        ("the WATCH client keeps positions, balances and ids only: no orders, journal or feed",),
    )


def _rows(spent: Mapping[str, list[float]]) -> tuple[Row, ...]:
    medians = {name: median(times) for name, times in spent.items()}
    slowest = next(iter(medians.values()))
    return tuple(
        {
            "client": name,
            "µs/fill": found * 1e6,
            "fills/s": int(1 / found),
            "times as many": slowest / found,
        }
        for name, found in medians.items()
    )


def _batches(client: redis.Redis, calls: Calls, batch: int) -> Way:
    def run(fills: list[Fill]) -> None:
        for start in range(0, len(fills), batch):
            apply(client, calls.of(fills[start : start + batch]))

    return run


def _one_by_one(client: redis.Redis, reference: Reference) -> Way:
    def run(fills: list[Fill]) -> None:
        for fill in fills:
            _commit(client, fill, reference)

    return run


def _commit(client: redis.Redis, fill: Fill, reference: Reference) -> None:
    instrument = reference.instruments[fill.instrument]
    place = f"peer:position:{fill.strategy_id}:{fill.instrument}"
    base, quote = f"peer:balance:{VENUE}:{instrument.base}", f"peer:balance:{VENUE}:{QUOTE}"
    name = f"{fill.venue}/{fill.order_id}/{fill.execution_id}"
    while True:
        pipeline: Any
        with client.pipeline(transaction=True) as pipeline:
            try:
                pipeline.watch(_SEEN, place, base, quote)
                if pipeline.sismember(_SEEN, name):
                    return
                held = pipeline.hgetall(place)
                have_base, have_quote = pipeline.get(base), pipeline.get(quote)
                position, paid = _moved(held, fill)
                pipeline.multi()
                pipeline.hset(place, mapping=position)
                pipeline.set(base, str(_amount(have_base) + Amount.parse(fill.quantity)))
                pipeline.set(quote, str(_amount(have_quote) - paid))
                pipeline.sadd(_SEEN, name)
                pipeline.execute()
                return
            except redis.WatchError:
                continue


def _moved(held: Mapping[str, str], fill: Fill) -> tuple[dict[str, str], Amount]:
    """The position after the fill, and what the fill cost, its fees included."""
    quantity, price = Amount.parse(fill.quantity), Amount.parse(fill.price)
    fees = sum((Amount.parse(fee.amount) for fee in fill.fees), ZERO)
    have, cost = _amount(held.get("quantity")), _amount(held.get("cost"))
    realized = _amount(held.get("realized_pnl"))
    opens = quantity
    if have.sign * quantity.sign < 0:
        closes = -have if abs(quantity) > abs(have) else quantity
        removed = multiply_divide(cost, -closes, have, _COST_DECIMALS)
        realized = realized - closes * price - removed
        cost, opens = cost - removed, quantity - closes
    moved = {
        "quantity": str(have + quantity),
        "cost": str(cost + opens * price),
        "realized_pnl": str(realized),
        "fees": str(_amount(held.get("fees")) + fees),
        "last_update_time": str(fill.executed_at),
    }
    return moved, quantity * price + fees


def _amount(text: Any) -> Amount:
    return Amount.parse(text) if text else ZERO
