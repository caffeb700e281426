"""What the report on a strategy's performance answers: values, with the names of the protocol.

Money is given per settlement token and, where every rate is known, in the reporting currency.
Ratios are fractions of 1 with 18 decimals. None is unknown, and `missing` says for want of what.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pm.attribution.money import Money
from pm.attribution.rows import Amounts
from pm.decimals import Amount


@dataclass(frozen=True, slots=True, kw_only=True)
class TimePeriod:
    """From `start` until before `end`, in ns; `start_prices` and `end_prices` say of when."""

    start: int
    end: int
    start_text: str
    end_text: str
    start_prices: str
    end_prices: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Profit:
    """Money made over a range, for a whole strategy or a part of it.

    `realized_pnl` and `volume` (sum of absolute notionals) are before fees; `fees_paid` is per
    token, `fee_value` what it was worth when paid; `fees_unvalued` are those without a value yet.
    """

    realized_pnl: Money
    carry: Money
    transfer_cost: Money
    fees_paid: Amounts
    fee_value: Money
    fees_unvalued: Amounts
    trade_count: int
    total_volume: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueAttribution(Profit):
    """A venue ("-" where none was named). `total_pnl` is realized + carry - fee value.

    P&L belongs to the venue of the execution that closed; unrealized P&L belongs to none.
    """

    venue_id: str
    total_pnl: Money
    orders_filled: int
    orders_rejected: int
    orders_cancelled: int
    success_rate: Amount | None
    average_latency_ns: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenPairAttribution(Profit):
    """A base and a quote token; `total_pnl` as of a venue, `unrealized_pnl` beside it.

    `average_spread_captured` is a fraction of the price bought at, before fees; None without
    multi-step trades that bought and sold the pair.
    """

    base_token: str
    quote_token: str
    total_pnl: Money
    unrealized_pnl: Money
    average_spread_captured: Amount | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DayProfit:
    """One UTC day of the range; at the rates of the whole range's end."""

    day: str
    realized_pnl: Money
    unrealized_pnl: Money
    total_pnl: Money
    net_pnl: Money
    trade_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DayRow(Profit):
    """One UTC day, venue and token pair; `total_pnl` as of a venue."""

    day: str
    venue_id: str
    base_token: str
    quote_token: str
    total_pnl: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class EquityFigures:
    """What the equity points inside the range say; each figure has a reason where it has no value.

    Amounts are in the reporting currency. A point of `equity_curve` is its time in ns, equity and
    the index's distance from its highest so far, as a fraction.
    """

    sharpe_ratio: Amount | None = None
    sharpe_ratio_reason: str = ""
    max_drawdown: Amount | None = None
    max_drawdown_ratio: Amount | None = None
    max_drawdown_reason: str = ""
    equity_curve: tuple[tuple[int, Amount, Amount], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PerformanceAttribution(Profit):
    """A strategy over a range.

    `total_pnl` is realized + unrealized, without fees; `net_pnl` is total + carry - fee value -
    transfer cost. `unrealized_pnl` is its change over the range. `win_rate` is of closed trips
    that are won or lost. `failed_fees` (gas of what did not execute) are in no P&L. `details` are
    rows by `granularity`: an execution, a day or a trip each.
    """

    strategy_id: str
    books: tuple[str, ...]
    seqs: Mapping[str, int]
    time_period: TimePeriod
    reporting_currency: str
    rates: Amounts
    total_pnl: Money
    unrealized_pnl: Money
    net_pnl: Money
    failed_fees: Amounts
    allocated: Amounts
    average_trade_pnl: Money
    average_trip_pnl: Money
    trips_won: int
    trips_lost: int
    trips_unknown: int
    win_rate: Amount | None
    traces_won: int | None
    traces_lost: int | None
    trace_win_rate: Amount | None
    orders_filled: int
    orders_rejected: int
    orders_cancelled: int
    success_rate: Amount | None
    average_latency_ns: int | None
    latency_orders: int
    sharpe_ratio: Amount | None
    sharpe_ratio_reason: str
    max_drawdown: Amount | None
    max_drawdown_ratio: Amount | None
    max_drawdown_reason: str
    equity_curve: tuple[tuple[int, Amount, Amount], ...]
    venue_attribution: Mapping[str, VenueAttribution]
    token_pair_attribution: Mapping[str, TokenPairAttribution]
    daily: tuple[DayProfit, ...]
    granularity: str
    details: tuple[Any, ...]
    missing: tuple[str, ...]
    stale: tuple[str, ...]
