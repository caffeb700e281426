"""The positions of a book as one event leaves them, before anything is committed.

An event may reach several positions, and one of them more than once: each part sees what the parts
before it did. The draft collects the updates in that order and makes their contributions.
"""

from collections.abc import Sequence

from pm.decimals import ZERO, Amount
from pm.rules.contribution import UNKNOWN, Contribution, per_position
from pm.rules.decision import PositionUpdate
from pm.rules.facts import Facts, Place, Terms
from pm.rules.legs import Leg
from pm.rules.position import Position
from pm.rules.position_events import (
    Correction,
    PositionEffect,
    apply_correction,
    apply_leg,
)
from pm.rules.state import BookState


class Draft:
    """Updates of positions by one event, in order."""

    __slots__ = ("_executed_at", "_facts", "_positions", "_state", "updates")

    def __init__(self, state: BookState, facts: Facts) -> None:
        self._state = state
        self._facts = facts
        self._executed_at = facts.need("executed_at")
        self._positions: dict[str, Position] = {}
        self.updates: list[PositionUpdate] = []

    def position(self, strategy: str, instrument: str) -> Position | None:
        """A position as it stands now, None when it does not exist yet."""
        key = f"{strategy}:{instrument}"
        found = self._positions.get(key)
        if found is None and (record := self._state.positions.get(key)) is not None:
            found = record.position
        return found

    def fold(
        self, strategy: str, instrument: str, terms: Terms, leg: Leg, place: Place | None = None
    ) -> PositionEffect:
        """Fold one leg that is no trade; `place` where it tells where the position lies."""
        effect = apply_leg(self.position(strategy, instrument), terms, leg, self._executed_at)
        self.take(PositionUpdate(strategy, instrument, terms, place, effect))
        return effect

    def carry(self, strategy: str, instrument: str, terms: Terms, amount: Amount) -> None:
        """Add to what an existing position earned by being held; an amount of 0 does nothing."""
        if amount:
            correction = Correction(self._executed_at, carry=amount)
            self.correct(strategy, instrument, terms, correction)

    def transfer_cost(self, strategy: str, instrument: str, terms: Terms, amount: Amount) -> None:
        """Add to what moving an existing position cost; an amount of 0 does nothing."""
        if amount:
            correction = Correction(self._executed_at, transfer_cost=amount)
            self.correct(strategy, instrument, terms, correction)

    def correct(
        self,
        strategy: str,
        instrument: str,
        terms: Terms,
        correction: Correction,
        *,
        is_rescale: bool = False,
    ) -> PositionEffect:
        """Correct an existing position without folding."""
        old = self.position(strategy, instrument)
        assert old is not None, "only what exists is corrected"
        effect = apply_correction(old, terms, correction, is_rescale=is_rescale)
        self.take(PositionUpdate(strategy, instrument, terms, None, effect))
        return effect

    def take(self, update: PositionUpdate) -> None:
        """Add an update made elsewhere."""
        self._positions[update.key] = update.effect.new
        self.updates.append(update)

    def contributions(self) -> list[Contribution]:
        """What the updates add to totals, one for each position."""
        return per_position(contribution_of(self._facts, update) for update in self.updates)


def contribution_of(facts: Facts, update: PositionUpdate) -> Contribution:
    """What an update that is no execution adds to totals."""
    terms, effect = update.terms, update.effect
    quantity, notional = leg_sums(effect)
    return Contribution(
        strategy=update.strategy,
        day=facts.need("day"),
        venue=facts.word("venue") or UNKNOWN,
        instrument=update.instrument,
        base=terms.base,
        quote=terms.quote,
        settlement=terms.settlement,
        quantity=quantity,
        notional=notional,
        realized_pnl=effect.realized_pnl,
        carry=effect.carry,
        transfer_cost=effect.transfer_cost,
        fee_value=effect.fees.value,
        fees_unvalued=effect.fees.unvalued,
        trip=effect.trip,
    )


def leg_sums(effect: PositionEffect) -> tuple[Amount | None, Amount | None]:
    """Quantity and notional of an update's legs and rescale; None when it has none of them."""
    legs: Sequence[Leg] = effect.legs
    if not legs and effect.rescaled is None:
        return None, None
    quantity = ZERO if effect.rescaled is None else effect.rescaled
    notional = ZERO
    for leg in legs:
        quantity += leg.quantity
        notional += leg.notional
    return quantity, notional
