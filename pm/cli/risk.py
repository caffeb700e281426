"""Commands that show what the books are worth, and what they risk: summary, risk, equity.

Tables round money to 2 decimals and say as of when it is; JSON has every digit.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

import click

from pm.cli.options import AT_OPTION, BOOK_OPTION, STRATEGY_ID, moment
from pm.cli.output import JSON_OPTION, iso, print_json, print_table, token_amounts
from pm.cli.reader import book_of_strategy, known, not_valued, past, percent, print_moment, reader
from pm.cli.session import Options
from pm.client import Client, PortfolioSummary, RiskMetrics, to_json
from pm.client.results import Amounts
from pm.client.totals import Correlations
from pm.decimals import ZERO, Amount, divide
from pm.valuation.records import BookValuation, EquityPoint, PortfolioValuation, Valuation

MONEY = 2
_TIMES = ("inception_time", "last_update_time")
"""Of strategies only: the books keep none."""
_CORRELATED_MAX = 8
_LARGEST = 10


@click.command()
@AT_OPTION
@BOOK_OPTION
@JSON_OPTION
@click.pass_obj
def summary(options: Options, at: int | None, book: str | None, as_json: bool) -> None:
    """Show the portfolio: live totals, their worth now, equity, exposure, free balances."""
    if at is not None:
        _past_summary(options, at, book, as_json)
        return
    with reader(options) as client:
        found = client.portfolio_summary(book)
        unvalued = "" if found.valuation else not_valued(client, None, book)
    if as_json:
        told = to_json(found)
        print_json({name: told[name] for name in told if name not in _TIMES})
        return
    click.echo(", ".join(f"book {name} at seq {seq}" for name, seq in found.seqs.items()))
    _print_totals(found)
    click.echo("")
    if found.valuation is None:
        click.echo(unvalued)
        return
    rows = [("valued", _valued(found.valuation, found.behind)), *_valuation_rows(found.valuation)]
    print_table(("last mark-to-market", found.valuation.reporting_currency), rows)
    margins = [
        (
            margin.location,
            margin.token,
            str(margin.available),
            known(margin.unrealized_pnl),
            known(margin.margin_used),
            known(margin.free),
        )
        for margin in found.valuation.margins
    ]
    if margins:
        click.echo("")
        headings = ("margin at", "token", "available", "unrealized", "used", "free")
        print_table(headings, margins, range(2, 6))


def _past_summary(options: Options, at: int, book: str | None, as_json: bool) -> None:
    with reader(options) as client:
        then = past(client, at, book)
    found = then.portfolio_summary()
    if as_json:
        told = to_json(found)
        print_json({name: told[name] for name in told if name not in _TIMES})
        return
    print_moment(then)
    unvalued = {token: amount for token, amount in found.fees_unvalued.items() if amount}
    without = f" and {token_amounts(unvalued)} without a value" if unvalued else ""
    rows = [
        ("total P&L", _amounts(found.total_pnl)),
        ("realized P&L", _amounts(found.realized_pnl)),
        ("unrealized P&L", _amounts(found.unrealized_pnl)),
        ("carry", _amounts(found.carry)),
        ("value of fees", token_amounts(found.fee_value) + without),
        ("transfer cost", _amounts(found.transfer_cost)),
        ("net P&L", _amounts(found.net_pnl)),
        ("in flight", _amounts(found.in_flight)),
        ("receivables", _amounts(found.receivables)),
        ("fees paid", token_amounts(found.total_fees)),
        ("trades", str(found.trade_count)),
    ]
    print_table(("then", "by token"), rows)
    _print_notes({"open positions without a mark": str(found.unmarked) if found.unmarked else ""})


def _print_totals(found: PortfolioSummary) -> None:
    converted = found.converted
    currency = converted.reporting_currency
    rows: list[tuple[str, str, str]] = [
        ("total P&L", _amounts(found.total_pnl), known(converted.total_pnl, MONEY)),
        ("realized P&L", _amounts(found.realized_pnl), known(converted.realized_pnl, MONEY)),
        ("unrealized P&L", _amounts(found.unrealized_pnl), known(converted.unrealized_pnl, MONEY)),
        ("carry", _amounts(found.carry), known(converted.carry, MONEY)),
        ("value of fees", *_fee_value(found)),
        ("transfer cost", _amounts(found.transfer_cost), known(converted.transfer_cost, MONEY)),
        ("net P&L", _amounts(found.net_pnl), known(converted.net_pnl, MONEY)),
        ("in flight", _amounts(found.in_flight), known(converted.in_flight, MONEY)),
        ("receivables", _amounts(found.receivables), known(converted.receivables, MONEY)),
        ("fees paid", token_amounts(found.total_fees), ""),
        ("trades", str(found.trade_count), ""),
    ]
    print_table(("now", "by token", f"in {currency}"), rows, (2,))
    notes = {
        "open positions without a mark": str(found.unmarked) if found.unmarked else "",
        f"no rate to {currency}": ", ".join(converted.missing),
        "old rates": ", ".join(converted.stale),
        "assumed at their peg": ", ".join(converted.assumed),
        "stranded traces": str(found.traces_stranded) if found.traces_stranded else "",
        "marking was interrupted": "unrealized P&L is counted anew by the next mark-to-market"
        if found.is_torn
        else "",
    }
    _print_notes(notes)


def _fee_value(found: PortfolioSummary) -> tuple[str, str]:
    """The value of fees by token, and together; what has no value yet makes the latter unknown."""
    known_part, together = token_amounts(found.fee_value), found.converted.fee_value
    unvalued = {token: amount for token, amount in found.fees_unvalued.items() if amount}
    if not unvalued:
        return known_part, known(together, MONEY)
    return f"{known_part} and {token_amounts(unvalued)} without a value", "-"


def _valuation_rows(valuation: Valuation) -> list[tuple[str, str]]:
    currency = valuation.reporting_currency
    largest = f" ({valuation.largest_instrument})" if valuation.largest_instrument else ""
    rows = [("equity", known(valuation.equity, MONEY))]
    if isinstance(valuation, BookValuation | PortfolioValuation):
        rows += [
            ("balances", known(valuation.balances, MONEY)),
            ("receivables", known(valuation.receivables, MONEY)),
            ("in flight", known(valuation.in_flight, MONEY)),
            ("treasury", known(valuation.treasury, MONEY)),
        ]
    rows += [
        ("net P&L", known(valuation.net_pnl, MONEY)),
        ("unrealized P&L", known(valuation.unrealized_pnl, MONEY)),
        ("gross exposure", known(valuation.gross_exposure, MONEY)),
        ("net exposure", known(valuation.net_exposure, MONEY)),
        ("risk-weighted exposure", known(valuation.risk_weighted_exposure, MONEY)),
        ("leverage", known(valuation.leverage, 4)),
        ("concentration", percent(valuation.concentration) + largest),
        (f"exposure by asset, {currency}", _worth(valuation.exposure_by_asset)),
        *(
            (f"exposure of group {group}", known(amount, MONEY))
            for group, amount in valuation.exposure_by_group.items()
        ),
        (f"in stablecoins, {currency}", _worth(valuation.exposure_in_stablecoins)),
        ("open positions", str(valuation.positions)),
    ]
    doubts = {
        "without a mark": valuation.unmarked,
        "at an old mark": valuation.stale,
        "exposure unknown": valuation.exposure_unknown,
        "fees without a value": valuation.fees_unvalued,
    }
    rows += [(name, str(count)) for name, count in doubts.items() if count]
    if valuation.missing:
        rows.append(("missing", ", ".join(_missing(valuation))))
    if valuation.stale_rates:
        rows.append(("old rates", ", ".join(valuation.stale_rates)))
    if valuation.assumed:
        rows.append(("assumed at their peg", ", ".join(valuation.assumed)))
    return rows


def _missing(valuation: Valuation) -> list[str]:
    """The marks and rates there are none of."""
    told = []
    for name in valuation.missing:
        what = "rate " if "/" in name else "mark of "
        told.append(name if " " in name else what + name)
    more = valuation.missing_count - len(valuation.missing)
    return [*told, f"{more} other marks or rates"] if more > 0 else told


def _valued(valuation: Valuation, behind: Mapping[str, int]) -> str:
    age_s = max(0, time.time_ns() - valuation.at) // 1_000_000_000
    since = sum(behind.values())
    events = f", {since} journal entries since" if since else ", nothing since"
    return f"{iso(valuation.at)}, {age_s} s ago{events}"


@click.command()
@click.option(
    "--lookback",
    "lookback_days",
    type=click.IntRange(1, 365),
    default=365,
    show_default=True,
    help="Days of past returns.",
)
@click.option("--strategy", type=STRATEGY_ID, help="Only this strategy.")
@BOOK_OPTION
@JSON_OPTION
@click.pass_obj
def risk(
    options: Options, lookback_days: int, strategy: int | None, book: str | None, as_json: bool
) -> None:
    """Show risk: value at risk, expected shortfall, volatility, exposures, correlations."""
    with reader(options) as client:
        wanted = None if strategy is None else str(strategy)
        home = _home(client, wanted, book)
        found = client.risk_metrics(lookback_days, strategy=wanted, book=home)
        unvalued = "" if found.valuation else not_valued(client, wanted, book)
    if as_json:
        print_json(to_json(found))
        return
    if found.valuation is None:
        click.echo(unvalued)
        return
    _print_risk(found, found.valuation)


def _print_risk(found: RiskMetrics, valuation: Valuation) -> None:
    losses, currency = found.losses, found.reporting_currency
    seqs = ", ".join(f"{name} at seq {seq}" for name, seq in found.seqs.items())
    rows = [("valued", f"{iso(valuation.at)} ({seqs})")]
    if losses.insufficient:
        rows.append(("value at risk", f"- ({losses.insufficient})"))
    else:
        rows += [
            ("value at risk", known(losses.value_at_risk, MONEY)),
            ("expected shortfall", known(losses.expected_shortfall, MONEY)),
            ("value at risk, parametric", known(losses.parametric_value_at_risk, MONEY)),
            (
                "expected shortfall, parametric",
                known(losses.parametric_expected_shortfall, MONEY),
            ),
        ]
    if found.uncovered:
        names = _worth(dict(list(found.uncovered.items())[:_LARGEST]))
        share = percent(found.uncovered_share)
        rows.append((f"without past returns, {currency}", f"{names} ({share})"))
    performance = found.performance
    if performance is not None:
        reason = f" ({performance.insufficient})" if performance.insufficient else ""
        rows += [
            ("return", percent(performance.total_return)),
            ("volatility", percent(performance.volatility) + reason),
            ("Sharpe ratio", known(performance.sharpe_ratio, 4) + reason),
            (
                "max drawdown",
                f"{known(performance.max_drawdown, MONEY)},"
                f" {percent(performance.max_drawdown_ratio)}",
            ),
        ]
    level = percent(losses.confidence_level)
    basis = f"{level} over {losses.holding_period_days} d, {losses.days} days of returns"
    print_table((f"risk in {currency}", basis), [*rows, *_valuation_rows(valuation)])
    _print_correlations("strategies", found.strategy_correlation, found.correlation_days)
    _print_correlations("groups", found.group_correlation, found.correlation_days)
    _print_correlations("instruments", found.instrument_correlation, found.correlation_days)


def _print_correlations(what: str, found: Correlations, days: int) -> None:
    if len(found.names) < 2:
        return
    names = found.names[:_CORRELATED_MAX]
    rows = [
        (name, *(known(cell, 2) for cell in row[:_CORRELATED_MAX]))
        for name, row in zip(names, found.rows, strict=False)
    ]
    left_out = len(found.names) - len(names)
    more = f", {left_out} more in --json" if left_out else ""
    click.echo("")
    headings = (f"correlation of {what}, {days} days{more}", *names)
    print_table(headings, rows, range(1, len(headings)))


@click.command()
@click.option("--strategy", type=STRATEGY_ID, help="Only this strategy.")
@click.option("--from", "start", callback=moment, metavar="TIME", help="First time, UTC.")
@click.option("--to", "end", callback=moment, metavar="TIME", help="Last time, UTC.")
@click.option("--count", type=click.IntRange(1), default=50, show_default=True, help="At most.")
@BOOK_OPTION
@JSON_OPTION
@click.pass_obj
def equity(
    options: Options,
    strategy: int | None,
    start: int | None,
    end: int | None,
    count: int,
    book: str | None,
    as_json: bool,
) -> None:
    """Show equity points, the latest ones, oldest first: flow, return, index, drawdown."""
    with reader(options) as client:
        wanted = None if strategy is None else str(strategy)
        home = _home(client, wanted, book)
        found = client.equity(wanted, start=start, end=end, count=count, book=home)
        why_none = "" if found or as_json else _no_points(client, wanted, home)
    if as_json:
        print_json(to_json(found))
        return
    if not found:
        within = start is not None or end is not None
        click.echo("no equity point in this time" if within else why_none)
        return
    headings = ("time (UTC)", "equity", "flow", "earned", "return", "index", "drawdown", "flags")
    print_table(headings, map(_point_row, found), range(1, 7))


def _no_points(client: Client, strategy: str | None, home: str | None) -> str:
    """Why there is no equity point."""
    valuation: Valuation | None
    if strategy is None:
        valuation = client.portfolio_summary(home).valuation
    else:
        portfolio = client.strategy_portfolio(strategy, book=home)
        if not any(portfolio.allocated.values()):
            return f"strategy {strategy} has no capital: `pm allocate` gives it some"
        valuation = portfolio.valuation
    if valuation is None:
        return not_valued(client, strategy, home)
    if valuation.equity is not None:
        return "no equity point yet: the next mark-to-market makes one"
    more = "`pm summary`" if strategy is None else f"`pm strategy {strategy}`"
    lacking = ", ".join(f"no {what}" for what in _missing(valuation)) or "a figure is missing"
    return f"equity is unknown: {lacking}; see {more}"


def _point_row(point: EquityPoint) -> tuple[str, ...]:
    drawdown = divide(point.index, point.peak_index, 18) - Amount(1) if point.peak_index else ZERO
    return (
        iso(point.at),
        known(point.equity, MONEY),
        known(point.flow, MONEY),
        known(point.net, MONEY),
        percent(point.period_return),
        known(point.index, 6),
        percent(drawdown),
        " ".join(point.flags),
    )


def _home(client: Client, strategy: str | None, book: str | None) -> str | None:
    return book if strategy is None else book_of_strategy(client, strategy, book)


def _amounts(amounts: Amounts | None) -> str:
    return "-" if amounts is None else token_amounts(amounts)


def _worth(amounts: Mapping[str, Amount | None] | None) -> str:
    """Amounts of one currency by what they are of: the name first, as it is not their unit."""
    if amounts is None:
        return "-"
    return ", ".join(f"{name} {known(amount, MONEY)}" for name, amount in amounts.items()) or "0"


def _print_notes(notes: Mapping[str, str]) -> None:
    for name, text in notes.items():
        if text:
            click.echo(f"{name}: {text}")


COMMANDS = [summary, risk, equity]
