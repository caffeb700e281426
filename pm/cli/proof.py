"""`pm verify`: the books proven from their journals."""

from __future__ import annotations

import sys

import click

from pm.books import quarantine
from pm.checkpoints import Checkpoints
from pm.cli.options import BOOK_OPTION
from pm.cli.output import JSON_OPTION, print_json
from pm.cli.progress import EntryProgress
from pm.cli.session import Failure, Options, session
from pm.fold import from_checkpoint
from pm.history.opening import open_history
from pm.verify import Report, verify_book


@click.command()
@BOOK_OPTION
@click.option(
    "--from-checkpoint",
    "is_short",
    is_flag=True,
    help="Fold only what came after the last checkpoint, and take that as proven.",
)
@click.option("--checkpoint", "keeps", is_flag=True, help="Keep a checkpoint of what was right.")
@JSON_OPTION
@click.pass_obj
def verify(options: Options, book: str | None, is_short: bool, keeps: bool, as_json: bool) -> None:
    """Prove the books: recompute every journal entry, check every law and every key."""
    with session(options, writes=False) as current, current.client(decode=False) as client:
        names = quarantine.books_with(client, book)
        if not names:
            raise Failure(f"{current.shown} holds no book")
        history = open_history(client, current.settings)
        checkpoints = Checkpoints.of(current.settings)
        reports, kept = [], {}
        for name in names:
            start = from_checkpoint(history, checkpoints, name) if is_short else None
            progress = EntryProgress(f"book {name}")
            report = verify_book(client, name, progress.show, history=history, start=start)
            progress.end()
            if keeps and report.checkpoint is not None:
                kept[name] = checkpoints.write(report.checkpoint)
            reports.append(report)
    if as_json:
        print_json([_report_json(report) for report in reports])
    else:
        for report in reports:
            _print_report(report)
            if report.book in kept:
                click.echo(f"  kept as a checkpoint: {kept[report.book]}")
    if not all(report.is_whole for report in reports):
        sys.exit(1)


def _report_json(report: Report) -> dict[str, object]:
    return {
        "book": report.book,
        "whole": report.is_whole,
        "seq": report.seq,
        "digest": report.digest,
        "from_seq": report.start_seq,
        "entries": report.entries,
        "positions": report.positions,
        "balances": report.balances,
        "keys": report.keys,
        "differences": report.differences,
        "difference_count": report.difference_count,
    }


def _print_report(report: Report) -> None:
    verdict = "is right" if report.is_whole else "IS WRONG"
    since = f" after the checkpoint at {report.start_seq}" if report.start_seq else ""
    click.echo(
        f"book {report.book} {verdict} at seq {report.seq} ({report.digest[:12]}):"
        f" {report.entries} journal entries{since} recomputed and chained,"
        f" {report.positions} positions and {report.balances} balances by their laws,"
        f" {report.keys} keys field by field"
    )
    print_differences(report.differences, report.difference_count)


def print_differences(shown: list[str], count: int) -> None:
    """Differences, indented, and how many more there are."""
    for difference in shown:
        click.echo(f"  {difference}")
    if count > len(shown):
        click.echo(f"  and {count - len(shown)} more")


COMMANDS = [verify]
