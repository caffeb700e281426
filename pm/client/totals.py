"""What queries answer of strategies and books: totals, valuation, performance, risk.

Totals are exact and live: they move with every event, and are true at the journal seq beside them.
What needs prices of everything at one moment (equity, exposure, margin) is that of the last
mark-to-market, which says when it was made and at which seqs. Statistics are rounded decimals.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pm.client.results import Amounts, Position
from pm.decimals import Amount
from pm.valuation.records import (
    BookValuation,
    PortfolioValuation,
    StrategyValuation,
    Valuation,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Sums over a strategy or books: amounts per settlement token, fees and capital per token.

    `total_fees` is `fees_paid` (of executions) and `failed_fees` (of what did not execute).
    `market_value` and `unrealized_pnl` are at the marks the positions have; `unmarked` counts open
    positions that have none and are not in them. `total_pnl` (realized + unrealized, before fees)
    is unknown with any, and while `is_torn`: marking was interrupted, and the next mark-to-market
    counts these totals anew.
    """

    total_pnl: Amounts | None
    realized_pnl: Amounts
    unrealized_pnl: Amounts
    market_value: Amounts
    unmarked: int
    is_torn: bool
    carry: Amounts
    transfer_cost: Amounts
    total_fees: Amounts
    fees_paid: Amounts
    failed_fees: Amounts
    fee_value: Amounts
    fees_unvalued: Amounts
    allocated: Amounts
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
class Performance:
    """What a series of equity points amounts to, in the reporting currency, up to `valued_at`.

    `earned` is what equity gained beside capital that came or went since the first point,
    `total_return` the time-weighted return since then. `max_drawdown` is of the former, its ratio
    of the return index; both are 0 or below. `sharpe_ratio` and `volatility` are of `days` daily
    returns, None with the reason in `insufficient` where those do not suffice.
    """

    valued_at: int
    seqs: Mapping[str, int]
    equity: Amount
    earned: Amount
    total_return: Amount
    max_drawdown: Amount
    max_drawdown_ratio: Amount
    sharpe_ratio: Amount | None
    volatility: Amount | None
    days: int
    insufficient: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyPortfolio(Totals):
    """A strategy's totals and positions; one that never did anything is empty.

    `max_drawdown` and `sharpe_ratio` are those of `performance`, `valuation` the last
    mark-to-market; all are None before one. `equity` is there once the strategy has capital.
    """

    strategy_id: str
    book: str
    seq: int
    is_exact: bool
    equity: Amount | None
    max_drawdown: Amount | None
    sharpe_ratio: Amount | None
    valuation: StrategyValuation | None
    performance: Performance | None
    positions: tuple[Position, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BookState(Totals):
    """Where a book stands: its last journal entry with the digest, and what it depends on.

    `counts` tells how many events ended how, `cursors` how far each lane was applied, `valuation`
    how often positions were marked. `in_flight` and `receivables` are part of equity.
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
    valuation: int
    in_flight: Amounts
    receivables: Amounts
    traces_expired: int
    traces_stranded: int
    counts: Mapping[str, int]
    cursors: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvertedTotals:
    """Live totals in the reporting currency, at one set of rates of `at` (nanoseconds).

    A figure is None where a token it needs has no rate (`missing`), or where it is unknown before
    conversion. `stale` names tokens whose rate needs an old mark, `assumed` those taken at their
    peg.
    """

    reporting_currency: str
    at: int
    rates: Amounts
    missing: tuple[str, ...]
    stale: tuple[str, ...]
    assumed: tuple[str, ...]
    total_pnl: Amount | None
    net_pnl: Amount | None
    realized_pnl: Amount | None
    unrealized_pnl: Amount | None
    carry: Amount | None
    fee_value: Amount | None
    transfer_cost: Amount | None
    in_flight: Amount | None
    receivables: Amount | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PortfolioSummary(Totals):
    """The books together: live totals, their worth now, and what the last mark-to-market found.

    `seqs` is where each book stands with these totals, `behind` how many journal entries of it the
    valuation does not have yet. `net_pnl` is realized + unrealized + carry - fee_value -
    transfer_cost, None while a position has no mark or a fee no value. `valuation` is None before
    the first mark-to-market; of several books it is the one of all books.
    """

    seqs: Mapping[str, int]
    net_pnl: Amounts | None
    in_flight: Amounts
    receivables: Amounts
    traces_expired: int
    traces_stranded: int
    converted: ConvertedTotals
    valuation: BookValuation | PortfolioValuation | None
    behind: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class LossEstimates:
    """Losses not reached with `confidence_level` over `holding_period_days`, from `days` results.

    Each result is what one past day's returns would do to the exposures of now. Losses are positive
    and in the reporting currency. All are None, with the reason in `insufficient`, where too few
    days are known.
    """

    confidence_level: Amount
    holding_period_days: int
    days: int
    value_at_risk: Amount | None
    expected_shortfall: Amount | None
    parametric_value_at_risk: Amount | None
    parametric_expected_shortfall: Amount | None
    insufficient: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Correlations:
    """Coefficients by row and column in the order of `names`; None where there is none."""

    names: tuple[str, ...]
    rows: tuple[tuple[Amount | None, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskMetrics:
    """Risk of a strategy, a book or all books, as of the mark-to-market at `valued_at`.

    `valuation` has equity, exposures, leverage and concentration, and the seqs they hold.
    `exposures` are those the loss estimates are of; `uncovered` are those of them without returns
    on all days of the lookback, which the estimates leave out. Everything is None or empty before a
    mark-to-market.
    """

    strategy_id: str | None
    book: str | None
    lookback_days: int
    reporting_currency: str
    valued_at: int | None
    seqs: Mapping[str, int]
    losses: LossEstimates
    exposures: Amounts
    uncovered: Amounts
    uncovered_share: Amount | None
    correlation_days: int
    instrument_correlation: Correlations
    group_correlation: Correlations
    strategy_correlation: Correlations
    valuation: Valuation | None
    performance: Performance | None
