"""Commands that show what the books hold: positions, strategy, balances, reservations."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import click

from pm.cli.options import AT_OPTION, BOOK_OPTION, STRATEGY_ID
from pm.cli.output import JSON_OPTION, iso, print_json, print_table, token_amounts
from pm.cli.reader import (
    NOT_VALUED,
    book_of_strategy,
    books_of,
    known,
    past,
    percent,
    print_moment,
    reader,
)
from pm.cli.session import Failure, Options
from pm.client import (
    Balance,
    Client,
    NettedPosition,
    Position,
    Reservation,
    StrategyPortfolio,
    to_json,
)
from pm.client.plans import PositionState

if TYPE_CHECKING:
    from pm.client.past_books import PastBooks

_Column = tuple[str, bool, Callable[[Position], str]]
"""A heading, whether it is of numbers, and what stands below it."""

_POSITION_COLUMNS: tuple[_Column, ...] = (
    ("book", False, lambda position: position.book),
    ("strategy", False, lambda position: position.strategy_id),
    ("instrument", False, lambda position: position.instrument_id),
    ("quantity", True, lambda position: str(position.quantity)),
    ("average", True, lambda position: known(position.avg_cost_basis)),
    ("cost", True, lambda position: str(position.cost)),
    ("mark", True, lambda position: known(position.mark) + (" old" if position.is_stale else "")),
    ("value", True, lambda position: known(position.market_value)),
    ("unrealized", True, lambda position: known(position.unrealized_pnl)),
    ("exposure", True, lambda position: known(position.exposure)),
    ("realized", True, lambda position: str(position.realized_pnl)),
    ("in", False, lambda position: position.settlement),
)
_WIDE_COLUMNS: tuple[_Column, ...] = (
    ("carry", True, lambda position: str(position.carry)),
    ("net P&L", True, lambda position: known(position.net_pnl)),
    ("fees paid", False, lambda position: token_amounts(position.fees_paid)),
    ("trades", True, lambda position: str(position.total_trades)),
    ("location", False, lambda position: position.location),
    ("marked at (UTC)", False, lambda position: iso(position.mark_time)),
    ("last update (UTC)", False, lambda position: iso(position.last_update_time)),
)


@click.command()
@click.option("--all", "show_all", is_flag=True, help="The closed ones, too.")
@click.option("--strategy", type=STRATEGY_ID, help="Only this strategy.")
@click.option("--instrument", help="One instrument over all strategies, netted.")
@click.option("--wide", is_flag=True, help="More columns: carry, net P&L, fees, trades, times.")
@AT_OPTION
@BOOK_OPTION
@JSON_OPTION
@click.pass_obj
def positions(
    options: Options,
    show_all: bool,
    strategy: int | None,
    instrument: str | None,
    wide: bool,
    at: int | None,
    book: str | None,
    as_json: bool,
) -> None:
    """Show positions: quantity, exact cost, value at the last mark-to-market, P&L, exposure."""
    wanted = None if strategy is None else str(strategy)
    with reader(options) as client:
        then = None if at is None else past(client, at, book)
        source = client if then is None else then
        if then is not None and not as_json:
            print_moment(then)
        if instrument is not None and wanted is None:
            _show_netted(source.position(instrument, book=book), instrument, as_json)
            return
        if wanted is not None:
            book_of_strategy(client, wanted, book)
        state: PositionState = "all" if show_all or instrument is not None else "open"
        found = _positions(source, books_of(client, book), state, wanted)
    if instrument is not None:
        found = [position for position in found if position.instrument_id == instrument]
        if not found:
            raise Failure(f"strategy {wanted} never held {instrument}")
    if as_json:
        print_json(to_json(found))
    else:
        _print_positions(found, wide)


def _positions(
    source: Client | PastBooks, books: Sequence[str], state: PositionState, strategy: str | None
) -> list[Position]:
    # A strategy may have traded in a book the table does not name, so every book is asked.
    found: list[Position] = []
    for name in books:
        found.extend(source.positions(state, strategy=strategy, book=name))
    return found


def _print_positions(found: Sequence[Position], wide: bool) -> None:
    columns = _POSITION_COLUMNS + _WIDE_COLUMNS if wide else _POSITION_COLUMNS
    rows = [tuple(show(position) for _, _, show in columns) for position in found]
    numbers = [place for place, (_, is_number, _) in enumerate(columns) if is_number]
    print_table([heading for heading, _, _ in columns], rows, numbers)


def _show_netted(netted: NettedPosition | None, instrument: str, as_json: bool) -> None:
    if netted is None:
        raise Failure(f"no strategy ever held {instrument}")
    if as_json:
        print_json(to_json(netted))
        return
    rows = (
        ("quantity", str(netted.quantity)),
        ("long", f"{netted.long_quantity} at {known(netted.long_avg_cost_basis)}"),
        ("short", f"{netted.short_quantity} at {known(netted.short_avg_cost_basis)}"),
        ("cost", f"{netted.cost} {netted.settlement}"),
        ("break even", known(netted.break_even)),
        ("value", known(netted.market_value)),
        ("unrealized P&L", known(netted.unrealized_pnl)),
        ("exposure", known(netted.exposure)),
        ("realized P&L", f"{netted.realized_pnl} {netted.settlement}"),
        ("net P&L", known(netted.net_pnl)),
        ("fees paid", token_amounts(netted.fees_paid)),
        ("trades", str(netted.total_trades)),
    )
    print_table((instrument, "over all strategies"), rows)


@click.command()
@click.argument("strategy_id", type=STRATEGY_ID)
@click.option("--wide", is_flag=True, help="More columns of its positions.")
@AT_OPTION
@BOOK_OPTION
@JSON_OPTION
@click.pass_obj
def strategy(
    options: Options,
    strategy_id: int,
    wide: bool,
    at: int | None,
    book: str | None,
    as_json: bool,
) -> None:
    """Show the portfolio of one strategy: totals, equity, performance and positions."""
    with reader(options) as client:
        home = book_of_strategy(client, str(strategy_id), book)
        then = None if at is None else past(client, at, home)
        source = client if then is None else then
        found = source.strategy_portfolio(str(strategy_id), book=home)
    if as_json:
        print_json(to_json(found))
        return
    if then is not None:
        print_moment(then)
    print_table((f"strategy {strategy_id}", ""), _strategy_rows(found, at is None))
    if found.positions:
        click.echo("")
        _print_positions(found.positions, wide)


def _strategy_rows(found: StrategyPortfolio, with_performance: bool) -> list[tuple[str, str]]:
    total = "-" if found.total_pnl is None else token_amounts(found.total_pnl)
    unmarked = f" ({found.unmarked} positions without a mark)" if found.unmarked else ""
    return [
        ("book", f"{found.book} at seq {found.seq}"),
        ("total P&L", total + unmarked),
        ("realized P&L", token_amounts(found.realized_pnl)),
        ("unrealized P&L", token_amounts(found.unrealized_pnl) + unmarked),
        ("carry", token_amounts(found.carry)),
        ("fees", token_amounts(found.total_fees)),
        ("allocated", token_amounts(found.allocated)),
        *(_performance_rows(found) if with_performance else ()),
        ("volume", token_amounts(found.volume)),
        ("trades", str(found.trade_count)),
        (
            "orders",
            f"{found.orders_filled} filled, {found.orders_rejected} rejected,"
            f" {found.orders_cancelled} cancelled unfilled",
        ),
        ("trips", f"{found.trips_won} won, {found.trips_lost} lost, {found.trips_unknown} unknown"),
        ("since", iso(found.inception_time)),
        ("last update", iso(found.last_update_time)),
    ]


def _performance_rows(found: StrategyPortfolio) -> list[tuple[str, str]]:
    valuation, performance = found.valuation, found.performance
    if valuation is None:
        return [("equity", NOT_VALUED)]
    currency = valuation.reporting_currency
    at = f"{iso(valuation.at)} at seq {valuation.seq_end.get(found.book, 0)}"
    equity = "none: no capital was allocated"
    if any(found.allocated.values()):
        equity = f"{known(valuation.equity, 2)} {currency}"
    rows = [
        ("equity", equity),
        ("net P&L", f"{known(valuation.net_pnl, 2)} {currency}"),
        ("valued", at),
    ]
    if performance is not None:
        drawdown = f"{known(performance.max_drawdown, 2)} {currency}"
        reason = f" ({performance.insufficient})" if performance.insufficient else ""
        rows += [
            ("return", percent(performance.total_return)),
            ("max drawdown", f"{drawdown}, {percent(performance.max_drawdown_ratio)}"),
            ("Sharpe ratio", known(performance.sharpe_ratio, 4) + reason),
        ]
    return rows


@click.command()
@click.option("--location", help="Only this venue account or chain.")
@click.option(
    "--chain", "chain_id", type=click.IntRange(0), help="Only this chain id (0: off chain)."
)
@click.option("--margin", is_flag=True, help="What derivatives take, as of the last valuation.")
@AT_OPTION
@BOOK_OPTION
@JSON_OPTION
@click.pass_obj
def balances(
    options: Options,
    location: str | None,
    chain_id: int | None,
    margin: bool,
    at: int | None,
    book: str | None,
    as_json: bool,
) -> None:
    """Show balances by location and token."""
    if margin and at is not None:
        raise click.UsageError("--margin is of the last valuation: it cannot be had with --at")
    with reader(options) as client:
        then = None if at is None else past(client, at, book)
        found: list[Balance] = []
        for name in books_of(client, book):
            if then is not None:
                listing = then.balances(book=name)
            elif chain_id is not None:
                listing = client.chain_balances(str(chain_id), book=name, margin=margin)
            else:
                listing = client.balances(location=location, book=name, margin=margin)
            found.extend(item for item in listing if location in (None, item.location))
    if chain_id is not None:
        found = [item for item in found if item.chain_id == str(chain_id)]
    if as_json:
        print_json(to_json(found))
        return
    if then is not None:
        print_moment(then)
    headings = ["book", "location", "chain", "token", "available", "reserved", "total"]
    if margin:
        headings += ["unrealized", "margin used", "free", "valued (UTC)"]
    rows = [_balance_row(balance, margin) for balance in found]
    print_table([*headings, "flag"], rows, range(4, len(headings)))
    if margin and all(balance.margin is None for balance in found):
        click.echo(f"no balance carries futures or perpetuals, or {NOT_VALUED}")


def _balance_row(balance: Balance, with_margin: bool) -> tuple[str, ...]:
    told = balance.margin
    margin = ("-",) * 4 if with_margin else ()
    if with_margin and told is not None:
        used, free = known(told.margin_used), known(told.free)
        margin = (known(told.unrealized_pnl), used, free, iso(told.valued_at))
    return (
        balance.book,
        balance.location,
        str(balance.chain_id),
        balance.token,
        str(balance.available),
        str(balance.reserved),
        str(balance.total),
        *margin,
        "below zero" if balance.is_negative else "",
    )


@click.command()
@BOOK_OPTION
@JSON_OPTION
@click.pass_obj
def reservations(options: Options, book: str | None, as_json: bool) -> None:
    """Show what orders hold back of balances, those longest without news first."""
    with reader(options) as client:
        found = [item for name in books_of(client, book) for item in client.reservations(book=name)]
    found.sort(key=lambda item: item.last_news)
    if as_json:
        print_json(to_json(found))
        return
    headings = (
        "book",
        "order",
        "strategy",
        "instrument",
        "location",
        "token",
        "left",
        "reserved",
        "age",
        "last news (UTC)",
    )
    now = time.time_ns()
    print_table(headings, [_reservation_row(item, now) for item in found], (6, 7, 8))


def _reservation_row(item: Reservation, now_ns: int) -> tuple[str, ...]:
    return (
        item.book,
        item.order,
        item.strategy_id or "-",
        item.instrument_id or "-",
        item.location,
        item.token,
        str(item.left),
        str(item.reserved),
        _age(now_ns - item.last_news),
        iso(item.last_news),
    )


def _age(duration_ns: int) -> str:
    minutes = max(0, duration_ns) // 60_000_000_000
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours < 48 else f"{hours // 24} d {hours % 24} h"


COMMANDS = [positions, strategy, balances, reservations]
