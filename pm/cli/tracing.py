"""Commands about multi-step trades: trace, traces."""

from __future__ import annotations

from collections.abc import Sequence

import click

from pm.cli.options import BOOK_OPTION
from pm.cli.output import JSON_OPTION, iso, print_json, print_table, token_amounts
from pm.cli.reader import books_of, known, reader
from pm.cli.session import Failure, Options
from pm.client import Client, Trace, to_json
from pm.client.parsing import sum_amounts
from pm.client.plans import TraceState
from pm.client.results import Amounts

_COUNT = click.option(
    "--count", type=click.IntRange(1), default=20, show_default=True, help="At most so many a book."
)


@click.command()
@click.argument("trace_id", required=False)
@_COUNT
@BOOK_OPTION
@JSON_OPTION
@click.pass_obj
def trace(
    options: Options, trace_id: str | None, count: int, book: str | None, as_json: bool
) -> None:
    """Show one multi-step trade with its steps, or the latest ones."""
    with reader(options) as client:
        if trace_id is None:
            _show_traces(_latest(client, "all", count, book), as_json)
            return
        slices = [
            part for name in books_of(client, book) if (part := client.trace(trace_id, book=name))
        ]
    if not slices:
        raise Failure(f"no book knows trace {trace_id}")
    if as_json:
        print_json(to_json(slices))
        return
    for part in slices:
        _print_trace(part)
    if len(slices) > 1:
        net = sum_amounts(*(part.net for part in slices))
        click.echo(f"net over {len(slices)} books: {token_amounts(net)}")


@click.command()
@click.option("--open", "state", flag_value="open", help="Only those that go on.")
@click.option("--ended", "state", flag_value="ended", help="Only those that do not.")
@click.option("--stranded", "state", flag_value="stranded", help="Only those that left something.")
@click.option("--all", "state", flag_value="all", default=True, help="All of them (the default).")
@_COUNT
@BOOK_OPTION
@JSON_OPTION
@click.pass_obj
def traces(
    options: Options, state: TraceState, count: int, book: str | None, as_json: bool
) -> None:
    """List multi-step trades, latest first: what they came to, what is stranded and where."""
    with reader(options) as client:
        found = _latest(client, state, count, book)
    _show_traces(found, as_json)


def _latest(client: Client, state: TraceState, count: int, book: str | None) -> list[Trace]:
    return [
        part
        for name in books_of(client, book)
        for part in client.traces(count=count, state=state, book=name)
    ]


def _show_traces(found: Sequence[Trace], as_json: bool) -> None:
    if as_json:
        print_json(to_json(found))
        return
    headings = (
        "book",
        "trace",
        "status",
        "arbitrage",
        "steps",
        "net",
        "stranded",
        "last step (UTC)",
    )
    print_table(headings, map(_trace_row, found), (4,))


def _trace_row(found: Trace) -> tuple[str, ...]:
    return (
        found.book,
        found.trace_id,
        found.status,
        "yes" if found.is_arbitrage else "no",
        str(len(found.steps)),
        token_amounts(found.net),
        _places(found.locations, tuple(found.stranded)),
        iso(found.last_time),
    )


def _places(locations: Amounts, assets: Sequence[str] | None = None) -> str:
    """Amounts other than 0 and where they are; of some assets or of all."""
    parts = []
    for place, amount in locations.items():
        location, _, asset = place.partition(":")
        if amount and (assets is None or asset in assets):
            parts.append(f"{amount} {asset} at {location}")
    return ", ".join(parts)


def _print_trace(found: Trace) -> None:
    arbitrage = "arbitrage, " if found.is_arbitrage else ""
    click.echo(f"trace {found.trace_id} in book {found.book}: {arbitrage}{found.status}")
    click.echo(f"net: {token_amounts(found.net)}")
    click.echo(f"where: {_places(found.locations) or 'nothing anywhere'}")
    if found.stranded:
        click.echo(f"stranded: {_places(found.locations, tuple(found.stranded))}")
    if found.result is not None:
        click.echo(f"result: {found.result} {found.numeraire}")
    rows = [
        (
            str(step.step_number),
            step.step_type,
            str(step.strategy_id),
            step.venue,
            step.location,
            step.instrument_id,
            str(step.quantity_delta),
            known(step.price),
            iso(step.timestamp),
        )
        for step in found.steps
    ]
    headings = (
        "step",
        "type",
        "strategy",
        "venue",
        "location",
        "instrument",
        "quantity",
        "price",
        "time (UTC)",
    )
    print_table(headings, rows, (0, 6, 7))


COMMANDS = [trace, traces]
