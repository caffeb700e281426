"""Whether a trace that had no step for too long is complete, judged over the slices of all books.

Each book holds the steps that its own strategies took. What looks stranded in one may be closed in
another, so a verdict is made on their sum. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pm.decimals import ZERO, Amount
from pm.events.model import TraceVerdict

SLICE_FIELDS: Final = (
    "status",
    "steps",
    "numeraire",
    "net",
    "traded",
    "dust",
    "first_time",
    "last_time",
)
STEPS_MIN: Final = 2


@dataclass(frozen=True, slots=True)
class TraceSlice:
    """A book's part of a trace; times in ns, amounts by asset."""

    book: str
    status: str
    steps: int
    numeraire: str
    net: dict[str, Amount]
    traded: tuple[str, ...]
    dust: dict[str, Amount]
    first_time: int
    last_time: int

    @classmethod
    def from_values(cls, book: str, values: Sequence[Any]) -> TraceSlice | None:
        """From the values of `SLICE_FIELDS` of its hash; None where there is none, or no more."""
        if values[0] is None or values[0] == "archived":
            return None
        status, steps, numeraire, net, traded, dust, first_time, last_time = values
        return cls(
            book,
            status,
            int(steps),
            numeraire,
            _amounts(net),
            tuple(json.loads(traded)),
            _amounts(dust),
            int(first_time),
            int(last_time),
        )


def verdict(slices: Sequence[TraceSlice]) -> TraceVerdict:
    """What to say of the open slices of a trace, given all of its slices.

    Flat (all but the numeraire within dust) is completed, or expired if it never had a second step;
    what is left over is stranded.
    """
    numeraire = min(slices, key=lambda part: part.first_time).numeraire
    net, dust = _sum(part.net for part in slices), _largest(part.dust for part in slices)
    traded = {asset for part in slices for asset in part.traded if asset != numeraire}
    if any(abs(net.get(asset, ZERO)) > dust.get(asset, ZERO) for asset in traded):
        return "stranded"
    return "completed" if sum(part.steps for part in slices) >= STEPS_MIN else "expired"


def _sum(maps: Iterable[dict[str, Amount]]) -> dict[str, Amount]:
    total: dict[str, Amount] = {}
    for amounts in maps:
        for asset, amount in amounts.items():
            total[asset] = total.get(asset, ZERO) + amount
    return total


def _largest(maps: Iterable[dict[str, Amount]]) -> dict[str, Amount]:
    largest: dict[str, Amount] = {}
    for amounts in maps:
        for asset, amount in amounts.items():
            largest[asset] = max(largest.get(asset, ZERO), amount)
    return largest


def _amounts(text: str) -> dict[str, Amount]:
    return {asset: Amount.parse(amount) for asset, amount in json.loads(text).items()}
