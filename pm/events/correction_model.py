"""What changes what the books had been told: trades busted or corrected, and adjustments."""

from __future__ import annotations

from typing import Literal, NamedTuple

from pm.events.parts import Fee


class Bust(NamedTuple):
    """A trade did not happen, by its execution id; `by` and `why` are free text.

    With `keep_fees` what was paid for it stays paid.
    """

    event_id: str
    execution_id: str
    order_id: str
    venue: str
    executed_at: int
    by: str
    why: str
    keep_fees: bool = False
    strategy_id: int | None = None
    order_date: str | None = None
    book: str | None = None

    @property
    def kind(self) -> Literal["bust"]:
        """The word for this kind of event."""
        return "bust"


class Correct(NamedTuple):
    """A trade happened on other terms; None leaves a term as it was."""

    event_id: str
    execution_id: str
    order_id: str
    venue: str
    executed_at: int
    by: str
    why: str
    quantity: str | None = None
    price: str | None = None
    quote_amount: str | None = None
    fees: tuple[Fee, ...] | None = None
    strategy_id: int | None = None
    order_date: str | None = None
    book: str | None = None

    @property
    def kind(self) -> Literal["correct"]:
        """The word for this kind of event."""
        return "correct"


class Adjustment(NamedTuple):
    """A balance, a position, or both made what they are outside; who says so, and why.

    Signed; `cost` is the signed notional. `break_id` names the break it resolves.
    """

    event_id: str
    executed_at: int
    by: str
    why: str
    break_id: str | None = None
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

    @property
    def kind(self) -> Literal["adjustment"]:
        """The word for this kind of event."""
        return "adjustment"


CorrectionEvent = Bust | Correct | Adjustment
