"""One position folded again from a trade on, with some executions in other versions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from pm.corrections.steps import Execution, FeeValued, Step, Version, empty
from pm.decimals import ZERO, Amount
from pm.rules.facts import Place, Terms
from pm.rules.fees import fee_value
from pm.rules.position import Position

Versions = Mapping[int, Version]
"""By the seq of the entry that booked it."""
Aliases = Mapping[int, tuple[int, ...]]
"""Of which entries a restatement is the later version."""


@dataclass(slots=True)
class Refolded:
    """Where a fold stands: the position (None: never traded), what it moved, how trips ended."""

    held: Position | None
    moves: dict[tuple[str, str], tuple[Place, Amount]] = field(default_factory=dict)
    trips: Counter[str] = field(default_factory=Counter)
    volume: Amount = ZERO

    def add(self, steps: Iterable[Step], versions: Versions, aliases: Aliases) -> None:
        """Fold steps, some of them in other versions."""
        for step in steps:
            step = _in_version(step, versions, aliases)
            done = step.run(self.held)
            self.held = done.position
            if done.trip:
                self.trips[done.trip] += 1
            if isinstance(step, Execution):
                self.volume += step.volume
            for place, token, amount in done.moves:
                _move(self.moves, place, token, amount)

    def position(self, terms: Terms) -> Position:
        """The position, an empty one where it never traded."""
        return empty(terms) if self.held is None else self.held


def _in_version(step: Step, versions: Versions, aliases: Aliases) -> Step:
    if isinstance(step, Execution):
        version = versions.get(step.seq)
        return step if version is None else replace(step, version=version)
    if isinstance(step, FeeValued):
        paid_in = aliases.get(step.paid_in, (step.paid_in,))
        known = [versions[seq] for seq in paid_in if seq in versions]
        if known:
            fees = (fee for version in known for fee in version.fees if fee.token == step.token)
            return replace(step, of_version=sum((fee.amount for fee in fees), ZERO))
    return step


def moves_between(before: Refolded, after: Refolded) -> list[tuple[Place, str, Amount]]:
    """What balances move by from one fold to another, by location and token."""
    moved: dict[tuple[str, str], tuple[Place, Amount]] = dict(after.moves)
    for (_, token), (place, amount) in before.moves.items():
        _move(moved, place, token, -amount)
    return [
        (place, token, amount) for (_, token), (place, amount) in sorted(moved.items()) if amount
    ]


def unvalued(
    versions: Versions, terms: Terms, steps: Iterable[Step], aliases: Aliases
) -> dict[str, Amount]:
    """The fees of these entries that have no value yet, by token."""
    values = [step for step in steps if isinstance(step, FeeValued)]
    amounts: dict[str, Amount] = {}
    for seq, version in versions.items():
        paid_in = {seq, *(later for later, of in aliases.items() if seq in of)}
        valued = {step.token for step in values if step.paid_in in paid_in}
        for fee in version.fees:
            known = fee_value(fee.token, fee.amount, terms, version.unit_price)
            if known is None and fee.token not in valued:
                amounts[fee.token] = amounts.get(fee.token, ZERO) + fee.amount
    return {token: amount for token, amount in amounts.items() if amount}


def _move(
    sums: dict[tuple[str, str], tuple[Place, Amount]], place: Place, token: str, amount: Amount
) -> None:
    key = (place.location, token)
    at, held = sums.get(key, (place, ZERO))
    sums[key] = (at, held + amount)
