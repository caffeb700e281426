"""The events that books know: what happened, in the words of the sender, but checked and exact.

Amounts are canonical decimal text, quantities are signed (buys positive), times are nanoseconds
since the epoch, and ids are in their inside spelling (`pm.reference.text_ids`). None means that the
sender did not say. Events are named tuples because one costs a fraction of a frozen dataclass, and
every fill pays for several. They are made by `lines`, `message` and `wire`, which check them;
whoever makes one by hand vouches for its ids and amounts.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

FeeClass = Literal["trading", "gas"]
Step = Literal["entry", "intermediate", "exit", "bridge"]
Side = Literal["buy", "sell"]
Result = Literal["filled", "partial", "rejected", "cancelled", "unknown"]
FlowKind = Literal["opening", "deposit"]

STEPS: Final[tuple[Step, ...]] = ("entry", "intermediate", "exit", "bridge")
SIDES: Final[tuple[Side, ...]] = ("buy", "sell")
MAX_STRATEGY_ID: Final = 65_535
UNATTRIBUTED: Final = 0


class Fee(NamedTuple):
    """A cost of an event, negative for a rebate; the instrument knows the token of one without."""

    token: str | None
    amount: str
    kind: FeeClass = "trading"


class Trace(NamedTuple):
    """The multi-step trade an event belongs to; `id` is 32 hex digits."""

    id: str
    arbitrage: bool = False
    step: Step | None = None


class Fill(NamedTuple):
    """One execution of an order. `quote_amount`, if given, is the exact notional."""

    execution_id: str
    order_id: str
    venue: str
    strategy_id: int
    instrument: str
    quantity: str
    price: str
    executed_at: int
    fees: tuple[Fee, ...] = ()
    quote_amount: str | None = None
    decided_at: int | None = None
    trace: Trace | None = None
    account: str | None = None
    chain_id: int | None = None
    order_date: str | None = None
    book: str | None = None

    @property
    def kind(self) -> Literal["fill"]:
        """The word for this kind of event."""
        return "fill"


class ExecutionResult(NamedTuple):
    """What became of an order so far: quantity and fees are cumulative, the price an average.

    Fees None are not stated; an empty tuple states that there are none.
    """

    event_id: str
    order_id: str
    venue: str
    strategy_id: int
    instrument: str
    quantity: str
    price: str | None
    result: Result
    executed_at: int
    fees: tuple[Fee, ...] | None = None
    quote_amount: str | None = None
    decided_at: int | None = None
    trace: Trace | None = None
    account: str | None = None
    chain_id: int | None = None
    order_date: str | None = None
    book: str | None = None

    @property
    def kind(self) -> Literal["execution_result"]:
        """The word for this kind of event."""
        return "execution_result"


class Rejected(NamedTuple):
    """An order that the venue or the chain refused; its fees are what the attempt cost."""

    event_id: str
    order_id: str
    venue: str
    executed_at: int
    strategy_id: int | None = None
    instrument: str | None = None
    side: Side | None = None
    reason: str | None = None
    fees: tuple[Fee, ...] = ()
    trace: Trace | None = None
    account: str | None = None
    chain_id: int | None = None
    order_date: str | None = None
    book: str | None = None

    @property
    def kind(self) -> Literal["rejected"]:
        """The word for this kind of event."""
        return "rejected"


class OrderStatus(NamedTuple):
    """A change of an order's status that says nothing of executions."""

    event_id: str
    order_id: str
    venue: str
    status: str
    executed_at: int
    strategy_id: int | None = None
    instrument: str | None = None
    side: Side | None = None
    fees: tuple[Fee, ...] = ()
    trace: Trace | None = None
    account: str | None = None
    chain_id: int | None = None
    order_date: str | None = None
    book: str | None = None

    @property
    def kind(self) -> Literal["order_status"]:
        """The word for this kind of event."""
        return "order_status"


class CapitalFlow(NamedTuple):
    """A balance, a position, or both, that came from outside; negative amounts go out.

    `cost` is the signed notional of the position, as the legs of its trades would sum to. An
    `opening` is what was there when the books began, a `deposit` arrives later.
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


Event = Fill | ExecutionResult | Rejected | OrderStatus | CapitalFlow


class Quarantined(NamedTuple):
    """Something that must not be applied; `reason` is one word, `detail` says what is wrong."""

    reason: str
    detail: str


class EventError(ValueError):
    """An event that cannot be taken; the text is one line that names the kind and the key."""
