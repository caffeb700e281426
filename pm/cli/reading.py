"""Commands that read: positions, strategy, balances, trace, journal, watch."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import click

from pm.books import opening, reference_store
from pm.cli.output import (
    JSON_OPTION,
    iso,
    print_json,
    print_table,
    token_amounts,
)
from pm.cli.session import Failure, Options, failures, session
from pm.client import (
    Balance,
    BalanceChange,
    Client,
    FeedError,
    JournalEntry,
    Position,
    Trace,
    Update,
    to_json,
)
from pm.client.feed import feed
from pm.events.model import MAX_STRATEGY_ID

BOOK_OPTION = click.option("--book", help="Only this book (default: all books).")
STRATEGY_ID = click.IntRange(0, MAX_STRATEGY_ID)

_POSITION_HEADINGS = (
    "book",
    "strategy",
    "instrument",
    "quantity",
    "average",
    "cost",
    "settled in",
    "realized P&L",
    "fees paid",
    "trades",
    "last update (UTC)",
)
_POSITION_NUMBERS = (3, 4, 5, 7, 9)


@contextmanager
def reader(options: Options) -> Iterator[Client]:
    """A client over every book of the server; there may be none yet."""
    with session(options, writes=False) as current, current.client(role="reader") as server:
        settings = current.settings.books
        names = opening.names(server)
        if not names:
            hint = f"{current.shown} holds no book yet: `pm ingest` or `pm worker` opens one"
            click.echo(f"pm: {hint}", err=True)
        home = settings.default_book
        if names and home not in names:
            home = names[0]
        known = set(names)

        def book_of(strategy: str) -> str:
            wanted = settings.book_of(strategy)
            return wanted if wanted in known else home

        reference = reference_store.load_version(server)
        yield Client(server, book=home, books=names, book_of=book_of, reference=reference)


def _books(client: Client, book: str | None) -> list[str]:
    return [book] if book is not None else list(client.books())


@click.command()
@click.option("--all", "show_all", is_flag=True, help="The closed ones, too.")
@click.option("--strategy", type=STRATEGY_ID, help="Only this strategy.")
@click.option("--instrument", help="One instrument over all strategies, netted.")
@BOOK_OPTION
@JSON_OPTION
@click.pass_obj
def positions(
    options: Options,
    show_all: bool,
    strategy: int | None,
    instrument: str | None,
    book: str | None,
    as_json: bool,
) -> None:
    """Show positions: quantity, exact cost, average, realized P&L, fees."""
    wanted = None if strategy is None else str(strategy)
    with reader(options) as client:
        if instrument is not None:
            _show_instrument(client, instrument, wanted, book, as_json)
            return
        state = "all" if show_all else "open"
        found = _positions(client, state, wanted, book)
    if as_json:
        print_json(to_json(found))
    else:
        print_table(_POSITION_HEADINGS, map(_position_row, found), _POSITION_NUMBERS)


def _positions(
    client: Client, state: str, strategy: str | None, book: str | None
) -> list[Position]:
    # A strategy may have traded in a book the table does not name, so every book is asked.
    found: list[Position] = []
    for name in _books(client, book):
        found.extend(client.positions(state, strategy=strategy, book=name))  # type: ignore[arg-type]
    return found


def _position_row(position: Position) -> tuple[str, ...]:
    average = position.avg_cost_basis
    return (
        position.book,
        str(position.strategy_id),
        position.instrument_id,
        str(position.quantity),
        "-" if average is None else str(average),
        str(position.cost),
        position.settlement,
        str(position.realized_pnl),
        token_amounts(position.fees_paid),
        str(position.total_trades),
        iso(position.last_update_time),
    )


def _show_instrument(
    client: Client, instrument: str, strategy: str | None, book: str | None, as_json: bool
) -> None:
    if strategy is not None:
        found = _positions(client, "all", strategy, book)
        held = [position for position in found if position.instrument_id == instrument]
        if as_json:
            print_json(to_json(held))
        else:
            print_table(_POSITION_HEADINGS, map(_position_row, held), _POSITION_NUMBERS)
        return
    netted = client.position(instrument, book=book)
    if as_json:
        print_json(to_json(netted))
        return
    if netted is None:
        raise Failure(f"no strategy ever held {instrument}")
    rows = (
        ("quantity", str(netted.quantity)),
        ("long", f"{netted.long_quantity} at {netted.long_avg_cost_basis or '-'}"),
        ("short", f"{netted.short_quantity} at {netted.short_avg_cost_basis or '-'}"),
        ("cost", f"{netted.cost} {netted.settlement}"),
        ("break even", str(netted.break_even or "-")),
        ("realized P&L", f"{netted.realized_pnl} {netted.settlement}"),
        ("fees paid", token_amounts(netted.fees_paid)),
        ("trades", str(netted.total_trades)),
    )
    print_table((instrument, "over all strategies"), rows)


@click.command()
@click.argument("strategy_id", type=STRATEGY_ID)
@BOOK_OPTION
@JSON_OPTION
@click.pass_obj
def strategy(options: Options, strategy_id: int, book: str | None, as_json: bool) -> None:
    """Show the portfolio of one strategy: totals and positions."""
    with reader(options) as client:
        home = _home(client, str(strategy_id), book)
        found = client.strategy_portfolio(str(strategy_id), book=home)
    if as_json:
        print_json(to_json(found))
        return
    rows = (
        ("book", found.book),
        ("realized P&L", token_amounts(found.realized_pnl)),
        ("fees", token_amounts(found.total_fees)),
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
    )
    print_table((f"strategy {strategy_id}", ""), rows)
    if found.positions:
        click.echo("")
        print_table(_POSITION_HEADINGS, map(_position_row, found.positions), _POSITION_NUMBERS)


def _home(client: Client, strategy_id: str, book: str | None) -> str | None:
    """The book a strategy is in: the named one, else where it has traded, else where it would."""
    if book is not None:
        return book
    for name in client.books():
        if strategy_id in client.strategies(name):
            return name
    return None


@click.command()
@click.option("--location", help="Only this venue account or chain.")
@click.option(
    "--chain", "chain_id", type=click.IntRange(0), help="Only this chain id (0: off chain)."
)
@BOOK_OPTION
@JSON_OPTION
@click.pass_obj
def balances(
    options: Options, location: str | None, chain_id: int | None, book: str | None, as_json: bool
) -> None:
    """Show balances by location and token."""
    with reader(options) as client:
        found: list[Balance] = []
        for name in _books(client, book):
            if chain_id is not None:
                listing = client.chain_balances(str(chain_id), book=name)
            else:
                listing = client.balances(location=location, book=name)
            found.extend(item for item in listing if location in (None, item.location))
    if as_json:
        print_json(to_json(found))
        return
    headings = ("book", "location", "chain", "token", "available", "reserved", "total", "flag")
    print_table(headings, map(_balance_row, found), (4, 5, 6))


def _balance_row(balance: Balance) -> tuple[str, ...]:
    return (
        balance.book,
        balance.location,
        str(balance.chain_id),
        balance.token,
        str(balance.available),
        str(balance.reserved),
        str(balance.total),
        "below zero" if balance.is_negative else "",
    )


@click.command()
@click.argument("trace_id", required=False)
@click.option("--count", type=click.IntRange(1), default=20, show_default=True)
@BOOK_OPTION
@JSON_OPTION
@click.pass_obj
def trace(
    options: Options, trace_id: str | None, count: int, book: str | None, as_json: bool
) -> None:
    """Show one multi-step trade with its steps, or the latest ones."""
    with reader(options) as client:
        if trace_id is None:
            latest = [
                part
                for name in _books(client, book)
                for part in client.traces(count=count, book=name)
            ]
            if as_json:
                print_json(to_json(latest))
            else:
                headings = (
                    "book",
                    "trace",
                    "status",
                    "arbitrage",
                    "steps",
                    "net",
                    "last step (UTC)",
                )
                print_table(headings, map(_trace_row, latest), (4,))
            return
        slices = [
            part for name in _books(client, book) if (part := client.trace(trace_id, book=name))
        ]
    if as_json:
        print_json(to_json(slices))
        return
    if not slices:
        raise Failure(f"no book knows trace {trace_id}")
    for part in slices:
        _print_trace(part)


def _trace_row(found: Trace) -> tuple[str, ...]:
    return (
        found.book,
        found.trace_id,
        found.status,
        "yes" if found.is_arbitrage else "no",
        str(len(found.steps)),
        token_amounts(found.net),
        iso(found.last_time),
    )


def _print_trace(found: Trace) -> None:
    arbitrage = "arbitrage, " if found.is_arbitrage else ""
    click.echo(f"trace {found.trace_id} in book {found.book}: {arbitrage}{found.status}")
    click.echo(f"net: {token_amounts(found.net)}")
    rows = [
        (
            str(step.step_number),
            step.step_type,
            str(step.strategy_id),
            step.venue,
            step.instrument_id,
            str(step.quantity_delta),
            str(step.price or "-"),
            iso(step.timestamp),
        )
        for step in found.steps
    ]
    headings = (
        "step",
        "type",
        "strategy",
        "venue",
        "instrument",
        "quantity",
        "price",
        "time (UTC)",
    )
    print_table(headings, rows, (0, 5, 6))


@click.command()
@click.option("--from", "start", type=click.IntRange(1), help="First seq (default: the last ones).")
@click.option(
    "--count", type=click.IntRange(1), help="How many (default: all with --json, else 20)."
)
@BOOK_OPTION
@JSON_OPTION
@click.pass_obj
def journal(
    options: Options, start: int | None, count: int | None, book: str | None, as_json: bool
) -> None:
    """Show the journal: every event, what it did, and the hash chain."""
    with reader(options) as client:
        entries: list[JournalEntry] = []
        for name in _books(client, book):
            entries.extend(_entries(client, name, start, count, as_json))
    if as_json:
        print_json(to_json(entries))
        return
    headings = ("book", "seq", "event", "result", "reason", "what", "executed (UTC)", "digest")
    print_table(headings, map(_entry_row, entries), (1,))


def _entries(
    client: Client, book: str, start: int | None, count: int | None, as_json: bool
) -> list[JournalEntry]:
    wanted = count if count is not None else (None if as_json or start else 20)
    if start is None and wanted is not None:
        latest = client.journal(count=wanted, newest_first=True, book=book)
        return list(reversed(latest.items))
    found: list[JournalEntry] = []
    following = start or 1
    while wanted is None or len(found) < wanted:
        size = 1000 if wanted is None else min(1000, wanted - len(found))
        part = client.journal(following, count=size, book=book).items
        found.extend(part)
        if len(part) < size:
            break
        following = part[-1].seq + 1
    return found


def _entry_row(entry: JournalEntry) -> tuple[str, ...]:
    facts = entry.facts
    what = [
        str(facts[name])
        for name in ("strategy", "instrument", "quantity", "price", "token", "amount", "status")
        if name in facts
    ]
    executed_at = facts.get("executed_at")
    return (
        entry.book,
        str(entry.seq),
        entry.event,
        entry.result,
        entry.reason,
        " ".join(what),
        iso(int(str(executed_at)) if executed_at else None),
        entry.digest[:12],
    )


@click.command()
@click.option(
    "--from",
    "from_seq",
    type=click.IntRange(1),
    help="First seq to show (default: what happens from now on).",
)
@click.option("--book", help="Which book (default: the default book).")
@click.option("--count", type=click.IntRange(1), help="Stop after so many updates.")
@JSON_OPTION
@click.pass_obj
def watch(
    options: Options, from_seq: int | None, book: str | None, count: int | None, as_json: bool
) -> None:
    """Follow the updates of a book as they happen (Ctrl-C ends)."""
    seen = 0
    with reader(options) as client, failures(), feed(client, book, from_seq) as updates:
        try:
            for update in updates:
                _show_update(update, as_json)
                seen += 1
                if count is not None and seen >= count:
                    return
        except FeedError as error:
            raise Failure(str(error)) from None
        except KeyboardInterrupt:
            return


def _show_update(update: Update, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(to_json(update)))
        return
    for change in update.changes:
        if isinstance(change, BalanceChange):
            what = f"{change.location} {change.token} total {change.new_balance.total}"
        else:
            what = (
                f"strategy {change.strategy_id} {change.instrument_id}"
                f" quantity {change.new_position.quantity}"
                f" realized {change.new_position.realized_pnl}"
            )
        click.echo(f"{update.seq}  {iso(update.timestamp)}  {change.update_type}  {what}")


COMMANDS = [positions, strategy, balances, trace, journal, watch]
