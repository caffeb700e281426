"""`pm ingest`: the events of a file into the books."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

import click
import redis

from pm.books import journal, lanes, opening, reference_store
from pm.cli.output import JSON_OPTION, print_json
from pm.cli.session import Failure, Options, Session, ensure_books, ensure_library, session
from pm.events.lines import parse_lines
from pm.events.message import pack
from pm.events.model import Event, EventError
from pm.keys import DEFAULT_LANE
from pm.reference.snapshot import DuplicateRecord, Reference
from pm.reference.toml_source import ReferenceDataError, load_reference
from pm.settings import BooksSettings

PUBLISH_EVENTS = 1_000
REASONS_SHOWN = 10


@click.command()
@click.argument("file", type=click.File("r", encoding="utf-8"))
@click.option(
    "--instruments",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Reference data (TOML) to add first.",
)
@JSON_OPTION
@click.pass_obj
def ingest(options: Options, file: TextIO, instruments: Path | None, as_json: bool) -> None:
    """Apply the events of FILE, one JSON object a line (`-`: standard input).

    A malformed line stops everything before anything is applied. Events that cannot be applied
    (an unknown instrument, say) go to the quarantine with their reason.
    """
    from workers.consumer import Stalled

    events = _read(file)
    reference = _read_reference(instruments)
    with session(options) as current, current.client(decode=False) as client:
        ensure_library(client)
        if reference is not None:
            _merge(client, reference)
        by_book = _by_book(events, current.settings.books)
        ensure_books(current, client, sorted({*current.settings.books.names, *by_book}))
        results: Counter[str] = Counter()
        reasons: Counter[str] = Counter()
        try:
            for book, of_book in by_book.items():
                _apply(current, client, book, of_book, results, reasons)
        except Stalled as error:
            raise Failure(str(error)) from None
    _show(results, reasons, as_json)


def _read(file: TextIO) -> Sequence[Event]:
    try:
        return parse_lines(file)
    except EventError as error:
        raise Failure(f"{file.name}: {error}; nothing was applied") from None
    except UnicodeDecodeError:
        raise Failure(f"{file.name}: is not UTF-8 text; nothing was applied") from None


def _read_reference(path: Path | None) -> Reference | None:
    if path is None:
        return None
    try:
        return load_reference(path)
    except ReferenceDataError as error:
        raise Failure(f"{error}; nothing was applied") from None


def _merge(client: redis.Redis, reference: Reference) -> None:
    try:
        reference_store.merge(client, reference)
    except DuplicateRecord as error:
        raise Failure(f"{error}; nothing was applied") from None


def _by_book(events: Sequence[Event], books: BooksSettings) -> dict[str, list[Event]]:
    found: dict[str, list[Event]] = {}
    for event in events:
        strategy = event.strategy_id
        default = books.default_book if strategy is None else books.book_of(str(strategy))
        found.setdefault(event.book or default, []).append(event)
    return found


def _apply(
    current: Session,
    client: redis.Redis,
    book: str,
    events: Sequence[Event],
    results: Counter[str],
    reasons: Counter[str],
) -> None:
    from workers.draining import drain

    before = opening.head(client, book)
    assert before is not None
    entries: set[str] = set()
    last = ""
    for slice_ in _slices(events):
        ids = lanes.publish(client, book, map(pack, slice_), time.time_ns())
        entries.update(ids)
        last = ids[-1]
    drain(client, current.settings, book, DEFAULT_LANE, last, _progress(book, len(events)))
    for entry in journal.read(client, book, after=before.seq):
        facts = json.loads(entry["facts"])
        if facts.get("lane") == DEFAULT_LANE and facts["entry"] in entries:
            results[entry["result"]] += 1
            if entry["result"] == "refused":
                reasons[f"{entry['reason']}: {facts.get('detail', facts.get('id', ''))}"] += 1


def _slices(events: Sequence[Event]) -> Iterator[Sequence[Event]]:
    for start in range(0, len(events), PUBLISH_EVENTS):
        yield events[start : start + PUBLISH_EVENTS]


def _progress(book: str, count: int):  # type: ignore[no-untyped-def]
    shown_at = time.monotonic()

    def show(cursor: str) -> None:
        nonlocal shown_at
        if count >= PUBLISH_EVENTS and sys.stderr.isatty() and time.monotonic() - shown_at > 0.5:
            shown_at = time.monotonic()
            click.echo(f"book {book}: applied up to {cursor}", err=True)

    return show


def _show(results: Counter[str], reasons: Counter[str], as_json: bool) -> None:
    names = ("applied", "refused", "duplicate", "covered", "stale", "noted")
    if as_json:
        print_json({**{name: results[name] for name in names}, "reasons": dict(reasons)})
        return
    click.echo(", ".join(f"{name} {results[name]}" for name in names))
    for reason, count in reasons.most_common(REASONS_SHOWN):
        click.echo(f"  refused {count}: {reason}")
    if len(reasons) > REASONS_SHOWN:
        click.echo(f"  and {len(reasons) - REASONS_SHOWN} more reasons: `pm quarantine`")
    if any(reason.startswith("unknown_instrument") for reason in reasons):
        click.echo(
            "  name the instruments: `pm reference load FILE`, then `pm quarantine replay --all`"
        )


COMMANDS = [ingest]
