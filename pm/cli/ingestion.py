"""`pm ingest`: the events and marks of a file into the books."""

from __future__ import annotations

import json
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

import click
import redis

from pm.books import lanes, opening, reference_store
from pm.cli.making import Made, make_corrections
from pm.cli.output import JSON_OPTION, print_json
from pm.cli.routing import books_of, in_parts, whereabouts
from pm.cli.session import Failure, Options, Session, ensure_books, ensure_library, session
from pm.decimals import Amount
from pm.events.lines import MarkLine, parse_lines
from pm.events.message import pack
from pm.events.model import Event, EventError, Split
from pm.history.opening import open_history
from pm.keys import DEFAULT_LANE
from pm.marks import store
from pm.marks.lines import marks_of_tables
from pm.marks.mark import Mark, MarkError
from pm.reference.snapshot import DuplicateRecord, Reference
from pm.reference.text_ids import unescape_id
from pm.reference.toml_source import ReferenceDataError, load_reference

PUBLISH_EVENTS = 1_000
REASONS_SHOWN = 10
_BOOK = re.compile(r"[A-Za-z0-9._-]{1,128}", re.ASCII)
_RESULTS = ("applied", "refused", "duplicate", "covered", "stale", "noted", "declined")

Reasons = Counter[tuple[str, str]]


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
    """Apply the events and marks of FILE, one JSON object a line (`-`: standard input).

    A malformed line stops everything before anything is applied. Events that cannot be applied
    (an unknown instrument, say) go to the quarantine with their reason.

    An event goes to its `book`, else to its strategy's, else to the default book. But what happens
    to an instrument (split, expiry, exercise, settlement, dividend) goes to every book, counts in
    each, and is noted where nobody holds it. A payment with its `amount` is one account's, and so
    of the default book; a dividend is paid in the books where it is receivable.
    """
    from workers.consumer import Stalled

    events, mark_lines = _read(file)
    _check_books(file.name, events)
    reference = _read_reference(instruments)
    with session(options) as current, current.client(decode=False) as client:
        ensure_library(client)
        marks = _marks(client, file.name, mark_lines, reference)
        if reference is not None:
            _merge(client, reference)
        every = _every_book(current, client, events)
        opened = _opened(current, client, every)
        ensure_books(current, client, every)
        store.record(client, marks)
        _record_splits(client, events)
        results: Counter[str] = Counter()
        reasons: Reasons = Counter()
        try:
            for part in in_parts(events):
                for book, of_book in _by_book(current, client, part, every).items():
                    _apply(current, client, book, of_book, results, reasons)
        except Stalled as error:
            raise Failure(str(error)) from None
        except reference_store.ReferenceMissing as error:
            raise Failure(
                f"{error}. What was sent of {file.name} waits in its lane, and is applied once that"
                " is done, by a worker or by the same `pm ingest` again: nothing counts twice"
            ) from None
        made = make_corrections(current, client, every)
    _show(results, reasons, len(marks), opened, made, as_json)


def _read(file: TextIO) -> tuple[Sequence[Event], Sequence[MarkLine]]:
    marks: list[MarkLine] = []
    try:
        return parse_lines(file, marks), marks
    except EventError as error:
        raise Failure(f"{file.name}: {error}; nothing was applied") from None
    except UnicodeDecodeError:
        raise Failure(f"{file.name}: is not UTF-8 text; nothing was applied") from None


def _check_books(name: str, events: Sequence[Event]) -> None:
    """Failure for a book that no setting could name: it would be opened, and never served."""
    for event in events:
        if event.book is not None and not _BOOK.fullmatch(event.book):
            book = unescape_id(event.book)
            fault = f"book {book!r} must be 1 to 128 of A-Z a-z 0-9 . _ -"
            raise Failure(f"{name}: {event.kind}: {fault}; nothing was applied")


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


