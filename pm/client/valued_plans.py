"""The queries of what the books are worth: a strategy's portfolio, the summary, risk, equity.

Each is one pipeline, or two where something new turns up, whatever the number of positions: totals
are kept by the books, and what needs all positions at one moment is what the last mark-to-market
left.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from pm import keys
from pm.client.parsing import sum_amounts
from pm.client.plan import Plan, existing
from pm.client.plans import PositionState, positions_of
from pm.client.rates import Rates
from pm.client.results import Amounts
from pm.client.scope import Scope
from pm.client.totals import (
    ConvertedTotals,
    Performance,
    PortfolioSummary,
    RiskMetrics,
    StrategyPortfolio,
)
from pm.client.totals_parsing import net_pnl, parse_portfolio, read_map, totals
from pm.decimals import ZERO, Amount
from pm.marks.rates import Prices
from pm.settings import RiskMetricsSettings
from pm.valuation.fields import read_or_none
from pm.valuation.records import (
    BookValuation,
    EquityPoint,
    PortfolioValuation,
    RiskRecord,
    StrategyValuation,
    Valuation,
)

MONEY_DECIMALS = 18
_NS_A_MS = 1_000_000


def strategy_portfolio(
    scope: Scope, strategy: str, state: PositionState, book: str | None
) -> Plan[StrategyPortfolio]:
    """A strategy's totals with its positions, valuation and performance."""
    name = scope.one(book, strategy)
    beside = [
        ("HGETALL", keys.strategy(name, strategy)),
        ("HGETALL", keys.valuation(name, strategy)),
        ("XREVRANGE", keys.equity(name, strategy), "+", "-", "COUNT", "1"),
        ("HGETALL", keys.returns(name, strategy)),
    ]
    found, told = yield from positions_of(scope, (name,), state, strategy, beside)
    values, valuation, points, returns = told
    return parse_portfolio(
        name,
        strategy,
        values,
        found.items,
        found.seqs[name],
        found.is_exact,
        _read(StrategyValuation, valuation),
        _performance(points, returns, scope.risk_metrics),
    )


def portfolio_summary(scope: Scope, book: str | None) -> Plan[PortfolioSummary]:
    """The totals of a book or of all, their worth now, and the last mark-to-market."""
    names = scope.spanned(book)
    is_one = len(names) == 1
    valued = keys.valuation(names[0]) if is_one else keys.portfolio_valuation()
    rates = scope.rates
    commands = rates.rate_commands(rates.last_asked)
    told = yield [*(("HGETALL", keys.book(name)) for name in names), ("HGETALL", valued), *commands]
    hashes, stored, marks = told[: len(names)], told[len(names)], told[len(names) + 1 :]
    seqs = {
        name: existing(name, values.get("seq")) for name, values in zip(names, hashes, strict=True)
    }
    live = totals(*hashes)
    live["in_flight"] = sum_amounts(*(read_map(values, "in_flight") for values in hashes))
    live["receivables"] = sum_amounts(*(read_map(values, "receivables") for values in hashes))
    live["net_pnl"] = net_pnl(live)
    tokens = {token for name in _CONVERTED for token in live[name]}
    if not tokens.issubset(rates.last_asked):
        commands = rates.rate_commands(tokens)
        marks = yield commands
    valuation: BookValuation | PortfolioValuation | None
    valuation = _read(BookValuation, stored) if is_one else _read(PortfolioValuation, stored)
    held = {} if valuation is None else valuation.seq_end
    return PortfolioSummary(
        **live,
        seqs=seqs,
        traces_expired=_count(hashes, "traces_expired"),
        traces_stranded=_count(hashes, "traces_stranded"),
        converted=_converted(live, rates, rates.prices(commands, marks)),
        valuation=valuation,
        behind={name: seq - held.get(name, 0) for name, seq in seqs.items()},
    )


def risk_metrics(
    scope: Scope, lookback_days: int, strategy: str | None, book: str | None
) -> Plan[RiskMetrics]:
    """Risk as of the last mark-to-market of a strategy, a book or all books."""
    names = scope.spanned(book, strategy)
    kind: type[StrategyValuation] | type[BookValuation] | type[PortfolioValuation]
    if len(names) > 1:
        kind, home = PortfolioValuation, None
        risk, valued = keys.portfolio_risk(), keys.portfolio_valuation()
        equity, returned = keys.portfolio_equity(), keys.portfolio_returns()
    else:
        kind, home = (BookValuation if strategy is None else StrategyValuation), names[0]
        risk, valued = keys.risk(home, strategy), keys.valuation(home, strategy)
        equity, returned = keys.equity(home, strategy), keys.returns(home, strategy)
    told = yield [
        ("HGETALL", risk),
        ("HGETALL", valued),
        ("XREVRANGE", equity, "+", "-", "COUNT", "1"),
        ("HGETALL", returned),
        *(("HGET", keys.book(name), "seq") for name in names),
    ]
    for name, seq in zip(names, told[4:], strict=True):
        existing(name, seq)
    record: RiskRecord | None = _read(RiskRecord, told[0])
    return _risk(
        scope,
        lookback_days,
        strategy,
        home,
        record,
        _read(kind, told[1]),
        _performance(told[2], told[3], scope.risk_metrics),
    )


