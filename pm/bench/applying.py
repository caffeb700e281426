"""What a fill costs inside the server, in multiples of its floor, by batch and by digits."""

from __future__ import annotations

from typing import Final

from pm.bench.figures import Result, Row
from pm.bench.lockstep import Cost, Spent, lockstep
from pm.bench.scale import Scale
from pm.bench.workload import EXCHANGE, SIDE, TOKEN, Spread

PART: Final = "apply"

_BATCHES: Final = (1, 10, 100)


def measure_applying(scale: Scale) -> Result:
    """Both sizes of amounts, each batch in turns."""
    spread = Spread(scale.positions, SIDE)
    rows: list[Row] = []
    for digits in (EXCHANGE, TOKEN):
        spent = {batch: Spent() for batch in _BATCHES}
        with lockstep(scale, spread, digits) as books:
            for number in range(scale.rounds):
                scale.say(f"{digits.name}: round {number + 1} of {scale.rounds}")
                for batch in _BATCHES:
                    books.measure(batch, _calls(batch, scale), spent[batch])
        rows += [_row(digits.name, batch, spent[batch].cost()) for batch in _BATCHES]
    return Result(
        PART,
        f"A fill inside the server, {scale.positions:,} positions",
        tuple(rows),
        (
            "floor: the same reads and writes replayed by a function, without arithmetic;"
            " carry (not in it): handing that function its commands",
        ),
    )


def _calls(batch: int, scale: Scale) -> int:
    return max(5, scale.fills_a_round // batch)


def _row(digits: str, batch: int, cost: Cost) -> Row:
    return {
        "amounts": digits,
        "batch": batch,
        "floor µs/fill": cost.floor,
        "apply µs/fill": cost.apply,
        "ratio": cost.ratio,
        "carry µs/fill": cost.carry,
    }
