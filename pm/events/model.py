"""The events that books know: what happened, in the words of the sender, but checked and exact.

Amounts are canonical decimal text, quantities are signed (buys positive), times are nanoseconds
since the epoch, and ids are in their inside spelling (`pm.reference.text_ids`). None means that the
sender did not say. Events are named tuples because one costs a fraction of a frozen dataclass, and
every fill pays for several. They are made by `lines`, `message` and `wire`, which check them;
whoever makes one by hand vouches for its ids and amounts.

Every event has `kind`, `executed_at`, `strategy_id` and `book`. The families live in modules of
their own; everybody else takes them from here.
"""

from __future__ import annotations

from typing import NamedTuple

from pm.events.capital_model import (
    FLOW_KINDS,
    TRANSFER_STEPS,
    Allocation,
    CapitalFlow,
    FlowKind,
    Transfer,
    TransferStep,
)
from pm.events.correction_model import Adjustment, Bust, Correct, CorrectionEvent
from pm.events.life_model import (
    DIVIDEND_STEPS,
    Dividend,
    DividendStep,
    Exercise,
    Expiry,
    Funding,
    LifeEvent,
    Settlement,
    Split,
)
from pm.events.order_model import (
    ExecutionResult,
    Fill,
    OrderStatus,
    Rejected,
    Release,
    Reservation,
)
from pm.events.parts import (
    MAX_STRATEGY_ID,
    SIDES,
    STEPS,
    UNATTRIBUTED,
    Fee,
    FeeClass,
    Result,
    Side,
    Step,
    Trace,
)
from pm.events.upkeep_model import (
    TRACE_VERDICTS,
    FeeValue,
    TraceArchived,
    TraceExpired,
    TraceVerdict,
    UpkeepEvent,
)

__all__ = [
    "DIVIDEND_STEPS",
    "FLOW_KINDS",
    "MAX_STRATEGY_ID",
    "SIDES",
    "STEPS",
    "TRACE_VERDICTS",
    "TRANSFER_STEPS",
    "UNATTRIBUTED",
    "Adjustment",
    "Allocation",
    "Bust",
    "CapitalFlow",
    "Correct",
    "CorrectionEvent",
    "Dividend",
    "DividendStep",
    "Event",
    "EventError",
    "ExecutionResult",
    "Exercise",
    "Expiry",
    "Fee",
    "FeeClass",
    "FeeValue",
    "Fill",
    "FlowKind",
    "Funding",
    "LifeEvent",
    "OrderStatus",
    "Quarantined",
    "Rejected",
    "Release",
    "Reservation",
    "Result",
    "Settlement",
    "Side",
    "Split",
    "Step",
    "Trace",
    "TraceArchived",
    "TraceExpired",
    "TraceVerdict",
    "Transfer",
    "TransferStep",
    "UpkeepEvent",
]

Event = (
    Fill
    | ExecutionResult
    | Rejected
    | OrderStatus
    | Reservation
    | Release
    | CapitalFlow
    | Allocation
    | Transfer
    | LifeEvent
    | UpkeepEvent
    | CorrectionEvent
)


class Quarantined(NamedTuple):
    """Something that must not be applied; `reason` is one word, `detail` says what is wrong."""

    reason: str
    detail: str


class EventError(ValueError):
    """An event that cannot be taken; the text is one line that names the kind and the key."""
