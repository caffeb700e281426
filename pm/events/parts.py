"""What events of several families are made of: fees, traces, and the words some keys hold."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

FeeClass = Literal["trading", "gas"]
Step = Literal["entry", "intermediate", "exit", "bridge"]
Side = Literal["buy", "sell"]
Result = Literal["filled", "partial", "rejected", "cancelled", "unknown"]

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
