"""A strategy's performance as one page: no script, nothing loaded from anywhere, fit to print.

Charts are in one currency: the reporting currency where every part of a chart is known in it, else
the only settlement token there is. Where neither will do, the page says why instead of drawing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from pm.attribution import svg, tables, wording
from pm.attribution.answer import PerformanceAttribution
from pm.attribution.money import Money
from pm.attribution.style import STYLE
from pm.decimals import ZERO, Amount

BARS_MAX = 15
REASONS_MAX = 20
NO_DAYS = "No day in this range, or detailed attribution is turned off."
NO_PARTS = "Nothing was booked in this range, or detailed attribution is turned off."
SEVERAL_TOKENS = (
    "The figures are in several tokens and a rate is missing, so they cannot share a scale;"
    " the tables below have each token."
)


@dataclass(frozen=True, slots=True)
class _Unit:
    """The one currency of a chart; `token` is None for the reporting currency."""

    name: str
    token: str | None

    def of(self, money: Money) -> Amount | None:
        """Money in this currency, None where unknown."""
        return money.reported if self.token is None else money.by_token.get(self.token, ZERO)


def page(found: PerformanceAttribution) -> str:
    """The whole document."""
    title = f"Strategy {found.strategy_id}: performance"
    parts = [
        f"<h1>{escape(title)}</h1>",
        _subtitle(found),
        _tiles(found),
        _equity(found),
        _daily(found),
        _by_venue(found),
        _by_pair(found),
        tables.figures(found),
        tables.venues(found),
        tables.pairs(found),
        _doubts(found),
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>"
        f"<body><main>{''.join(parts)}</main></body></html>\n"
    )


def _subtitle(found: PerformanceAttribution) -> str:
    period = found.time_period
    books = ", ".join(found.books)
    lines = (
        f"{period.start_text} to {period.end_text} (UTC), book {books}",
        f"Prices {period.start_prices} and {period.end_prices};"
        f" reporting currency {found.reporting_currency}",
    )
    return "".join(f'<p class="soft">{escape(text)}</p>' for text in lines)


def _tiles(found: PerformanceAttribution) -> str:
    unit = _unit([found.net_pnl, found.total_pnl, found.realized_pnl], found)
    tiles = [
        (f"{label}, {unit.name}" if unit else label, _in(unit, money))
        for label, money in (
            ("Net P&L", found.net_pnl),
            ("Realized", found.realized_pnl),
            ("Unrealized, change", found.unrealized_pnl),
        )
    ]
    tiles += [
        ("Trades", f"{found.trade_count:,}"),
        ("Trips won", wording.percent(found.win_rate)),
        ("Sharpe ratio", wording.plain(found.sharpe_ratio)),
        ("Deepest fall", wording.percent(found.max_drawdown_ratio)),
    ]
    shown = "".join(
        f"<div><dt>{escape(label)}</dt><dd>{escape(value)}</dd></div>" for label, value in tiles
    )
    return f'<dl class="tiles">{shown}</dl>'


def _in(unit: _Unit | None, money: Money) -> str:
    return wording.money(money) if unit is None else wording.amount(unit.of(money), 2)


def _equity(found: PerformanceAttribution) -> str:
    curve = found.equity_curve
    title = f"Equity, {found.reporting_currency}"
    falls = "Fall below the highest level so far, percent"
    if not curve:
        reason = found.max_drawdown_reason
        return _figure(title, _empty(reason)) + _figure(falls, _empty(reason))
    levels = svg.line([(at, equity) for at, equity, _ in curve], title)
    depths = svg.line([(at, fall * Amount(100)) for at, _, fall in curve], falls, fills=True)
    return _figure(title, levels) + _figure(falls, depths)


def _daily(found: PerformanceAttribution) -> str:
    parts = [(day.day, day.net_pnl) for day in found.daily]
    unit = _unit([money for _, money in parts], found)
    title = "Net P&L by day (UTC)"
    if not parts:
        return _figure(title, _empty(NO_DAYS))
    if unit is None:
        return _figure(title, _empty(SEVERAL_TOKENS))
    title = f"{title}, {unit.name}"
    drawn = svg.columns([(day, unit.of(money)) for day, money in parts], title)
    return _figure(title, drawn, "A question mark stands for a day that lacks a price or a rate.")


def _by_venue(found: PerformanceAttribution) -> str:
    parts = [(name, part.total_pnl) for name, part in found.venue_attribution.items()]
    return _bars("P&L by venue", parts, found)


def _by_pair(found: PerformanceAttribution) -> str:
    parts = [(name, part.total_pnl) for name, part in found.token_pair_attribution.items()]
    return _bars("P&L by token pair", parts, found)


def _bars(title: str, parts: Sequence[tuple[str, Money]], found: PerformanceAttribution) -> str:
    if not parts:
        return _figure(title, _empty(NO_PARTS))
    unit = _unit([money for _, money in parts], found)
    if unit is None:
        return _figure(title, _empty(SEVERAL_TOKENS))
    title = f"{title}, {unit.name}"
    named = [(name, unit.of(money)) for name, money in parts]
    largest = sorted(named, key=lambda part: -abs(part[1] or ZERO))[:BARS_MAX]
    note = "Realized P&L and carry, less fees, where the closing execution was."
    if len(named) > BARS_MAX:
        note += f" The {BARS_MAX} largest of {len(named)}; all are in the table."
    drawn = svg.bars(sorted(largest, key=lambda part: -(part[1] or ZERO)), title)
    return _figure(title, drawn, note)


def _unit(parts: Iterable[Money], found: PerformanceAttribution) -> _Unit | None:
    """The reporting currency if it can be had or nothing else can, else the only token."""
    held = list(parts)
    tokens = sorted({token for money in held for token in money.by_token})
    if all(money.reported is not None for money in held):
        return _Unit(found.reporting_currency, None)
    return _Unit(tokens[0], tokens[0]) if len(tokens) == 1 else None


def _doubts(found: PerformanceAttribution) -> str:
    lists = (
        ("Unknown for want of", found.missing),
        ("Rests on old prices", found.stale),
    )
    return "".join(_doubt(title, lines) for title, lines in lists if lines)


def _doubt(title: str, lines: Sequence[str]) -> str:
    shown = "".join(f"<li>{escape(line)}</li>" for line in lines[:REASONS_MAX])
    if len(lines) > REASONS_MAX:
        shown += f"<li>and {len(lines) - REASONS_MAX} more</li>"
    return f"<h2>{escape(title)}</h2><ul class='soft'>{shown}</ul>"


def _figure(title: str, drawn: str, note: str = "") -> str:
    caption = f"<figcaption>{escape(note)}</figcaption>" if note else ""
    return f"<h2>{escape(title)}</h2><figure>{drawn}{caption}</figure>"


def _empty(reason: str) -> str:
    return f'<p class="empty">{escape(reason)}</p>'
