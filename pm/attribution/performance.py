"""A strategy's performance over a range, put together from rows, prices and rates.

Every figure is a sum over rows, save unrealized P&L, which takes prices at both ends. Venues, token
pairs and days are sums over some of the same rows, so they add up to the whole exactly.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pm.attribution.answer import (
    DayProfit,
    DayRow,
    EquityFigures,
    PerformanceAttribution,
    TimePeriod,
    TokenPairAttribution,
    VenueAttribution,
)
from pm.attribution.holdings import Chapter, Stretch, days_apart, fees_outstanding, stretches
from pm.attribution.money import Exchange, mean, negated, share, total
from pm.attribution.price_pnl import Edges, unrealized_change
from pm.attribution.rows import Row
from pm.attribution.sums import Outstanding, Place, Sums
from pm.decimals import Amount, divide

Pair = tuple[str, str]
RATIO_SCALE = 18


@dataclass(frozen=True, slots=True, kw_only=True)
class Traces:
    """What the journal says of a strategy's multi-step trades in the range."""

    spreads: Mapping[Pair, Amount]
    won: int
    lost: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked, and all that answers it.

    `days` are the edges of each day inside the range, empty where they are not wanted; `traces` and
    `details` are None and empty where the journal was not read. Without `detailed` there are no
    venues and pairs.
    """

    strategy: str
    period: TimePeriod
    chapters: Sequence[Chapter]
    edges: Edges
    exchange: Exchange
    detailed: bool
    granularity: str
    days: Mapping[str, Edges]
    traces: Traces | None
    details: tuple[Any, ...]
    equity: EquityFigures


def attribute(asked: Question) -> PerformanceAttribution:
    """The performance of the asked strategy."""
    rows = [row for chapter in asked.chapters for row in chapter.rows]
    held = [stretch for chapter in asked.chapters for stretch in stretches(chapter)]
    outstanding = fees_outstanding(asked.chapters)
    sums, money = Sums(rows, outstanding), asked.exchange.money
    unrealized = unrealized_change(held, asked.edges)
    gross = total((sums.money_of("realized_pnl"), unrealized))
    net = _net(sums, gross, asked.exchange)
    parts = [row for row in rows if asked.detailed and not row.only_allocates]
    venues = _venues(parts, outstanding, asked.exchange)
    pairs = _pairs(parts, held, outstanding, asked) if asked.detailed else {}
    daily = _daily(asked)
    return PerformanceAttribution(
        strategy_id=asked.strategy,
        books=tuple(sorted(chapter.end.book for chapter in asked.chapters)),
        seqs={chapter.end.book: chapter.end.seq for chapter in asked.chapters},
        time_period=asked.period,
        reporting_currency=asked.exchange.currency,
        rates=_sorted(asked.exchange.rates),
        total_pnl=money(gross),
        unrealized_pnl=money(unrealized),
        net_pnl=money(net),
        **_profit(sums, asked.exchange),
        failed_fees=_sorted(sums.tokens["failed_fees"]),
        allocated=_sorted(sums.tokens["allocated"]),
        average_trade_pnl=mean(money(gross), sums.counts["trade_count"]),
        **_trips(sums, asked),
        **_orders(sums),
        latency_orders=sums.counts["latency_orders"],
        **{name: getattr(asked.equity, name) for name in EquityFigures.__dataclass_fields__},
        venue_attribution=venues,
        token_pair_attribution=pairs,
        daily=daily,
        granularity=asked.granularity,
        details=asked.details,
        missing=tuple(asked.exchange.gaps.missing),
        stale=tuple(asked.exchange.gaps.stale),
    )


def day_rows(chapters: Iterable[Chapter], exchange: Exchange) -> tuple[DayRow, ...]:
    """The rows of chapters as they are told: by day, venue and token pair."""
    parts: dict[tuple[str, str, str, str], list[Row]] = {}
    outstanding: dict[str, dict[Place, Mapping[str, Amount]]] = {}
    for whole in chapters:
        pairs = {name: held.terms for name, held in whole.end.positions.items()}
        for day, chapter in days_apart(whole, {row.day for row in whole.rows}).items():
            outstanding.setdefault(day, {}).update(fees_outstanding([chapter]))
            for row in chapter.rows:
                if row.only_allocates:
                    continue
                terms = pairs.get(row.instrument)
                pair = (terms.base, terms.quote) if terms else (row.base, row.quote)
                parts.setdefault((day, row.venue, *pair), []).append(row)
    return tuple(
        _day_row(place, Sums(parts[place], outstanding[place[0]]), exchange)
        for place in sorted(parts)
    )


def _day_row(place: tuple[str, str, str, str], sums: Sums, exchange: Exchange) -> DayRow:
    day, venue, base, quote = place
    return DayRow(
        day=day,
        venue_id=venue,
        base_token=base,
        quote_token=quote,
        total_pnl=exchange.money(_after_fees(sums, exchange)),
        **_profit(sums, exchange),
    )


def _venues(
    rows: Iterable[Row], outstanding: Outstanding, exchange: Exchange
) -> dict[str, VenueAttribution]:
    parts: dict[str, list[Row]] = {}
    for row in rows:
        parts.setdefault(row.venue, []).append(row)
    return {
        venue: _venue(venue, Sums(parts[venue], outstanding), exchange) for venue in sorted(parts)
    }


def _venue(venue: str, sums: Sums, exchange: Exchange) -> VenueAttribution:
    return VenueAttribution(
        venue_id=venue,
        total_pnl=exchange.money(_after_fees(sums, exchange)),
        **_profit(sums, exchange),
        **_orders(sums),
    )


def _pairs(
    rows: Iterable[Row], held: Iterable[Stretch], outstanding: Outstanding, asked: Question
) -> dict[str, TokenPairAttribution]:
    pair_of = {stretch.terms.instrument: _pair_of(stretch) for stretch in held}
    parts: dict[Pair, list[Row]] = {}
    open_parts: dict[Pair, list[Stretch]] = {}
    for row in rows:
        pair = pair_of.get(row.instrument, (row.base, row.quote))
        parts.setdefault(pair, []).append(row)
    for stretch in held:
        open_parts.setdefault(pair_of[stretch.terms.instrument], []).append(stretch)
    spreads = {} if asked.traces is None else asked.traces.spreads
    found = {}
    for base, quote in sorted(parts.keys() | open_parts.keys()):
        pair = (base, quote)
        sums = Sums(parts.get(pair, ()), outstanding)
        unrealized = unrealized_change(open_parts.get(pair, ()), asked.edges)
        found[f"{base}/{quote}" if base else "-"] = TokenPairAttribution(
            base_token=base,
            quote_token=quote,
            total_pnl=asked.exchange.money(_after_fees(sums, asked.exchange)),
            unrealized_pnl=asked.exchange.money(unrealized),
            average_spread_captured=spreads.get(pair),
            **_profit(sums, asked.exchange),
        )
    return found


def _pair_of(stretch: Stretch) -> Pair:
    return stretch.terms.base, stretch.terms.quote


def _daily(asked: Question) -> tuple[DayProfit, ...]:
    if not asked.days:
        return ()
    apart = [days_apart(chapter, asked.days) for chapter in asked.chapters]
    return tuple(
        _day(day, [chapters[day] for chapters in apart], edges, asked.exchange)
        for day, edges in sorted(asked.days.items())
    )


def _day(day: str, chapters: Iterable[Chapter], edges: Edges, exchange: Exchange) -> DayProfit:
    parts = list(chapters)
    rows = (row for chapter in parts for row in chapter.rows)
    sums = Sums(rows, fees_outstanding(parts))
    held = [stretch for chapter in parts for stretch in stretches(chapter)]
    unrealized, realized = unrealized_change(held, edges), sums.money_of("realized_pnl")
    gross = total((realized, unrealized))
    return DayProfit(
        day=day,
        realized_pnl=exchange.money(realized),
        unrealized_pnl=exchange.money(unrealized),
        total_pnl=exchange.money(gross),
        net_pnl=exchange.money(_net(sums, gross, exchange)),
        trade_count=sums.counts["trade_count"],
    )


def _profit(sums: Sums, exchange: Exchange) -> dict[str, Any]:
    """The fields of a Profit."""
    return {
        "realized_pnl": exchange.money(sums.money_of("realized_pnl")),
        "carry": exchange.money(sums.money_of("carry")),
        "transfer_cost": exchange.money(sums.money_of("transfer_cost")),
        "fees_paid": _sorted(sums.tokens["fees"]),
        "fee_value": exchange.money(sums.money_of("fee_value")),
        "fees_unvalued": _sorted(sums.fees_unvalued),
        "trade_count": sums.counts["trade_count"],
        "total_volume": exchange.money(sums.money_of("volume")),
    }


def _trips(sums: Sums, asked: Question) -> dict[str, Any]:
    """Counts of closed trips and finished traces, and what follows from them."""
    won, lost, unknown = (sums.counts[f"trips_{end}"] for end in ("won", "lost", "unknown"))
    booked, traces = asked.exchange.money(_booked(sums, asked.exchange)), asked.traces
    return {
        "average_trip_pnl": mean(booked, won + lost + unknown),
        "trips_won": won,
        "trips_lost": lost,
        "trips_unknown": unknown,
        "win_rate": _ratio(won, won + lost),
        "traces_won": None if traces is None else traces.won,
        "traces_lost": None if traces is None else traces.lost,
        "trace_win_rate": None if traces is None else _ratio(traces.won, traces.won + traces.lost),
    }


def _orders(sums: Sums) -> dict[str, Any]:
    """Counts of orders, and what follows from them."""
    filled, rejected = sums.counts["orders_filled"], sums.counts["orders_rejected"]
    latency = share(Amount(sums.counts["latency_ns"]), sums.counts["latency_orders"])
    return {
        "orders_filled": filled,
        "orders_rejected": rejected,
        "orders_cancelled": sums.counts["orders_cancelled"],
        "success_rate": _ratio(filled, filled + rejected),
        "average_latency_ns": None if latency is None else round(latency, 0).mantissa,
    }


def _after_fees(sums: Sums, exchange: Exchange) -> dict[str, Amount | None]:
    """realized + carry − fee value; unknown while a fee has no value."""
    known = total(
        (
            sums.money_of("realized_pnl"),
            sums.money_of("carry"),
            negated(sums.money_of("fee_value")),
        )
    )
    for x in sorted(sums.settlements):
        for token in sums.lacks_value(x):
            exchange.gaps.lacks(f"no value in {x} of fees paid in {token}")
            known[x] = None
    return known


def _booked(sums: Sums, exchange: Exchange) -> dict[str, Amount | None]:
    return total((_after_fees(sums, exchange), negated(sums.money_of("transfer_cost"))))


def _net(
    sums: Sums, gross: Mapping[str, Amount | None], exchange: Exchange
) -> dict[str, Amount | None]:
    """Realized and unrealized P&L with carry, less fees and transfer cost."""
    return total((_booked(sums, exchange), gross, negated(sums.money_of("realized_pnl"))))


def _ratio(part: int, whole: int) -> Amount | None:
    return divide(Amount(part), Amount(whole), RATIO_SCALE) if whole else None


def _sorted(amounts: Mapping[str, Amount]) -> dict[str, Amount]:
    return dict(sorted(amounts.items()))
