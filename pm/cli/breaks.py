"""Commands about breaks: what does not agree, why, and how it ended."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import click
import redis

from pm.books import opening, quarantine, reference_store
from pm.books.submitting import Submitter
from pm.breaks.adjusting import Order, adjust
from pm.breaks.finding import find_break
from pm.breaks.kept import BreakError, Breaks
from pm.breaks.record import STATES, Break
from pm.cli.options import BOOK_OPTION, BY_OPTION, STRATEGY_ID, WHY_OPTION
from pm.cli.output import JSON_OPTION, iso, print_json, print_table
from pm.cli.session import Failure, Options, ensure_library, session
from pm.cli.treasury import NUMBER, AmountCommand
from pm.history.opening import open_history

Act = Callable[[Breaks, str], Break]


@click.group("breaks", invoke_without_command=True)
@BOOK_OPTION
@click.option("--state", type=click.Choice(STATES), help="Default: those not resolved.")
@click.option("--all", "every", is_flag=True, help="Those that are resolved, too.")
@JSON_OPTION
@click.pass_context
def breaks_group(
    context: click.Context, book: str | None, state: str | None, every: bool, as_json: bool
) -> None:
    """Show what does not agree; exit code 1 while anything is open."""
    if context.invoked_subcommand is not None:
        return
    with session(context.obj, writes=False) as current, current.client() as client:
        found = [
            (name, each)
            for name in quarantine.books_with(client, book)
            for each in Breaks(client, name).listed(only_open=not every and state != "resolved")
            if state in (None, each.state)
        ]
    if as_json:
        print_json([{"book": name, **each.to_json()} for name, each in found])
    else:
        _print_breaks(found)
    if any(each.state == "open" for _, each in found):
        sys.exit(1)


def _print_breaks(found: list[tuple[str, Break]]) -> None:
    if not found:
        click.echo("there are none")
        return
    headings = ("break", "state", "kind", "subject", "ours", "theirs", "difference", "since", "")
    rows = [
        (
            each.id,
            each.state,
            each.kind,
            each.subject,
            _short(each.ours),
            _short(each.theirs),
            each.difference or "-",
            _first(each),
            each.explanation or each.detail,
        )
        for _, each in found
    ]
    print_table(headings, rows, (6,))


@breaks_group.command("show")
@click.argument("break_id", metavar="ID")
@JSON_OPTION
@click.pass_obj
def show(options: Options, break_id: str, as_json: bool) -> None:
    """Tell everything about one break, its history too."""
    with session(options, writes=False) as current, current.client() as client:
        kept, each = _one(client, break_id)
    if as_json:
        print_json({"book": kept.book, **each.to_json()})
    else:
        _print_break(kept.book, each)


@breaks_group.command("explain")
@click.argument("break_id", metavar="ID")
@WHY_OPTION
@BY_OPTION
@JSON_OPTION
@click.pass_obj
def explain(options: Options, break_id: str, why: str, by: str, as_json: bool) -> None:
    """Give the reason for a break; it opens again if its amount changes."""
    _act(
        options,
        break_id,
        as_json,
        lambda kept, found: kept.explain(found, by=by, why=why, now_ns=time.time_ns()),
    )


@breaks_group.command("resolve")
@click.argument("break_id", metavar="ID")
@WHY_OPTION
@BY_OPTION
@JSON_OPTION
@click.pass_obj
def resolve(options: Options, break_id: str, why: str, by: str, as_json: bool) -> None:
    """Dismiss a break that neither agreement nor an adjustment will end."""
    _act(
        options,
        break_id,
        as_json,
        lambda kept, found: kept.dismiss(found, by=by, why=why, now_ns=time.time_ns()),
    )


@breaks_group.command("adjust", cls=AmountCommand)
@click.argument("break_id", metavar="ID")
@WHY_OPTION
@BY_OPTION
@click.option("--book", help="The book to adjust, where several hold it.")
@click.option("--strategy", type=STRATEGY_ID, help="Whose position it is, where several hold it.")
@click.option("--cost", type=NUMBER, help="The signed cost of the quantity that is added.")
@JSON_OPTION
@click.pass_obj
def adjust_break(
    options: Options,
    break_id: str,
    why: str,
    by: str,
    book: str | None,
    strategy: int | None,
    cost: str | None,
    as_json: bool,
) -> None:
    """Make ours theirs, by an adjustment in the journal that names who and why."""
    order = Order(by=by, why=why, book=book, strategy=strategy, cost=cost)
    with session(options) as current, current.client(decode=False) as client:
        ensure_library(client)
        kept, found = _one(client, break_id)
        submitter = Submitter.of(client, current.settings)
        reference = reference_store.load_version(client)
        try:
            history = open_history(client, current.settings)
            after = adjust(client, history, submitter, reference, kept, found, order)
        except BreakError as error:
            raise Failure(str(error)) from None
    _tell(kept, after, as_json)


def _act(options: Options, break_id: str, as_json: bool, act: Act) -> None:
    with session(options) as current, current.client() as client:
        kept, found = _one(client, break_id)
        try:
            after = act(kept, found.id)
        except BreakError as error:
            raise Failure(str(error)) from None
    _tell(kept, after, as_json)


def _tell(kept: Breaks, after: Break, as_json: bool) -> None:
    if as_json:
        print_json({"book": kept.book, **after.to_json()})
    else:
        click.echo(f"{after.id} is {after.state}: {after.resolution or after.explanation}")


def _one(client: redis.Redis, break_id: str) -> tuple[Breaks, Break]:
    """The break somebody names; Failure without one."""
    try:
        return find_break(client, opening.names(client), break_id)
    except BreakError as error:
        raise Failure(str(error)) from None


def _print_break(book: str, each: Break) -> None:
    lines = {
        "break": f"{each.id} ({each.state}), {each.kind} {each.subject}",
        "kept in": f"book {book}, found with {each.source}",
        "books": ", ".join(each.books),
        "ours": each.ours,
        "theirs": each.theirs,
        "difference": each.difference,
        "detail": each.detail,
        "first event": _first(each),
        "agreed until": each.agreed_seq,
        "found": f"{iso(each.found_at)}, last {iso(each.seen_at)}, {each.seen_count} times",
        "resolution": each.resolution,
        "explanation": f"{each.explanation} ({each.by})" if each.explanation else "",
    }
    for name, text in lines.items():
        if text and text != "-":
            click.echo(f"{name:<13} {text}")
    for change in each.history:
        by = f" by {change.by}" if change.by else ""
        amount = f", difference {change.difference}" if change.difference else ""
        click.echo(f"  {iso(change.at)} {change.state}{by}: {change.why}{amount}")


def _first(each: Break) -> str:
    if each.first_seq:
        return f"{each.first_book}@{each.first_seq} {each.first_event}".strip()
    return each.first_event or "-"


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:40]}…"


COMMANDS = [breaks_group]
