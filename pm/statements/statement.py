"""What a venue says an account holds and has traded, in exact numbers and in the venue's words.

None stands for what was not told: it is never taken for 0 or for nothing. A part that was told and
is empty says that there is none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from pm.decimals import Amount

Part = Literal["balances", "positions", "trades"]
PARTS: Final[tuple[Part, ...]] = ("balances", "positions", "trades")


class StatementError(Exception):
    """A statement cannot be read, or not be believed; the text names the file and the place."""


@dataclass(frozen=True, slots=True)
class ToldBalance:
    """One token; `available` is what no open order holds back."""

    token: str
    total: Amount | None
    available: Amount | None = None


@dataclass(frozen=True, slots=True)
class ToldPosition:
    """One instrument: signed quantity, in contracts of `contract_size` where that is told.

    P&L is in the settlement token, `mark_price` what the unrealized part was taken at.
    """

    symbol: str
    quantity: Amount
    contract_size: Amount | None = None
    unrealized_pnl: Amount | None = None
    realized_pnl: Amount | None = None
    mark_price: Amount | None = None


@dataclass(frozen=True, slots=True)
class ToldTrade:
    """One execution: signed quantity; `cost` is the quote amount; fees above zero are paid.

    `executed_at_ns` has the venue's resolution, mostly a millisecond.
    """

    execution_id: str
    order_id: str | None
    symbol: str
    quantity: Amount
    price: Amount | None
    cost: Amount | None
    fees: tuple[tuple[str, Amount], ...] | None
    executed_at_ns: int | None


@dataclass(frozen=True, slots=True)
class Statement:
    """The parts a venue told; None is a part it did not."""

    balances: tuple[ToldBalance, ...] | None = None
    positions: tuple[ToldPosition, ...] | None = None
    trades: tuple[ToldTrade, ...] | None = None

    @property
    def parts(self) -> tuple[Part, ...]:
        """The parts that were told."""
        return tuple(part for part in PARTS if getattr(self, part) is not None)
