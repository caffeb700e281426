"""The rows of an attribution for people: executions, days or trips, the latest of them."""

from __future__ import annotations

from collections.abc import Sequence

import click

from pm.attribution import wording
from pm.attribution.answer import DayRow, PerformanceAttribution
from pm.attribution.bookings import TradeRow
from pm.attribution.trips import Trip
from pm.cli.output import iso, print_table

ROWS_SHOWN = 20

_TITLES = {"trade_level": "bookings", "daily": "days", "position_level": "trips"}


def print_details(found: PerformanceAttribution) -> None:
    """Print the latest rows, and how many there are."""
    rows = found.details[-ROWS_SHOWN:]
    if not rows:
        return
    title = _TITLES[found.granularity]
    count = len(found.details)
    shown = f"the last {len(rows)} of {count:,}: --json has all" if count > len(rows) else count
    click.echo(f"\n{title} ({shown})")
    if isinstance(rows[0], TradeRow):
        _print_trades(rows)
    elif isinstance(rows[0], Trip):
        _print_trips(rows)
    else:
        _print_days(rows)


def _print_trades(rows: Sequence[TradeRow]) -> None:
    headings = ("time (UTC)", "event", "venue", "instrument", "quantity", "price", "realized", "in")
    cells = [
        (
            iso(row.executed_at),
            row.event,
            row.venue_id,
            row.instrument_id,
            wording.amount(row.quantity),
            "-" if row.price is None else wording.amount(row.price),
            wording.amount(row.realized_pnl),
            row.settlement or "-",
        )
        for row in rows
    ]
    print_table(headings, cells, (4, 5, 6))


def _print_trips(rows: Sequence[Trip]) -> None:
    headings = ("opened (UTC)", "closed (UTC)", "instrument", "held", "net P&L", "in", "outcome")
    cells = [
        (
            iso(row.opened_at),
            iso(row.closed_at),
            row.instrument_id,
            wording.amount(row.quantity),
            wording.amount(row.net_pnl),
            row.settlement or "-",
            row.outcome or "open",
        )
        for row in rows
    ]
    print_table(headings, cells, (3, 4))


def _print_days(rows: Sequence[DayRow]) -> None:
    headings = ("day (UTC)", "venue", "pair", "trades", "P&L after fees", "volume")
    cells = [
        (
            row.day,
            row.venue_id,
            f"{row.base_token}/{row.quote_token}" if row.base_token else "-",
            f"{row.trade_count:,}",
            wording.money(row.total_pnl),
            wording.money(row.total_volume),
        )
        for row in rows
    ]
    print_table(headings, cells, (3, 4, 5))
