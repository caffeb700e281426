"""What one event does, decided against a book's state before anything of it is changed."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pm.decimals import Amount
from pm.rules.contribution import Contribution
from pm.rules.facts import Place, Terms
from pm.rules.movements import Movement
from pm.rules.orders import Order
from pm.rules.pending import Pending
from pm.rules.position_events import PositionEffect
from pm.rules.reservations import NO_RELEASES, Release
from pm.rules.traces import Trace


class PositionUpdate(NamedTuple):
    """A position that changes, and how; without a place it stays where it lies."""

    strategy: str
    instrument: str
    terms: Terms
    place: Place | None
    effect: PositionEffect

    @property
    def key(self) -> str:
        """The position's name within its book."""
        return f"{self.strategy}:{self.instrument}"


class UnderWay(NamedTuple):
    """By how much what is in flight changes, or what is receivable."""

    kind: str
    token: str
    amount: Amount


class TraceUpdate(NamedTuple):
    """A trace with one more step, or with a new status only."""

    trace: Trace
    is_step: bool


class Decision(NamedTuple):
    """The outcome of one event; None and empty stand for no effect.

    `effects` are the JSON texts of what happens to positions beside legs, or was declined.
    """

    result: str
    reason: str = ""
    updates: Sequence[PositionUpdate] = ()
    effects: Sequence[str] = ()
    movements: Sequence[Movement] = ()
    releases: Mapping[str, Release] = NO_RELEASES
    order: Order | None = None
    trace: TraceUpdate | None = None
    pending: Pending | None = None
    under_way: UnderWay | None = None
    contributions: Sequence[Contribution] = ()


def refused(reason: str) -> Decision:
    """A refusal: nothing changes but counters."""
    return Decision("refused", reason)


def noted(reason: str) -> Decision:
    """Nothing changes, and the event is remembered."""
    return Decision("noted", reason)
