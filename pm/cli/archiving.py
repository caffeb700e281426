"""`pm archive`: older journal entries to Parquet files and out of Redis; listing and checking."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING

import click

from pm.archive import ArchiveBusy, ArchiveError, layout, open_archive
from pm.books import opening
from pm.cli.options import BOOK_OPTION, moment
from pm.cli.output import JSON_OPTION, iso, print_json, print_table
from pm.cli.progress import book_progress
from pm.cli.session import Failure, Options, failures, load, session
from pm.settings import Settings

if TYPE_CHECKING:
    from pm.archive.archiving import Archived


@click.group("archive", invoke_without_command=True)
@BOOK_OPTION
@click.option(
    "--through", type=click.IntRange(1), metavar="SEQ", help="Entries up to this one, however new."
)
@click.option("--before", callback=moment, metavar="TIME", help="Entries received before it (UTC).")
@click.option("--all-but", type=click.IntRange(0), help="All entries but the newest so many.")
@click.option(
    "--keep",
    type=click.IntRange(1),
    help="How many of the newest stay in Redis too (default 10000, or what --all-but leaves).",
)
@JSON_OPTION
@click.pass_context
def archive_group(
    context: click.Context,
    book: str | None,
    through: int | None,
    before: int | None,
    all_but: int | None,
    keep: int | None,
    as_json: bool,
) -> None:
    """Move older journal entries to Parquet files, trim them from Redis; old files to cold storage.

    Without an option entries older than hot_data_retention_days are moved, whole UTC days at a
    time. Every file is read back before anything is trimmed.
    """
    if context.invoked_subcommand is not None:
        return
    from pm.archive.archiving import KEPT_ENTRIES, Extent, archive_book

    is_by_hand = (through, before, all_but) != (None, None, None)
    kept = keep or (KEPT_ENTRIES if all_but is None else max(1, all_but))
    extent = Extent(through=through, before_ns=before, all_but=all_but, kept_entries=kept)
    done: list[Archived] = []
    with session(context.obj) as current, current.client() as client, book_progress() as progress:
        if not is_by_hand and not current.settings.storage.archive_completed_trades:
            raise Failure(
                "storage.archive_completed_trades is false: nothing is archived by age; say what"
                " with --through, --before or --all-but"
            )
        names = opening.names(client)
        if book is not None and book not in names:
            raise Failure(f"book {book} does not exist")
        for name in names if book is None else [book]:
            try:
                done.append(
                    archive_book(
                        client,
                        current.settings,
                        name,
                        now_ns=time.time_ns(),
                        extent=extent if is_by_hand else None,
                        progress=partial(progress, name),
                    )
                )
            except ArchiveBusy as busy:
                click.echo(f"pm: {busy}: nothing to do", err=True)
                break
    if as_json:
        print_json([asdict(outcome) for outcome in done])
        return
    for outcome in done:
        click.echo(_told(outcome))


def _told(outcome: Archived) -> str:
    both = ""
    if outcome.trimmed_through < outcome.archived_through:
        both = (
            f"; seqs {outcome.trimmed_through + 1} to {outcome.archived_through} stay there as well"
        )
    lanes = f", {outcome.trimmed_lane_entries} of its lanes" if outcome.trimmed_lane_entries else ""
    moved = f"; moved {outcome.moved_files} files to cold storage" if outcome.moved_files else ""
    if not (outcome.entries or outcome.trimmed_entries or outcome.trimmed_lane_entries):
        return f"book {outcome.book}: nothing to archive{both}{moved}"
    return (
        f"book {outcome.book}: archived {outcome.entries} entries in {outcome.files} files"
        f" ({outcome.bytes} bytes), now through seq {outcome.archived_through}; took"
        f" {outcome.trimmed_entries} journal entries{lanes} from Redis{both}{moved}"
    )


@archive_group.command("list")
@BOOK_OPTION
@JSON_OPTION
@click.pass_obj
def list_files(options: Options, book: str | None, as_json: bool) -> None:
    """Show the files of the archive: days, seqs, bytes, and where each lies."""
    settings = load(options)
    with failures():
        archive = open_archive(settings)
        names = _books(settings, book)
        files = [
            (name, record) for name in names if archive for record in archive.manifest(name).files
        ]
    if as_json:
        print_json([{"book": name, **asdict(record)} for name, record in files])
        return
    headings = ("book", "day", "first", "last", "entries", "received to (UTC)", "bytes", "where")
    rows = [
        (
            name,
            layout.day_of(record.path),
            str(record.first_seq),
            str(record.last_seq),
            str(record.entries),
            iso(record.last_received_at),
            str(record.bytes),
            record.place,
        )
        for name, record in files
    ]
    print_table(headings, rows, (2, 3, 4, 6))


@archive_group.command("check")
@BOOK_OPTION
@JSON_OPTION
@click.pass_obj
def check(options: Options, book: str | None, as_json: bool) -> None:
    """Read every file: its bytes against the manifest, its entries against their hash chain."""
    from pm.archive.checking import check_book

    settings = load(options)
    with failures():
        names = _books(settings, book)
        archive = open_archive(settings)
        with book_progress() as progress:
            found = [
                check_book(archive, name, partial(progress, name))
                for name in names
                if archive is not None
            ]
    if as_json:
        print_json([asdict(checked) for checked in found])
    else:
        for checked in found:
            if not checked.faults:
                click.echo(
                    f"book {checked.book}: {checked.files} files, {checked.entries} entries through"
                    f" seq {checked.last_seq} are whole and chained ({checked.digest[:12]})"
                )
            for path in checked.unlisted:
                click.echo(f"book {checked.book}: {path} is not listed and ignored", err=True)
            for fault in checked.faults:
                click.echo(f"pm: {fault}", err=True)
        if not found:
            click.echo(f"there is no archive in {settings.archive_path}")
    if any(checked.faults for checked in found):
        sys.exit(1)


def _books(settings: Settings, book: str | None) -> Sequence[str]:
    names = layout.books(settings.archive_path)
    if book is None:
        return names
    if book not in names:
        raise ArchiveError(f"the archive in {settings.archive_path} has no book {book}")
    return [book]


COMMANDS = [archive_group]
