"""What one event does, decided against a book's state before anything of it is changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pm.rules.balances import Movements
from pm.rules.contribution import Contribution
from pm.rules.facts import Facts, Terms
from pm.rules.legs import Leg
from pm.rules.orders import Order
from pm.rules.position import PositionEffect
from pm.rules.state import BookState
from pm.rules.traces import Trace


class PositionUpdate(NamedTuple):
    """A position that changes, and how."""

    strategy: str
    instrument: str
    terms: Terms
    effect: PositionEffect


class Settlement(NamedTuple):
    """Where balances move, and by how much per token."""

    location: str
    chain_id: str
    movements: Movements


@dataclass(frozen=True, slots=True)
class Decision:
    """The outcome of one event; None and empty stand for no effect."""

    result: str
    reason: str = ""
    legs: Sequence[Leg] = ()
    position: PositionUpdate | None = None
    settlement: Settlement | None = None
    order: Order | None = None
    trace: Trace | None = None
    contribution: Contribution | None = None


class Subject(NamedTuple):
    """Whom an event is about; an order without a key was not named and is not kept."""

    order: Order
    strategy: str
    instrument: str
    terms: Terms | None


def refused(reason: str) -> Decision:
    """A refusal: nothing changes but counters."""
    return Decision("refused", reason)


def settled(facts: Facts, movements: Movements) -> Settlement | None:
    """Movements at the event's location, None when there are none."""
    return Settlement(facts.location(), facts.chain_id(), movements) if movements else None


def instrument_terms(
    state: BookState, facts: Facts, strategy: str, instrument: str
) -> Terms | None:
    """The terms the event states, else those its position was last traded on."""
    terms = facts.terms()
    if terms is None and instrument:
        record = state.record(strategy, instrument)
        return None if record is None else record.terms
    return terms
