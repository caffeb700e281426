"""Who holds an instrument: the positions an event of the instrument itself reaches."""

from collections.abc import Sequence
from typing import NamedTuple

from pm.decimals import ZERO, Amount
from pm.rules.facts import Facts, Terms
from pm.rules.position import Position
from pm.rules.state import BookState


class Holder(NamedTuple):
    """An existing position: whose, in what, and as it stands; `terms` are those now told."""

    strategy: str
    instrument: str
    terms: Terms
    position: Position

    @property
    def key(self) -> str:
        """The position's name within its book."""
        return f"{self.strategy}:{self.instrument}"

    @property
    def quantity(self) -> Amount:
        """Signed quantity."""
        return self.position.quantity


def holders(state: BookState, facts: Facts) -> list[Holder]:
    """Those with an open position in the event's instrument, by strategy as text.

    Only the strategy the event names, if it names one.
    """
    terms, instrument = facts.need_terms(), facts.need("instrument")
    named = facts.word("strategy")
    found = []
    for strategy in sorted(state.holders.get(instrument, ())):
        record = state.positions[f"{strategy}:{instrument}"]
        if named in (None, strategy) and record.position.quantity:
            found.append(Holder(strategy, instrument, terms, record.position))
    return found


def largest(sizes: Sequence[Amount]) -> int:
    """Where the largest size, whatever its sign, stands; the first among equals."""
    found = 0
    for index, size in enumerate(sizes):
        if abs(size) > abs(sizes[found]):
            found = index
    return found


def total(amounts: Sequence[Amount]) -> Amount:
    """The sum of amounts."""
    summed = ZERO
    for amount in amounts:
        summed += amount
    return summed
