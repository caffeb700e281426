"""A performance in rows of words: the same in a terminal and on a page."""

from __future__ import annotations

from pm.attribution import wording
from pm.attribution.answer import PerformanceAttribution
from pm.attribution.money import Money

Rows = list[tuple[str, ...]]

NUMBERS = (1, 2, 3, 4, 5, 6)
"""Which columns of venues and pairs are numbers."""

_MONEY = (
    ("Realized P&L", "realized_pnl"),
    ("Unrealized P&L, change", "unrealized_pnl"),
    ("Total P&L (realized + unrealized)", "total_pnl"),
    ("Carry (funding, dividends)", "carry"),
    ("Value of fees", "fee_value"),
    ("Cost of transfers", "transfer_cost"),
    ("Net P&L", "net_pnl"),
    ("Average of a trade (total)", "average_trade_pnl"),
    ("Average of a trip (booked net)", "average_trip_pnl"),
    ("Volume", "total_volume"),
)


def money_lines(found: PerformanceAttribution) -> list[tuple[str, str, str]]:
    """Every figure that is money: what it is, per token, in the reporting currency."""
    closed = found.trips_won + found.trips_lost + found.trips_unknown
    heads = {"average_trade_pnl": found.trade_count, "average_trip_pnl": closed}
    money = ((label, name, getattr(found, name)) for label, name in _MONEY)
    return [
        (label, wording.money(part), wording.amount(part.reported))
        if heads.get(name, 1)
        else (label, "-", "-")
        for label, name, part in money
    ]


def figure_lines(found: PerformanceAttribution) -> list[tuple[str, str]]:
    """What is no P&L: counts, ratios, fees by token."""
    won = f"{found.trips_won} won, {found.trips_lost} lost, {found.trips_unknown} unknown"
    orders = (
        f"{found.orders_filled} filled, {found.orders_rejected} rejected,"
        f" {found.orders_cancelled} cancelled unfilled"
    )
    lines = [
        ("Trades", f"{found.trade_count:,}"),
        ("Trips", f"{won} ({wording.percent(found.win_rate)} won)"),
        ("Orders", f"{orders} ({wording.percent(found.success_rate)} filled)"),
        ("Decision to first fill", wording.duration(found.average_latency_ns)),
        ("Fees paid", wording.amounts(found.fees_paid)),
    ]
    if found.traces_won is not None:
        rate = wording.percent(found.trace_win_rate)
        traces = f"{found.traces_won} won, {found.traces_lost} lost ({rate} won)"
        lines.insert(2, ("Completed multi-step trades", traces))
    if found.fees_unvalued:
        lines.append(("Fees without a value yet", wording.amounts(found.fees_unvalued)))
    if found.failed_fees:
        lines.append(("Fees of what failed", wording.amounts(found.failed_fees)))
    sharpe, drawdown = wording.plain(found.sharpe_ratio), wording.percent(found.max_drawdown_ratio)
    if found.sharpe_ratio is None:
        sharpe += f" ({found.sharpe_ratio_reason})"
    if found.max_drawdown is None:
        drawdown += f" ({found.max_drawdown_reason})"
    else:
        drawdown += f", {wording.amount(found.max_drawdown, 2)} {found.reporting_currency}"
    return [*lines, ("Sharpe ratio", sharpe), ("Deepest fall (drawdown)", drawdown)]


def venues(found: PerformanceAttribution) -> tuple[tuple[str, ...], Rows]:
    """Headings, and a row for each venue."""
    rows: Rows = [
        (
            name,
            f"{part.trade_count:,}",
            *_both(part.total_pnl),
            wording.money(part.total_volume),
            wording.percent(part.success_rate),
            wording.duration(part.average_latency_ns),
        )
        for name, part in found.venue_attribution.items()
    ]
    currency = found.reporting_currency
    return ("venue", "trades", "P&L after fees", currency, "volume", "filled", "latency"), rows


def pairs(found: PerformanceAttribution) -> tuple[tuple[str, ...], Rows]:
    """Headings, and a row for each token pair."""
    rows: Rows = [
        (
            name,
            f"{part.trade_count:,}",
            *_both(part.total_pnl),
            wording.money(part.unrealized_pnl),
            wording.money(part.total_volume),
            wording.percent(part.average_spread_captured),
        )
        for name, part in found.token_pair_attribution.items()
    ]
    currency = found.reporting_currency
    return ("pair", "trades", "P&L after fees", currency, "unrealized", "volume", "spread"), rows


def _both(money: Money) -> tuple[str, str]:
    return wording.money(money), wording.amount(money.reported)
