"""The command that holds the books against their journals and against statements of venues."""

from __future__ import annotations

import sys
import time
from typing import Any

import click

from pm.books import opening, quarantine, reference_store
from pm.checkpoints import Checkpoints
from pm.cli.output import JSON_OPTION, print_json
from pm.cli.progress import EntryProgress
from pm.cli.reader import moment
from pm.cli.session import Failure, Options, Session, session
from pm.decimals import Amount
from pm.fold import at_time
from pm.history import History, HistoryGap
from pm.history.opening import open_history
from pm.reconcile.breaks import Outcome
from pm.reconcile.found import Found
from pm.reconcile.held import Held, held_of_states, read_held
from pm.reconcile.outside import OutsideReport, Terms, reconcile_statement
from pm.reconcile.run import Summary, home_of, reconcile_all
from pm.reconcile.statement import StatementError
from pm.reconcile.statement_files import FORMATS, Format, read_statement
from pm.reference.table import KeyFault, parse_not_negative
from pm.reference.text_ids import escape_id

_TIME = {"callback": moment, "metavar": "TIME"}


def _tolerances(_: Any, __: Any, told: tuple[str, ...]) -> dict[str, Amount]:
    """TOKEN=AMOUNT by token; a callback of click."""
    found = {}
    for each in told:
        token, equals, text = each.partition("=")
        try:
            amount = Amount.parse(parse_not_negative(text, token))
        except KeyFault as error:
            raise click.BadParameter(str(error)) from None
        if not equals or not token:
            raise click.BadParameter(f"{each!r} is not TOKEN=AMOUNT")
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
        for name, value in (("venue", venue), ("account", account), ("at", at), ("since", since)):
            if value is not None:
                raise click.UsageError(f"--{name} goes with --statement")
        _reconcile_inside(options, book, full, as_json)
        return
    if venue is None:
        raise click.UsageError("say with --venue whose statement it is")
    if book is not None or full:
        raise click.UsageError("a statement is compared with all books, and as they stand")
    source = f"{venue}{'' if account is None else f'/{account}'}: {', '.join(statements)}"
    try:
        statement = read_statement(list(statements), form)
    except StatementError as error:
        raise Failure(str(error)) from None
    with session(options) as current, current.client(decode=False) as client:
        names = opening.names(client)
        home = home_of(current.settings, names)
        if home is None:
            raise Failure(f"{current.shown} holds no book")
        reference = reference_store.load_version(client)
        venue_id, account_id = _id(venue), None if account is None else _id(account)
        place = reference.location(venue_id, account_id, reference.chain_of_venue(venue_id))
        history = open_history(client, current.settings)
        terms = Terms(
            venue=venue_id,
            location=place,
            source=source,
            tolerance=tolerance,
            since_ns=since,
            until_ns=at if until is None else until,
            allow_empty=allow_empty,
            with_available=available,
        )
        try:
            if at is None:
                held = read_held(client, names, place, terms.venue)
            else:
                held = _held_at(current, history, names, terms, at)
            report = reconcile_statement(
                client, history, reference, statement, held, terms, home=home, now_ns=time.time_ns()
            )
        except (StatementError, HistoryGap) as error:
            raise Failure(str(error)) from None
    if as_json:
        print_json(_outside_json(report))
    else:
        _print_outside(report)
    if report.outcome.open or report.outcome.left_out:
        sys.exit(1)


def _held_at(
    current: Session, history: History, names: list[str], terms: Terms, at_ns: int
) -> Held:
    """What the books held when nothing received after a time had been journaled."""
    checkpoints, states = Checkpoints.of(current.settings), []
    for name in names:
        fold = at_time(history, checkpoints, name, at_ns)
        if fold.found:
            raise Failure(f"book {name}: {fold.found.shown[0]}")
        states.append((name, fold.book.state))
    return held_of_states(states, terms.location, terms.venue)


def _reconcile_inside(options: Options, book: str | None, full: bool, as_json: bool) -> None:
    with session(options) as current, current.client(decode=False) as client:
        names = quarantine.books_with(client, book)
        if not names:
            raise Failure(f"{current.shown} holds no book")
        shown: dict[str, EntryProgress] = {}

        def progress(name: str, done: int, of: int) -> None:
            shown.setdefault(name, EntryProgress(f"book {name}")).show(done, of)

        summary = reconcile_all(
            client,
            current.settings,
            books=None if book is None else [book],
            full=full,
            progress=progress,
        )
        for each in shown.values():
            each.end()
    if as_json:
        print_json(_summary_json(summary))
    else:
        _print_summary(summary)
    if summary.open_breaks or summary.failed:
        sys.exit(1)