def equity(
    scope: Scope,
    strategy: str | None,
    book: str | None,
    start: int | None,
    end: int | None,
    count: int,
) -> Plan[tuple[EquityPoint, ...]]:
    """At most the last `count` equity points of a time range in ns, both ends included."""
    names = scope.spanned(book, strategy)
    stream = keys.equity(names[0], strategy) if len(names) == 1 else keys.portfolio_equity()
    low = "-" if start is None else str(start // _NS_A_MS)
    high = "+" if end is None else str(end // _NS_A_MS)
    told = yield [
        ("XREVRANGE", stream, high, low, "COUNT", str(count)),
        *(("HGET", keys.book(name), "seq") for name in names),
    ]
    for name, seq in zip(names, told[1:], strict=True):
        existing(name, seq)
    points = [EquityPoint.from_fields(fields) for _, fields in reversed(told[0])]
    return tuple(
        point
        for point in points
        if (start is None or point.at >= start) and (end is None or point.at <= end)
    )


def _risk(
    scope: Scope,
    lookback_days: int,
    strategy: str | None,
    home: str | None,
    record: RiskRecord | None,
    valuation: Valuation | None,
    performance: Performance | None,
) -> RiskMetrics:
    from pm.client import statistics  # numpy, which other queries do without

    record = record or _NO_RISK
    window = record.window(lookback_days)
    return RiskMetrics(
        strategy_id=strategy,
        book=home,
        lookback_days=lookback_days,
        reporting_currency=scope.rates.reporting_currency,
        valued_at=None if valuation is None else valuation.at,
        seqs={} if valuation is None else valuation.seq_end,
        losses=statistics.losses_of(window.results, scope.risk_metrics),
        exposures=statistics.money_of(record.exposures),
        uncovered=statistics.money_of(window.uncovered),
        uncovered_share=statistics.share(window.uncovered, record.exposures),
        correlation_days=record.correlation_days,
        instrument_correlation=statistics.correlations_of(
            record.instruments, record.instrument_correlation
        ),
        group_correlation=statistics.correlations_of(record.groups, record.group_correlation),
        strategy_correlation=statistics.correlations_of(
            record.strategies, record.strategy_correlation
        ),
        valuation=valuation,
        performance=performance,
    )


_NO_RISK = RiskRecord(
    at=0,
    reporting_currency="",
    days=(),
    results=(),
    later=(),
    exposures={},
    uncovered={},
    correlation_days=0,
    instruments=(),
    instrument_correlation=(),
    groups=(),
    group_correlation=(),
    strategies=(),
    strategy_correlation=(),
)

_CONVERTED = (
    "realized_pnl",
    "unrealized_pnl",
    "carry",
    "fee_value",
    "transfer_cost",
    "in_flight",
    "receivables",
)


def _converted(live: Mapping[str, Any], rates: Rates, prices: Prices) -> ConvertedTotals:
    target = rates.reporting_currency
    tokens = sorted(
        {token for name in _CONVERTED for token, amount in live[name].items() if amount}
    )
    found = {token: prices.rate(token, target) for token in tokens}
    known = {token: rate.value for token, rate in found.items() if rate.value is not None}

    def convert(amounts: Amounts | None) -> Amount | None:
        summed = ZERO
        for token, amount in (amounts or {}).items():
            if amount:
                if token not in known:
                    return None
                summed = summed + amount * known[token]
        return None if amounts is None else round(summed, MONEY_DECIMALS)

    return ConvertedTotals(
        reporting_currency=target,
        at=prices.now_ns,
        rates=known,
        missing=tuple(token for token in tokens if token not in known),
        stale=tuple(token for token, rate in found.items() if rate.is_stale),
        assumed=tuple(token for token, rate in found.items() if rate.is_peg),
        total_pnl=convert(live["total_pnl"]),
        net_pnl=convert(live["net_pnl"]),
        realized_pnl=convert(live["realized_pnl"]),
        unrealized_pnl=None if live["total_pnl"] is None else convert(live["unrealized_pnl"]),
        carry=convert(live["carry"]),
        fee_value=convert(live["fee_value"]),
        transfer_cost=convert(live["transfer_cost"]),
        in_flight=convert(live["in_flight"]),
        receivables=convert(live["receivables"]),
    )


def _performance(
    points: Sequence[tuple[str, Mapping[str, str]]],
    returns: Mapping[str, str],
    conventions: RiskMetricsSettings,
) -> Performance | None:
    if not points:
        return None
    from pm.client import statistics  # numpy, which other queries do without

    return statistics.performance_of(EquityPoint.from_fields(points[0][1]), returns, conventions)


def _count(hashes: Sequence[Mapping[str, str]], name: str) -> int:
    return sum(int(values.get(name, "0")) for values in hashes)


def _read(kind: Any, stored: Mapping[str, str]) -> Any:
    return _parsed(kind, tuple(stored.items())) if stored else None


@lru_cache(maxsize=64)
def _parsed(kind: Any, fields: tuple[tuple[str, str], ...]) -> Any:
    # A record stays the same from one mark-to-market to the next; parsing it is most of a query.
    return read_or_none(kind, dict(fields))
