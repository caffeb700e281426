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
class LiveValue:
    """A position at the newest mark there is, whoever gave it and however old it is.

    Strategy and book totals do not have it: they are at the marks of the last mark-to-market.
    """

    mark: Amount
    mark_time: int
    is_stale: bool
    market_value: Amount | None
    unrealized_pnl: Amount | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """One strategy's position in one instrument; quantities are signed (+ long, - short).

    `cost`, P&L, `carry` (funding, dividends, interest), `transfer_cost` and `fee_value` are in the
    settlement token. Market value and unrealized P&L are at `mark`, that of the last mark-to-market
    (`is_stale`: it was old already), and move with every event since; `live` is at the newest mark
    there is, and only there when asked for. `exposure` is in the quote token, unknown for an option
    and without a mark. `net_pnl` is realized + unrealized + carry - fee_value - transfer_cost,
    known when the position has a mark or is flat and every fee has a value. Realized P&L, fees,
    carry and `total_trades` are of the position's whole life, `first_trade_time` and the trip's
    figures of its current (else last) trip from flat to flat. `location` is the last one told. The
    last three before `live` come from reference data and are None without a record.
    """

    instrument_id: str
    instrument_kind: str
    chain_id: str
    location: str
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
    mark: Amount | None
    mark_time: int | None
    is_stale: bool
    market_value: Amount | None
    unrealized_pnl: Amount | None
    exposure: Amount | None
    first_trade_time: int | None
    last_update_time: int
    total_trades: int
    realized_pnl: Amount
    fees_paid: Amounts
    fee_value: Amount
    fees_unvalued: Amounts
    carry: Amount
    transfer_cost: Amount
    net_pnl: Amount | None
    trip_realized_pnl: Amount
    trip_fee_value: Amount
    trip_carry: Amount
    asset_metadata: Metadata | None
    risk_weight: Amount | None
    correlation_group: int | None
    live: LiveValue | None
    book: str
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NettedPosition:
    """An instrument over all strategies that hold or held it, and their positions.

    `short_quantity` is negative or 0. Where long and short legs oppose there is no average cost;
    `break_even` is the price at which the netted quantity would give its cost back. `multiplier`
    is None where the positions differ in it. `first_trade_time` is the earliest of open ones.
    `unmarked` counts open positions without a mark; with any, the valued figures are unknown.
    `mark` is that of the open positions, None where they differ in it; `mark_time` is the oldest of
    its times in ns, and it `is_stale` if it is for any of them.
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
    unmarked: int
    mark: Amount | None
    mark_time: int | None
    is_stale: bool
    market_value: Amount | None
    unrealized_pnl: Amount | None
    exposure: Amount | None
    first_trade_time: int | None
    last_update_time: int
    total_trades: int
    realized_pnl: Amount
    fees_paid: Amounts
    fee_value: Amount
    fees_unvalued: Amounts
    carry: Amount
    transfer_cost: Amount
    net_pnl: Amount | None
    asset_metadata: Metadata | None
    risk_weight: Amount | None
    correlation_group: int | None
    positions: tuple[Position, ...]
    seqs: Mapping[str, int]
    is_exact: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceMargin:
    """What futures and perpetuals take from a balance, as of the mark-to-market at `valued_at`.

    `free` is available now + `unrealized_pnl` - `margin_used`, None where one of them is unknown.
    """

    valued_at: int
    margin_used: Amount | None
    unrealized_pnl: Amount | None
    free: Amount | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """One token at one location; `total` is available + reserved and may be below zero.

    `margin` is there when asked for, and None where the last mark-to-market found none.
    """

    location: str
    chain_id: str
    token: str
    available: Amount
    reserved: Amount
    total: Amount
    last_update: int
    is_negative: bool
    margin: BalanceMargin | None
    book: str
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """What an order holds back of a balance; `last_news` is when the order was last heard of.

    `reserved` is what was set aside, `left` what still is. `order_quantity` is None where nobody
    told it: then what is spent counts, not what is left to be filled.
    """

    order: str
    strategy_id: str
    instrument_id: str
    status: str
    location: str
    chain_id: str
    token: str
    reserved: Amount
    left: Amount
    order_quantity: Amount | None
    last_news: int
    book: str
    seq: int


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

    `status` is open, completed, expired (its time is over, nothing is left) or stranded: `stranded`
    then tells the amount of each asset it traded that is not dust, and `locations` has every amount
    by `<location>:<asset>`. `result` is the net amount of the asset it started from,
    known once the trade is completed.
    """

    trace_id: str
    is_arbitrage: bool
    status: str
    numeraire: str
    result: Amount | None
    net: Amounts
    locations: Amounts
    stranded: Amounts
    traded: tuple[str, ...]
    dust: Amounts
    first_time: int
    last_time: int
    steps: tuple[IntermediatePosition, ...]
    book: str
    seq: int