def _marks(
    client: redis.Redis, name: str, lines: Sequence[MarkLine], reference: Reference | None
) -> list[Mark]:
    """The marks of the file, by the reference data that will be there, before it is."""
    if not lines:
        return []
    stored = reference_store.load_version(client)
    try:
        known = stored if reference is None else _combined(stored, reference)
        return marks_of_tables(lines, known)
    except MarkError as error:
        raise Failure(f"{name}: {error}; nothing was applied") from None
    except DuplicateRecord as error:
        raise Failure(f"{error}; nothing was applied") from None


def _combined(stored: Reference, new: Reference) -> Reference:
    return Reference.build(
        stored.version,
        {**stored.instruments, **new.instruments}.values(),
        {**stored.tokens, **new.tokens}.values(),
        {**stored.venues, **new.venues}.values(),
    )


def _every_book(current: Session, client: redis.Redis, events: Sequence[Event]) -> list[str]:
    named = {event.book for event in events if event.book is not None}
    return sorted({*current.settings.books.names, *opening.names(client), *named})


def _opened(current: Session, client: redis.Redis, every: Sequence[str]) -> list[str]:
    """The books that are opened only because events name them."""
    return sorted({*every} - {*current.settings.books.names} - {*opening.names(client)})


def _record_splits(client: redis.Redis, events: Sequence[Event]) -> None:
    """Tell the marks of splits before the books: a price from before must value nothing after."""
    for event in events:
        if isinstance(event, Split):
            ratio = Amount.parse(event.numerator), Amount.parse(event.denominator)
            store.record_split(client, event.instrument, event.event_id, event.executed_at, *ratio)


def _by_book(
    current: Session, client: redis.Redis, events: Sequence[Event], every: Sequence[str]
) -> dict[str, list[Event]]:
    where = whereabouts(client, every)
    found: dict[str, list[Event]] = {}
    for event in events:
        for book in books_of(event, current.settings.books, every, where):
            found.setdefault(book, []).append(event)
    return found


def _apply(
    current: Session,
    client: redis.Redis,
    book: str,
    events: Sequence[Event],
    results: Counter[str],
    reasons: Reasons,
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
    after = opening.head(client, book)
    assert after is not None
    history = open_history(client, current.settings)
    for entry in history.read(book, after=before.seq, through=after.seq):
        facts = json.loads(entry["facts"])
        if facts.get("lane") == DEFAULT_LANE and facts["entry"] in entries:
            results[entry["result"]] += 1
            if entry["result"] in ("refused", "declined"):
                reason = f"{entry['reason']}: {facts.get('detail', facts.get('id', ''))}"
                reasons[entry["result"], reason] += 1


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


def _show(
    results: Counter[str],
    reasons: Reasons,
    marks: int,
    opened: Sequence[str],
    made: Made,
    as_json: bool,
) -> None:
    if as_json:
        counts = {name: results[name] for name in _RESULTS}
        told = {reason: count for (_, reason), count in reasons.items()}
        corrections = {"corrections": dict(made)} if made else {}
        opened_ = {"marks": marks, "opened": list(opened), "reasons": told}
        print_json({**counts, **opened_, **corrections})
        return
    for book in opened:
        click.echo(f"opened book {book}")
    line = ", ".join(f"{name} {results[name]}" for name in _RESULTS)
    click.echo(f"{line}, marks {marks}" if marks else line)
    if made:
        click.echo(f"corrections: {', '.join(f'{name} {made[name]}' for name in sorted(made))}")
    for (result, reason), count in reasons.most_common(REASONS_SHOWN):
        click.echo(f"  {result} {count}: {reason}")
    if len(reasons) > REASONS_SHOWN:
        click.echo(f"  and {len(reasons) - REASONS_SHOWN} more reasons: `pm quarantine`")
    if any(reason.startswith("unknown_instrument") for _, reason in reasons):
        click.echo(
            "  name the instruments: `pm reference load FILE`, then `pm quarantine replay --all`"
        )


COMMANDS = [ingest]
