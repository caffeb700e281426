"""Commands that say why: attribution (how a strategy did over a range), explain (why a day)."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, get_args

import click

from pm.attribution import summary, wording
from pm.attribution.answer import PerformanceAttribution
from pm.attribution.explanation import BOOKED_LINES, PRICE_LINES, Explanation
from pm.attribution.money import Money
from pm.attribution.page import page
from pm.attribution.period import parse_day
from pm.attribution.reports import (
    Asked,
    Granularity,
    Source,
    UnknownStrategy,
    explanation,
    performance,
)
from pm.attribution.scan import JournalIncomplete
from pm.attribution.stored import BookMoves
from pm.books import opening, reference_store
from pm.cli.attribution_rows import print_details
from pm.cli.options import BOOK_OPTION, STRATEGY_ID
from pm.cli.output import JSON_OPTION, print_json, print_table
from pm.cli.session import EXIT_USAGE, Failure, Options, session
from pm.client import to_json
from pm.counting.adding import add_unrepeated
from pm.counting.catalogue import ATTRIBUTION_SECONDS, ATTRIBUTIONS, Series
from pm.counting.recorder import Recorder
from pm.days import utc_day

INSTRUMENTS_SHOWN = 20
REASONS_SHOWN = 10

_LABELS = {
    "carried_positions": "positions carried into the day",
    "new_trades": "new trades",
    "fees": "fees",
    "carry": "carry (funding, dividends)",
    "transfer_cost": "cost of transfers",
    "corrections": "corrections",
    "currency": "currency",
    "rounding": "rounding",
    "total": "net P&L of the day",
}


class _WrongRange(Failure):
    """A range or day that is none: one line, exit code 2."""

    exit_code = EXIT_USAGE


@contextmanager
def _source(options: Options, book: str | None) -> Iterator[Source]:
    """Where attribution reads from; foreseeable trouble becomes a Failure."""
    with session(options, writes=False) as current, current.client(role="reader") as client:
        names = opening.names(client)
        if book is not None and book not in names:
            raise Failure(f"{current.shown} holds no book {book}")
        reference = reference_store.load_version(client)
        books = names if book is None else [book]
        try:
            yield Source(client, current.settings, reference, books, time.time_ns())
        except (UnknownStrategy, JournalIncomplete, BookMoves) as error:
            raise Failure(str(error)) from None


@contextmanager
def _counted(source: Source, report: str) -> Iterator[None]:
    """Count one report among the metrics, with the time it takes."""
    recorder, started = Recorder(), time.perf_counter_ns()
    yield
    recorder.count(Series(ATTRIBUTIONS, (report,)))
    recorder.observe(Series(ATTRIBUTION_SECONDS, (report,)), time.perf_counter_ns() - started)
    add_unrepeated(source.client, recorder.take())


@click.command()
@click.option("--strategy", type=STRATEGY_ID, required=True, help="Which strategy.")
@click.option("--from", "start", help="First UTC day, or ISO time (default: the first booking).")
@click.option("--to", "end", help="Last UTC day, or ISO time it ends before (default: now).")
@click.option(
    "--granularity",
    type=click.Choice(get_args(Granularity)),
    help="A row for each execution, day or trip (default: the setting).",
)
@click.option(
    "--html",
    type=click.Path(path_type=Path, dir_okay=False, writable=True),
    help="Write a page with charts to this file.",
)
@BOOK_OPTION
@JSON_OPTION
@click.pass_obj
def attribution(
    options: Options,
    strategy: int,
    start: str | None,
    end: str | None,
    granularity: Granularity | None,
    html: Path | None,
    book: str | None,
    as_json: bool,
) -> None:
    """Show how a strategy did: P&L, ratios, venues, token pairs, and what they are made of.

    Days are UTC. A day given to --to is included, a time is not. With --granularity daily the
    journal is not read, which is fastest, but spreads captured are then unknown.
    """
    with _source(options, book) as source:
        settings = source.settings.attribution
        asked = Asked(
            start=start,
            end=end,
            granularity=granularity or settings.attribution_granularity,
            detailed=settings.enable_detailed_attribution,
        )
        try:
            with _counted(source, "performance"):
                found = performance(source, str(strategy), asked)
        except ValueError as error:
            raise _WrongRange(str(error)) from None
        if html is not None:
            html.write_text(page(found), encoding="utf-8")
    if as_json:
        print_json(to_json(found))
        return
    _print_performance(found)
    if html is not None:
        click.echo(f"\nwrote {html}")


@click.command()
@click.option("--day", help="The UTC day, as 2025-06-01 (default: today).")
@click.option("--strategy", type=STRATEGY_ID, help="Only this strategy (default: all of them).")
@BOOK_OPTION
@JSON_OPTION
@click.pass_obj
def explain(
    options: Options, day: str | None, strategy: int | None, book: str | None, as_json: bool
) -> None:
    """Say why a day's P&L is what it is, cause by cause and instrument by instrument.

    The lines add up: per settlement token, and in the reporting currency.
    """
    with _source(options, book) as source:
        try:
            wanted = utc_day(source.now_ns) if day is None else parse_day(day)
        except ValueError:
            raise _WrongRange(f"--day: {day} is not a day like 2025-06-01") from None
        try:
            with _counted(source, "explanation"):
                found = explanation(source, wanted, None if strategy is None else str(strategy))
        except ValueError as error:
            raise _WrongRange(f"--day: {error}") from None
    if as_json:
        print_json(to_json(found))
    else:
        _print_explanation(found)


def _print_performance(found: PerformanceAttribution) -> None:
    period, currency = found.time_period, found.reporting_currency
    click.echo(
        f"strategy {found.strategy_id}, book {', '.join(found.books)}:"
        f" {period.start_text} to {period.end_text}"
    )
    click.echo(f"prices {period.start_prices} and {period.end_prices}; amounts to 8 decimals\n")
    print_table(("", "per settlement token", currency), summary.money_lines(found), (1, 2))
    click.echo("")
    print_table(("", ""), summary.figure_lines(found))
    for headings, rows in (summary.venues(found), summary.pairs(found)):
        if rows:
            click.echo("")
            print_table(headings, rows, summary.NUMBERS)
    print_details(found)
    _print_doubts(found.missing, found.stale)


def _print_explanation(found: Explanation) -> None:
    count = len(found.strategies)
    kind = "no strategy" if not count else "strategy" if count == 1 else "strategies"
    whose = f"{kind} {', '.join(found.strategies)}".rstrip()
    books = ", ".join(found.books) or "none"
    click.echo(f"{found.day} (UTC), {whose}, book {books}")
    click.echo(f"prices {found.start_prices} and {found.end_prices}; amounts to 8 decimals\n")
    tokens = sorted(found.total.by_token)
    rows = [_line(name, getattr(found, name), tokens) for name in _shown_lines(found)]
    headings = ("", *tokens, found.reporting_currency)
    print_table(headings, rows, range(1, len(tokens) + 2))
    if found.instruments:
        click.echo("")
        _print_instruments(found)
    _print_doubts(found.missing, found.stale)


def _shown_lines(found: Explanation) -> Sequence[str]:
    rounding = ("rounding",) if found.rounding.reported else ()
    return (*PRICE_LINES, *BOOKED_LINES, "currency", *rounding, "total")


def _line(name: str, money: Money, tokens: Sequence[str]) -> tuple[str, ...]:
    has_tokens = name not in ("currency", "rounding")
    amounts: list[Any] = [
        wording.amount(money.by_token[token]) if has_tokens and token in money.by_token else "-"
        for token in tokens
    ]
    decimals = 18 if name == "rounding" else wording.SHOWN_DECIMALS
    return (_LABELS[name], *amounts, wording.amount(money.reported, decimals))


def _print_instruments(found: Explanation) -> None:
    rows = [
        (
            move.instrument_id,
            f"{wording.amount(move.start_quantity)} → {wording.amount(move.end_quantity)}",
            f"{_price(move.start_price)} → {_price(move.end_price)}",
            wording.amount(move.carried_positions),
            wording.amount(move.new_trades),
            wording.amount(move.fees),
            wording.amount(move.total),
            move.settlement,
            wording.amount(move.total_reported),
        )
        for move in found.instruments[:INSTRUMENTS_SHOWN]
    ]
    headings = (
        "instrument",
        "quantity",
        "price",
        "carried",
        "trades",
        "fees",
        "net P&L",
        "in",
        found.reporting_currency,
    )
    print_table(headings, rows, (1, 2, 3, 4, 5, 6, 8))
    if len(found.instruments) > INSTRUMENTS_SHOWN:
        click.echo(f"and {len(found.instruments) - INSTRUMENTS_SHOWN} more: --json has all")


def _price(price: Any) -> str:
    return "-" if price is None else wording.amount(price)


def _print_doubts(missing: Sequence[str], stale: Sequence[str]) -> None:
    for title, lines in (("unknown for want of", missing), ("rests on old prices", stale)):
        if not lines:
            continue
        click.echo(f"\n{title}:")
        for line in lines[:REASONS_SHOWN]:
            click.echo(f"  {line}")
        if len(lines) > REASONS_SHOWN:
            click.echo(f"  and {len(lines) - REASONS_SHOWN} more: --json has all")


COMMANDS = (attribution, explain)
