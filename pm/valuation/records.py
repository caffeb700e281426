"""What a mark-to-market pass leaves for readers: a hash for each strategy, each book and the whole.

A record is read with one HGETALL, whatever the number of positions behind it. Amounts without a
token beside them are in `reporting_currency`; None is unknown, never 0: a position without a mark
or a token without a rate makes every figure that needs it unknown, and is named in `missing`.
Exposures are of instruments netted over what the record covers; `exposure_by_asset` adds balances
to the deltas of derivatives and leaves out the reporting currency and the stablecoins beside it. It
holds the largest hundred assets, and `exposure_elsewhere` the size of all others.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from pm.decimals import Amount
from pm.valuation.fields import read_fields, register, write_fields

Matrix = tuple[tuple[float | None, ...], ...]
"""Correlations by row and column; None where they are unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Margin:
    """What one account has to carry its futures and perpetuals with, in their settlement token.

    `free` is available + unrealized_pnl - margin_used; None where a mark or a margin is unknown.
    """

    location: str
    token: str
    margin_used: Amount | None
    unrealized_pnl: Amount | None
    available: Amount
    free: Amount | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Valuation:
    """The figures every level has.

    `at` is nanoseconds; `seq_start` and `seq_end` are where each book's journal stood when reading
    began and what the figures hold exactly. `net_pnl` is realized + unrealized + carry - fee_value
    - transfer_cost, of the whole life. `stale` counts positions valued at an old mark. Exposures
    leave out the `exposure_unknown` instruments whose exposure is not known: those without a mark
    or a rate, and options, for which reference data has no delta; of those alone their sums are
    None, and so is that of a stablecoin without a rate. `fees_unvalued` counts the tokens
    of fees that still have no value; `stale_rates` names tokens converted at an old rate, `assumed`
    those at an assumed peg.
    """

    at: int
    duration_ms: int
    seq_start: Mapping[str, int]
    seq_end: Mapping[str, int]
    reporting_currency: str
    equity: Amount | None
    net_pnl: Amount | None
    realized_pnl: Amount | None
    unrealized_pnl: Amount | None
    carry: Amount | None
    fee_value: Amount | None
    transfer_cost: Amount | None
    gross_exposure: Amount | None
    net_exposure: Amount | None
    risk_weighted_exposure: Amount | None
    leverage: Amount | None
    concentration: Amount | None
    largest_instrument: str
    exposure_by_group: Mapping[str, Amount]
    exposure_by_asset: Mapping[str, Amount]
    exposure_elsewhere: Amount
    exposure_in_stablecoins: Mapping[str, Amount | None]
    positions: int
    unmarked: int
    stale: int
    fees_unvalued: int
    exposure_unknown: int
    missing: tuple[str, ...]
    missing_count: int
    stale_rates: tuple[str, ...]
    assumed: tuple[str, ...]

    def to_fields(self) -> dict[str, str]:
        """The hash this is stored as."""
        return write_fields(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyValuation(Valuation):
    """A strategy: `equity` is allocated capital + net P&L, None without an allocation.

    Its `exposure_by_asset` is that of its positions. `in_flight_pnl` is what transferred positions
    that have not arrived would bring above their cost; it is part of `net_pnl`.
    """

    book: str
    strategy: str
    allocated: Amount | None
    in_flight_pnl: Amount | None
    margin_used: Amount | None

    @classmethod
    def from_fields(cls, stored: Mapping[Any, Any]) -> StrategyValuation:
        """The value a hash holds."""
        return read_fields(cls, stored)


@dataclass(frozen=True, slots=True, kw_only=True)
class BookValuation(Valuation):
    """A book; `treasury` is its equity less that of its strategies that have an allocation."""

    book: str
    balances: Amount | None
    receivables: Amount | None
    in_flight: Amount | None
    treasury: Amount | None
    margins: tuple[Margin, ...]

    @classmethod
    def from_fields(cls, stored: Mapping[Any, Any]) -> BookValuation:
        """The value a hash holds."""
        return read_fields(cls, stored)


@dataclass(frozen=True, slots=True, kw_only=True)
class PortfolioValuation(Valuation):
    """All books; instruments are netted across strategies and books."""

    books: tuple[str, ...]
    balances: Amount | None
    receivables: Amount | None
    in_flight: Amount | None
    treasury: Amount | None
    margins: tuple[Margin, ...]

    @classmethod
    def from_fields(cls, stored: Mapping[Any, Any]) -> PortfolioValuation:
        """The value a hash holds."""
        return read_fields(cls, stored)


@dataclass(frozen=True, slots=True, kw_only=True)
class LaterScenarios:
    """Results of the exposures whose returns begin with `first_day`, from that day on."""

    first_day: str
    exposures: Mapping[str, float]
    results: tuple[float, ...]


class RiskWindow(NamedTuple):
    """What the last days would have done to the exposures of now; `uncovered` are left out."""

    days: tuple[str, ...]
    results: tuple[float, ...]
    uncovered: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskRecord:
    """What value at risk of any lookback up to a year is read from, in the reporting currency.

    `results` holds, for each of `days` (UTC, oldest first), what that day's returns would do to
    `exposures`, the exposures of now, as far as they have returns on all of these days; those whose
    returns begin later are in `later`, those without any in `uncovered`. `window` puts them
    together. Correlations are over the last `correlation_days` days: of the largest `instruments`,
    of `groups`, and of `strategies` by their daily returns. All floats: statistics, not money.
    """

    at: int
    reporting_currency: str
    days: tuple[str, ...]
    results: tuple[float, ...]
    later: tuple[LaterScenarios, ...]
    exposures: Mapping[str, float]
    uncovered: Mapping[str, float]
    correlation_days: int
    instruments: tuple[str, ...]
    instrument_correlation: Matrix
    groups: tuple[str, ...]
    group_correlation: Matrix
    strategies: tuple[str, ...]
    strategy_correlation: Matrix

    def window(self, lookback_days: int) -> RiskWindow:
        """The last `lookback_days` days; each counts the same exposures, so that days compare."""
        days = self.days[-lookback_days:]
        results = list(self.results[-lookback_days:])
        uncovered = dict(self.uncovered)
        for part in self.later:
            if days and part.first_day > days[0]:
                uncovered.update(part.exposures)
                continue
            of_window = part.results[-len(days) :] if days else ()
            results = [have + more for have, more in zip(results, of_window, strict=True)]
        return RiskWindow(days, tuple(results), uncovered)

    def to_fields(self) -> dict[str, str]:
        """The hash this is stored as."""
        return write_fields(self)

    @classmethod
    def from_fields(cls, stored: Mapping[Any, Any]) -> RiskRecord:
        """The value a hash holds."""
        return read_fields(cls, stored)


@dataclass(frozen=True, slots=True, kw_only=True)
class EquityPoint:
    """One entry of an equity stream, with all that the next one is computed from.

    `seqs` is the journal seq of each book it covers; `flow` is capital that came in since the point
    before, at the rates of `at` (ns). `net` is what was earned since the first point (changes of
    equity less flows), `index` the product of (1 + `period_return`) from 1 [GIPS], `day_index` the
    index when the UTC day of `at` began. `max_drawdown` (of `net`) and `max_drawdown_ratio` (of the
    index) are <= 0. `net_pnl` and `unrealized_pnl` are of the valuation at `at`. Flags: those of
    `pm.performance.points`, "first", "stale" and "assumed".
    """

    at: int
    seqs: Mapping[str, int]
    equity: Amount
    flow: Amount
    net: Amount
    period_return: Amount | None
    index: Amount
    day_index: Amount
    peak_index: Amount
    peak_net: Amount
    max_drawdown: Amount
    max_drawdown_ratio: Amount
    net_pnl: Amount | None = None
    unrealized_pnl: Amount | None = None
    flags: tuple[str, ...] = ()

    def to_fields(self) -> dict[str, str]:
        """The fields of the stream entry."""
        return write_fields(self)

    @classmethod
    def from_fields(cls, stored: Mapping[Any, Any]) -> EquityPoint:
        """The value a stream entry holds."""
        return read_fields(cls, stored)


def _write_margins(margins: tuple[Margin, ...]) -> str:
    return json.dumps([write_fields(margin) for margin in margins], separators=(",", ":"))


def _read_margins(text: str) -> tuple[Margin, ...]:
    return tuple(read_fields(Margin, row) for row in json.loads(text))


def _write_later(parts: tuple[LaterScenarios, ...]) -> str:
    rows = [[part.first_day, part.exposures, part.results] for part in parts]
    return json.dumps(rows, separators=(",", ":"))


def _read_later(text: str) -> tuple[LaterScenarios, ...]:
    return tuple(
        LaterScenarios(first_day=first_day, exposures=exposures, results=tuple(results))
        for first_day, exposures, results in json.loads(text)
    )


register("tuple[Margin, ...]", _write_margins, _read_margins)
register("tuple[LaterScenarios, ...]", _write_later, _read_later)
