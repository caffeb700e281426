"""The command that holds the books against their journals and against statements of venues."""

from __future__ import annotations

import sys
import time
from typing import Any

import click
import redis

from pm.books import opening, quarantine, reference_store
from pm.checkpoints import Checkpoints
from pm.cli.options import moment
from pm.cli.output import JSON_OPTION, print_json
from pm.cli.progress import book_progress
from pm.cli.reconciled import outside_json, print_outside, print_summary, summary_json
from pm.cli.session import Failure, Options, Session, session
from pm.decimals import Amount
from pm.fold import from_checkpoint
from pm.history import HistoryGap
from pm.history.opening import open_history
from pm.reconcile.held import Held
from pm.reconcile.outside import OutsideReport, Terms, reconcile_statement
from pm.reconcile.present import read_held
from pm.reconcile.run import home_of, reconcile_all
from pm.reference.snapshot import Reference
from pm.reference.table import KeyFault, parse_not_negative
from pm.reference.text_ids import escape_id
from pm.rules.state import BookState
from pm.statements.files import FORMATS, Format, UnknownPart, read_statement
from pm.statements.statement import Statement, StatementError

_TIME = {"callback": moment, "metavar": "TIME"}


def _tolerances(_: Any, __: Any, told: tuple[str, ...]) -> dict[str, Amount]:
    """TOKEN=AMOUNT by token; a callback of click."""
    found = {}
    for each in told:
        token, equals, text = each.partition("=")
        if not equals or not token:
            raise click.BadParameter(f"{each!r} is not TOKEN=AMOUNT")
        try:
            amount = Amount.parse(parse_not_negative(text, token))
        except KeyFault as error:
            raise click.BadParameter(f"{error}; write TOKEN=AMOUNT") from None
        found[_id(token)] = amount
    return found


def _id(text: str) -> str:
    try:
        return escape_id(text)
    except ValueError as error:
        raise click.BadParameter(f"{text!r} {error}") from None


@click.command()
@click.option("--book", help="Only this book (default: all books, and between them).")
@click.option("--full", is_flag=True, help="From the first entry, not the last checkpoint.")
@click.option(
    "--statement",
    "statements",
    multiple=True,
    metavar="[PART=]FILE",
    help="What a venue says; PART is balances, positions or trades where FILE does not tell.",
)
@click.option("--venue", help="The venue of the statement.")
@click.option("--account", help="Its account, where it is not the venue's own.")
@click.option("--at", **_TIME, help="When the statement is true (default: now).")  # type: ignore[arg-type]
@click.option("--since", **_TIME, help="Trades are complete from here (default: its first).")  # type: ignore[arg-type]
@click.option("--until", **_TIME, help="Trades are complete to here (default: its last).")  # type: ignore[arg-type]
@click.option("--format", "form", type=click.Choice(FORMATS), help="Default: as FILE looks.")
@click.option(
    "--tolerance",
    multiple=True,
    metavar="TOKEN=AMOUNT",
    callback=_tolerances,
    help="How far amounts of a token may differ (default: not at all).",
)
@click.option("--available", is_flag=True, help="Compare what is available as well.")
@click.option("--allow-empty", is_flag=True, help="Believe that the venue holds nothing of ours.")
@JSON_OPTION
@click.pass_obj
def reconcile(
    options: Options,
    book: str | None,
    full: bool,
    statements: tuple[str, ...],
    venue: str | None,
    account: str | None,
    at: int | None,
    since: int | None,
    until: int | None,
    form: Format | None,
    tolerance: dict[str, Amount],
    available: bool,
    allow_empty: bool,
    as_json: bool,
) -> None:
    """Hold the books against their journals; with --statement against what a venue says.

    What differs is kept as a break: `pm breaks`. Nothing is adjusted. Exit code 1 while breaks are
    open.
    """
    if not statements:
        told = {
            "venue": venue,
            "account": account,
            "at": at,
            "since": since,
            "until": until,
            "format": form,
            "tolerance": tolerance,
            "available": available,
            "allow-empty": allow_empty,
        }
        for name, value in told.items():
            if value:
                raise click.UsageError(f"--{name} goes with --statement")
        _reconcile_inside(options, book, full, as_json)
        return
    if venue is None:
        raise click.UsageError("say with --venue whose statement it is")
    if book is not None or full:
        raise click.UsageError("a statement is compared with all books, and as they stand")
    try:
        statement = read_statement(list(statements), form)
    except UnknownPart as error:
        raise click.BadParameter(str(error), param_hint="'--statement'") from None
    except StatementError as error:
        raise Failure(str(error)) from None
    with session(options) as current, current.client(decode=False) as client:
        reference = reference_store.load_version(client)
        venue_id, account_id = _id(venue), None if account is None else _id(account)
        terms = Terms(
            venue=venue_id,
            location=reference.location(venue_id, account_id, reference.chain_of_venue(venue_id)),
            source=f"{venue}{'' if account is None else f'/{account}'}: {', '.join(statements)}",
            tolerance=tolerance,
            since_ns=since,
            until_ns=at if until is None else until,
            allow_empty=allow_empty,
            with_available=available,
        )
        report = _compare(current, client, reference, statement, terms, at)
    if as_json:
        print_json(outside_json(report))
    else:
        print_outside(report)
    if report.outcome.open or report.outcome.left_out:
        sys.exit(1)


def _compare(
    current: Session,
    client: redis.Redis,
    reference: Reference,
    statement: Statement,
    terms: Terms,
    at_ns: int | None,
) -> OutsideReport:
    """Compare with the books as they stand, or as they stood at a time; Failure in one line."""
    names = opening.names(client)
    home = home_of(current.settings, names)
    if home is None:
        raise Failure(f"{current.shown} holds no book")
    history = open_history(client, current.settings)

    def fold(book: str) -> BookState:
        """A book as it stands, or as it stood when nothing received after the time was there."""
        folded = from_checkpoint(history, Checkpoints.of(current.settings), book, time_ns=at_ns)
        folded.follow(history, until_ns=at_ns)
        if folded.found:
            raise Failure(f"book {book}: {folded.found.shown[0]}")
        return folded.book.state

    if at_ns is None:
        held = read_held(client, names, terms.location, terms.venue, fold)
    else:
        held = Held(terms.location)
        for name in names:
            held.add_state(name, fold(name), terms.venue)
    try:
        return reconcile_statement(
            client, history, reference, statement, held, terms, home=home, now_ns=time.time_ns()
        )
    except (StatementError, HistoryGap) as error:
        raise Failure(str(error)) from None


def _reconcile_inside(options: Options, book: str | None, full: bool, as_json: bool) -> None:
    with session(options) as current, current.client(decode=False) as client:
        names = quarantine.books_with(client, book)
        if not names:
            raise Failure(f"{current.shown} holds no book")
        with book_progress() as progress:
            summary = reconcile_all(
                client,
                current.settings,
                books=None if book is None else [book],
                full=full,
                progress=progress,
            )
    if as_json:
        print_json(summary_json(summary))
    else:
        print_summary(summary)
    if summary.open_breaks or summary.failed:
        sys.exit(1)


COMMANDS = [reconcile]
