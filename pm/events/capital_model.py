"""Capital that comes, goes, moves, or is given to a strategy."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from pm.events.parts import Trace

FlowKind = Literal["opening", "deposit", "withdrawal"]
TransferStep = Literal["sent", "arrived", "failed", "whole"]

FLOW_KINDS: Final[tuple[FlowKind, ...]] = ("opening", "deposit", "withdrawal")
TRANSFER_STEPS: Final[tuple[TransferStep, ...]] = ("sent", "arrived", "failed", "whole")


class CapitalFlow(NamedTuple):
    """A balance, a position, or both, that came from outside or left; what came may be negative.

    An `opening` is what was there when the books began, a `deposit` arrives later; their `cost` is
    the signed notional of the position, as the legs of its trades would sum to. A `withdrawal` is
    of a positive amount, and takes it out of a position too where it names one.
    """

    kind: FlowKind
    event_id: str
    executed_at: int
    token: str | None = None
    amount: str | None = None
    strategy_id: int | None = None
    instrument: str | None = None
    quantity: str | None = None
    cost: str | None = None
    venue: str | None = None
    location: str | None = None
    account: str | None = None
    chain_id: int | None = None
    book: str | None = None


class Allocation(NamedTuple):
    """Capital that a strategy is to work with; below zero it is taken back. No balance moves."""

    event_id: str
    strategy_id: int
    token: str
    amount: str
    executed_at: int
    book: str | None = None

    @property
    def kind(self) -> Literal["allocation"]:
        """The word for this kind of event."""
        return "allocation"


class Transfer(NamedTuple):
    """A step of moving a token, with the position in it where `instrument` is given.

    `amount` leaves the `from_` place (steps sent and whole), `arrived` reaches the `to_` place
    (arrived and whole). `rate` turns the settlement token of `instrument` into that of
    `to_instrument`. `cost` is what a position that comes from another book had cost.
    """

    transfer_id: str
    step: TransferStep
    token: str
    executed_at: int
    amount: str | None = None
    arrived: str | None = None
    strategy_id: int | None = None
    instrument: str | None = None
    from_location: str | None = None
    from_account: str | None = None
    from_venue: str | None = None
    from_chain_id: int | None = None
    to_location: str | None = None
    to_account: str | None = None
    to_venue: str | None = None
    to_chain_id: int | None = None
    to_token: str | None = None
    to_instrument: str | None = None
    rate: str | None = None
    to_book: str | None = None
    from_book: str | None = None
    cost: str | None = None
    trace: Trace | None = None
    book: str | None = None

    @property
    def kind(self) -> Literal["transfer"]:
        """The word for this kind of event."""
        return "transfer"