def _print_summary(summary: Summary) -> None:
    for report in summary.books:
        proof = report.proof
        verdict = "agrees with its journal" if proof.is_whole else "DOES NOT AGREE with its journal"
        since = f" from the checkpoint at {proof.start_seq}" if proof.start_seq else ""
        click.echo(
            f"book {report.book} {verdict} at seq {proof.seq}: {proof.entries} entries"
            f"{since}, {proof.keys} keys{_outcome_text(report.outcome)}"
        )
        _print_found(report.found)
    if summary.across is not None and (summary.across.found or summary.across.resolved):
        click.echo(f"between books{_outcome_text(summary.across).replace(', ', ': ', 1)}")
    for name, error in summary.failed.items():
        click.echo(f"book {name} could not be looked at: {error}")


def _print_outside(report: OutsideReport) -> None:
    at = ", ".join(f"{book} at seq {seq}" for book, seq in report.seqs.items())
    verdict = "all agree" if not report.found else f"{len(report.found)} DIFFER"
    click.echo(
        f"{report.location}: {report.compared} compared ({', '.join(report.parts)}), {verdict},"
        f" with {at}{_outcome_text(report.outcome)}"
    )
    _print_found(report.found)


def _outcome_text(outcome: Outcome) -> str:
    told = {
        "new": outcome.new,
        "opened again": outcome.reopened,
        "resolved": outcome.resolved,
        "open": outcome.open,
        "explained": outcome.explained,
        "not kept, as there are too many": outcome.left_out,
    }
    parts = [f"{count} {name}" for name, count in told.items() if count]
    return f", breaks: {', '.join(parts)}" if parts else ""


def _print_found(found: tuple[Found, ...]) -> None:
    for each in found:
        click.echo(f"  {each.break_id} {each.kind} {each.subject}: {_found_text(each)}")


def _found_text(found: Found) -> str:
    """What differs in a line: both sides, by how much, and since which event."""
    sides = f"ours {found.ours or 'none'}, theirs {found.theirs or 'none'}"
    parts = [sides] if found.ours or found.theirs else []
    if found.difference:
        parts.append(f"difference {found.difference}")
    if found.detail:
        parts.append(found.detail)
    if found.first.seq:
        parts.append(f"since {found.first.book}@{found.first.seq} {found.first.text}".rstrip())
    return "; ".join(parts)


def _summary_json(summary: Summary) -> dict[str, Any]:
    return {
        "right": summary.is_right,
        "books": [
            {
                "book": report.book,
                "right": report.proof.is_whole,
                "seq": report.proof.seq,
                "digest": report.proof.digest,
                "from_seq": report.proof.start_seq,
                "entries": report.proof.entries,
                "keys": report.proof.keys,
                "difference_count": report.proof.difference_count,
                "breaks": _outcome_json(report.outcome),
                "found": [found_json(each) for each in report.found],
            }
            for report in summary.books
        ],
        "between_books": None if summary.across is None else _outcome_json(summary.across),
        "failed": summary.failed,
    }


def _outside_json(report: OutsideReport) -> dict[str, Any]:
    return {
        "right": not report.found,
        "venue": report.venue,
        "location": report.location,
        "seqs": dict(report.seqs),
        "parts": list(report.parts),
        "compared": report.compared,
        "breaks": _outcome_json(report.outcome),
        "found": [found_json(each) for each in report.found],
    }


def _outcome_json(outcome: Outcome) -> dict[str, int]:
    return {
        "found": outcome.found,
        "new": outcome.new,
        "reopened": outcome.reopened,
        "resolved": outcome.resolved,
        "open": outcome.open,
        "explained": outcome.explained,
        "left_out": outcome.left_out,
    }


def found_json(found: Found) -> dict[str, Any]:
    """One finding for programs: unknown is null."""
    first = found.first
    return {
        "id": found.break_id,
        "kind": found.kind,
        "subject": found.subject,
        "books": list(found.books),
        "ours": found.ours or None,
        "theirs": found.theirs or None,
        "difference": found.difference or None,
        "detail": found.detail or None,
        "first_book": first.book or None,
        "first_seq": first.seq or None,
        "first_event": first.text or None,
        "agreed_seq": found.agreed_seq or None,
    }


COMMANDS = [reconcile]
