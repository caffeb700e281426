"""What queries answer: values with the names a risk manager's protocol uses.

Amounts are exact (`pm.decimals.Amount`), times are nanoseconds since the epoch, ids are text. None
stands for unknown, never for 0: without a price a position has no market value, and a flat one has
no average cost. Each value names its book and the journal seq that last changed it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from pm.decimals import Amount
from pm.reference.records import Metadata

Item = TypeVar("Item")
Amounts = Mapping[str, Amount]


@dataclass(frozen=True, slots=True)
class Listing(Generic[Item]):
    """A list, and the seq each book stood at before it was read.

    `is_exact`: nothing was journaled meanwhile, so the list is the state at exactly those seqs;
    else each item is that of its own, maybe newer, seq.
    """

    items: tuple[Item, ...]
    seqs: Mapping[str, int]
    is_exact: bool

    def __iter__(self) -> Iterator[Item]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Item:
        return self.items[index]


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """One strategy's position in one instrument; quantities are signed (+ long, - short).

    `cost`, `realized_pnl` and `fee_value` are in the settlement token. `realized_pnl` is price P&L
    without fees; `net_pnl` is known when the position is flat and every fee has a value. Realized
    P&L, fees and `total_trades` are of the position's whole life, `first_trade_time` and the trip's
    figures of its current (else last) trip from flat to flat. The last three before `book` come
    from reference data and are None without a record.
    """

    instrument_id: str
    instrument_kind: str
    chain_id: str
    strategy_id: str
    base: str
    quote: str
    settlement: str
    multiplier: Amount
    inverse: bool
    dust: Amount
    quantity: Amount
    avg_cost_basis: Amount | None
    cost: Amount
    market_value: Amount | None
    unrealized_pnl: Amount | None
    first_trade_time: int | None
    last_update_time: int
    total_trades: int
    realized_pnl: Amount
    fees_paid: Amounts
    fee_value: Amount
    fees_unvalued: Amounts
    net_pnl: Amount | None
    trip_realized_pnl: Amount
    trip_fee_value: Amount
    asset_metadata: Metadata | None
    risk_weight: Amount | None
    correlation_group: int | None
    book: str
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NettedPosition:
    """An instrument over all strategies that hold or held it, and their positions.

    `short_quantity` is negative or 0. Where long and short legs oppose there is no average cost;
    `break_even` is the price at which the netted quantity would give its cost back. `multiplier`
    is None where the positions differ in it. `first_trade_time` is the earliest of open ones.
    """

    instrument_id: str
    instrument_kind: str
    chain_id: str
    base: str
    quote: str
    settlement: str
    multiplier: Amount | None
    inverse: bool
    quantity: Amount
    avg_cost_basis: Amount | None
    break_even: Amount | None
    cost: Amount
    long_quantity: Amount
    long_avg_cost_basis: Amount | None
    short_quantity: Amount
    short_avg_cost_basis: Amount | None
    market_value: Amount | None
    unrealized_pnl: Amount | None
    first_trade_time: int | None
    last_update_time: int
    total_trades: int
    realized_pnl: Amount
    fees_paid: Amounts
    fee_value: Amount
    fees_unvalued: Amounts
    net_pnl: Amount | None
    asset_metadata: Metadata | None
    risk_weight: Amount | None
    correlation_group: int | None
    positions: tuple[Position, ...]
    seqs: Mapping[str, int]
    is_exact: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """One token at one location; `total` is available + reserved and may be below zero."""

    location: str
    chain_id: str
    token: str
    available: Amount
    reserved: Amount
    total: Amount
    last_update: int
    is_negative: bool
    book: str
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Sums over a strategy or a book: amounts per settlement token, fees per token paid.

    `total_fees` is `fees_paid` (of executions) and `failed_fees` (of what did not execute).
    """

    realized_pnl: Amounts
    total_fees: Amounts
    fees_paid: Amounts
    failed_fees: Amounts
    fee_value: Amounts
    fees_unvalued: Amounts
    volume: Amounts
    trade_count: int
    orders_filled: int
    orders_rejected: int
    orders_cancelled: int
    trips_won: int
    trips_lost: int
    trips_unknown: int
    inception_time: int | None
    last_update_time: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyPortfolio(Totals):
    """A strategy's totals and positions; one that never did anything is empty.

    `total_pnl` (realized and unrealized), `max_drawdown` and `sharpe_ratio` need marks.
    """

    strategy_id: str
    book: str
    seq: int
    is_exact: bool
    total_pnl: Amounts | None
    max_drawdown: Amount | None
    sharpe_ratio: Amount | None
    positions: tuple[Position, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BookState(Totals):
    """Where a book stands: its last journal entry with the digest, and what it depends on.

    `counts` tells how many events ended how, `cursors` how far each lane was applied.
    """

    book: str
    seq: int
    digest: str
    schema: str
    epoch: int
    rules: str
    library: str
    reference_version: int
    previous_update: int
    counts: Mapping[str, int]
    cursors: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class IntermediatePosition:
    """One step of a multi-step trade; `price` is None where the execution told none."""

    step_number: int
    step_type: str
    strategy_id: str
    instrument_id: str
    venue: str
    location: str
    chain_id: str
    quantity_delta: Amount
    price: Amount | None
    timestamp: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """A multi-step trade: its steps, and the net amount per asset, fees included.

    `result` is the net amount of the asset it started from, known once the trade is completed.
    """

    trace_id: str
    is_arbitrage: bool
    status: str
    numeraire: str
    result: Amount | None
    net: Amounts
    traded: tuple[str, ...]
    dust: Amounts
    first_time: int
    last_time: int
    steps: tuple[IntermediatePosition, ...]
    book: str
    seq: int
