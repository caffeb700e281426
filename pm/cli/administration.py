"""Commands of operators: quarantine, reference, functions."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from pm.books import opening, quarantine, reference_store
from pm.books.opening import BookError
from pm.books.quarantine import Refused
from pm.cli.options import BOOK_OPTION
from pm.cli.output import JSON_OPTION, iso, print_json, print_table
from pm.cli.session import (
    Failure,
    Options,
    Session,
    ensure_books,
    ensure_library,
    session,
)
from pm.functions import library
from pm.keys import QUARANTINE_LANE
from pm.reference.record_text import record_text
from pm.reference.snapshot import DuplicateRecord
from pm.reference.toml_source import ReferenceDataError, load_reference


@click.group("quarantine", invoke_without_command=True)
@BOOK_OPTION
@JSON_OPTION
@click.pass_context
def quarantine_group(context: click.Context, book: str | None, as_json: bool) -> None:
    """Show what was refused, with the reason; `replay` gives it another try."""
    if context.invoked_subcommand is not None:
        return
    with session(context.obj, writes=False) as current, current.client(decode=False) as client:
        found = [
            refused
            for name in quarantine.books_with(client, book)
            for refused in quarantine.listed(client, name)
        ]
    if as_json:
        print_json([_refused_json(refused) for refused in found])
        return
    headings = ("book", "entry", "reason", "detail", "received (UTC)", "bytes")
    rows = [
        (
            refused.book,
            str(refused.seq),
            refused.reason,
            refused.detail[:80],
            iso(refused.received_at),
            str(len(refused.raw)),
        )
        for refused in found
    ]
    print_table(headings, rows, (1, 5))


def _refused_json(refused: Refused) -> dict[str, object]:
    return {
        "book": refused.book,
        "entry": refused.seq,
        "reason": refused.reason,
        "detail": refused.detail,
        "received_at": refused.received_at,
        "facts": refused.facts,
        "raw": refused.raw.hex(),
    }


@quarantine_group.command("replay")
@click.argument("entry", type=click.IntRange(1), required=False)
@click.option("--all", "replay_all", is_flag=True, help="Every entry, oldest first.")
@click.option("--book", help="The book of the entry (default: all books).")
@JSON_OPTION
@click.pass_obj
def replay(
    options: Options, entry: int | None, replay_all: bool, book: str | None, as_json: bool
) -> None:
    """Try ENTRY (or --all) again, through its own lane; what is taken leaves the quarantine."""
    if (entry is None) == (not replay_all):
        raise click.UsageError("name one entry, or give --all")
    with session(options) as current, current.client(decode=False) as client:
        ensure_library(client)
        names = quarantine.books_with(client, book or (None if replay_all else _only(client)))
        ensure_books(current, client, names)
        outcomes = []
        for name in names:
            wanted = (
                quarantine.listed(client, name)
                if entry is None
                else [quarantine.one(client, name, entry)]
            )
            outcomes += [_replay_one(current, client, refused) for refused in wanted]
    if as_json:
        print_json(outcomes)
    else:
        print_table(
            ("book", "entry", "taken", "how it ended"),
            [
                (o["book"], str(o["entry"]), "yes" if o["taken"] else "no", o["how"])
                for o in outcomes
            ],
            (1,),
        )
    if not all(outcome["taken"] for outcome in outcomes):
        sys.exit(1)


def _only(client) -> str:  # type: ignore[no-untyped-def]
    names = opening.names(client)
    if not names:
        raise Failure("the server holds no book yet, and so no quarantine")
    if len(names) > 1:
        raise click.UsageError(f"name the book of the entry with --book: {', '.join(names)}")
    return names[0]


def _replay_one(current: Session, client, refused: Refused):  # type: ignore[no-untyped-def]
    from workers.consumer import Stalled
    from workers.draining import drain

    before = opening.head(client, refused.book)
    assert before is not None
    try:
        lane_entry = quarantine.replay(client, refused)
    except BookError as error:
        how = str(error)
        return {"book": refused.book, "entry": refused.seq, "taken": False, "how": how}
    try:
        drain(client, current.settings, refused.book, QUARANTINE_LANE, lane_entry)
    except Stalled as error:
        raise Failure(str(error)) from None
    taken, how = quarantine.settle(client, refused, lane_entry, before.seq)
    return {"book": refused.book, "entry": refused.seq, "taken": taken, "how": how}


@click.group("reference", invoke_without_command=True)
@JSON_OPTION
@click.pass_context
def reference_group(context: click.Context, as_json: bool) -> None:
    """Show the reference data: instruments, tokens, venues."""
    if context.invoked_subcommand is not None:
        return
    with session(context.obj, writes=False) as current, current.client() as client:
        reference = reference_store.load_version(client)
    if as_json:
        import json

        records = (reference.instruments, reference.tokens, reference.venues)
        instruments, tokens, venues = (
            [json.loads(record_text(record)) for record in kind.values()] for kind in records
        )
        print_json(
            {
                "version": reference.version,
                "instruments": instruments,
                "tokens": tokens,
                "venues": venues,
            }
        )
        return
    click.echo(
        f"version {reference.version}: {len(reference.instruments)} instruments,"
        f" {len(reference.tokens)} tokens, {len(reference.venues)} venues"
    )
    headings = (
        "instrument",
        "kind",
        "base",
        "quote",
        "settled in",
        "chain",
        "multiplier",
        "inverse",
    )
    rows = [
        (
            record.id,
            record.kind,
            record.base,
            record.quote,
            record.settlement,
            str(record.chain_id),
            record.multiplier,
            "yes" if record.inverse else "no",
        )
        for record in sorted(reference.instruments.values(), key=lambda record: record.id)
    ]
    print_table(headings, rows, (6,))


@reference_group.command("load")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@JSON_OPTION
@click.pass_obj
def load_file(options: Options, file: Path, as_json: bool) -> None:
    """Add the records of FILE (TOML), replacing those with the same id; every book adopts them."""
    try:
        new = load_reference(file)
    except ReferenceDataError as error:
        raise Failure(str(error)) from None
    with session(options) as current, current.client(decode=False) as client:
        ensure_library(client)
        try:
            version, changed = reference_store.merge(client, new)
        except DuplicateRecord as error:
            raise Failure(str(error)) from None
        ensure_books(current, client, opening.names(client))
    if as_json:
        print_json({"version": version, "changed": changed})
    else:
        click.echo(f"version {version}: {len(changed)} records changed")


@click.group("functions", invoke_without_command=True)
@JSON_OPTION
@click.pass_context
def functions_group(context: click.Context, as_json: bool) -> None:
    """Show the function libraries the server holds."""
    if context.invoked_subcommand is not None:
        return
    with session(context.obj, writes=False) as current, current.client() as client:
        names = library.loaded_names(client)
    wanted = library.current().name
    if as_json:
        print_json({"wanted": wanted, "loaded": names})
        return
    for name in names:
        click.echo(f"{name}{'  (this version)' if name == wanted else ''}")
    if wanted not in names:
        click.echo(f"{wanted} is not loaded: `pm functions load`")


@functions_group.command("load")
@click.pass_obj
def load_functions(options: Options) -> None:
    """Load this version of the function library (an administrator's step)."""
    with session(options) as current, current.client() as client:
        loaded = library.load(client)
    click.echo(f"{library.current().name}: {'loaded' if loaded else 'was there already'}")


COMMANDS = [quarantine_group, reference_group, functions_group]
