"""`pm mark`: what instruments and tokens are worth, and the valuation of positions at it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict
from functools import partial
from typing import IO, Any, Final

import click

from pm.books import opening, reference_store
from pm.cli.options import BOOK_OPTION
from pm.cli.output import JSON_OPTION, iso, print_json, print_table
from pm.cli.session import Failure, Options, ensure_library, session
from pm.marks import store
from pm.marks.frames import marks_of_frames
from pm.marks.lines import marks_of_tables, tables_of_lines
from pm.marks.mark import MANUAL, MARK_KINDS, SECOND_NS, Mark, MarkError, best_mark, is_fresh
from pm.marks.mark import mark_from_table as read_mark
from pm.marks.splits import Split, latest_split
from pm.reference.snapshot import Reference
from pm.settings import ValuationSettings

_CHUNK_BYTES = 65_536

_PASS_LABELS: Final = {
    "books": "books",
    "positions": "open positions",
    "valued": "newly valued",
    "unmarked": "without a mark",
    "stale": "at old marks",
    "torn": "books that could not be read",
    "duration_ms": "took, ms",
    "longest_hold_ms": "longest call, ms",
}
"""What a pass found, in words."""

Reader = Callable[[Reference, int], tuple[list[Mark], Counter[str]]]


@click.group("mark")
def mark_group() -> None:
    """Say what instruments and tokens are worth, and value positions at it."""


@mark_group.command("set")
@click.argument("subject")
@click.argument("price")
@click.option("--quote", help="Token the price is in (not needed for an instrument).")
@click.option("--time", "moment", help="Nanoseconds or an ISO date-time (default: now).")
@click.option("--source", default=MANUAL, show_default=True, help="Who says so.")
@click.option(
    "--class",
    "kind",
    type=click.Choice(MARK_KINDS),
    default="last",
    show_default=True,
    help="What kind of price it is; a fresh mark counts before a mid, a mid before a last.",
)
@JSON_OPTION
@click.pass_obj
def set_mark(
    options: Options,
    subject: str,
    price: str,
    quote: str | None,
    moment: str | None,
    source: str,
    kind: str,
    as_json: bool,
) -> None:
    """Record that one SUBJECT (an instrument or a token) is worth PRICE."""
    values = {
        "subject": subject,
        "price": price,
        "quote": quote,
        "time": moment,
        "source": source,
        "class": kind,
    }

    def read(reference: Reference, now_ns: int) -> tuple[list[Mark], Counter[str]]:
        return [read_mark({**values, "time": moment or now_ns}, reference, now_ns)], Counter()

    _record(options, read, as_json)


@mark_group.command("load")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option("--frames", is_flag=True, help="FILE holds frames as a relay sends them.")
@JSON_OPTION
@click.pass_obj
def load_marks(options: Options, file: str, frames: bool, as_json: bool) -> None:
    """Record the marks of FILE, one JSON object a line (`-`: standard input).

    A malformed line stops everything before anything is recorded. Of frames, the public trades are
    taken; what gives no mark is counted.
    """
    with click.open_file(file, "rb") as opened:
        reader = _read_frames if frames else partial(_read_lines, file)
        _record(options, partial(reader, opened), as_json)


def _record(options: Options, read: Reader, as_json: bool) -> None:
    with session(options) as current, current.client() as client:
        ensure_library(client)
        reference = reference_store.load_version(client)
        try:
            marks, skipped = read(reference, time.time_ns())
        except MarkError as error:
            raise Failure(f"{error}; nothing was recorded") from None
        counts = store.record(client, marks)
    if as_json:
        print_json({**counts._asdict(), "skipped": dict(skipped)})
        return
    click.echo(f"accepted {counts.accepted}, older {counts.older}")
    for reason, count in skipped.most_common():
        click.echo(f"  skipped {count}: {reason}")


def _read_lines(
    name: str, file: IO[bytes], reference: Reference, now_ns: int
) -> tuple[list[Mark], Counter[str]]:
    try:
        lines = file.read().decode("utf-8").split("\n")
        return marks_of_tables(tables_of_lines(lines), reference, now_ns), Counter()
    except UnicodeDecodeError:
        raise MarkError(f"{name}: is not UTF-8 text") from None
    except MarkError as error:
        raise MarkError(f"{name}: {error}") from None


def _read_frames(
    file: IO[bytes], reference: Reference, now_ns: int
) -> tuple[list[Mark], Counter[str]]:
    found = marks_of_frames(iter(partial(file.read, _CHUNK_BYTES), b""), reference, now_ns)
    return found.marks, found.skipped


@mark_group.command("list")
@click.option("--stale", "only_stale", is_flag=True, help="Only those too old to be fresh.")
@JSON_OPTION
@click.pass_obj
def list_marks(options: Options, only_stale: bool, as_json: bool) -> None:
    """Show the mark that counts for each subject and quote."""
    with session(options, writes=False) as current, current.client() as client:
        marks, splits = store.read_all(client), store.splits(client)
        valuation = current.settings.valuation
    now_ns = time.time_ns()
    rows = [
        _shown(group, splits.get(group[0].subject, ()), valuation, now_ns)
        for group in _by_pair(marks)
    ]
    if only_stale:
        rows = [row for row in rows if row["stale"]]
    if as_json:
        print_json(rows)
        return
    headings = ("subject", "price", "quote", "class", "source", "time (UTC)", "age s", "flag")
    print_table(headings, map(_row, rows), (1, 6))


def _by_pair(marks: Iterable[Mark]) -> list[list[Mark]]:
    groups: dict[tuple[str, str], list[Mark]] = {}
    for mark in marks:
        groups.setdefault(mark.pair, []).append(mark)
    return list(groups.values())


def _shown(
    group: list[Mark], splits: Iterable[Split], valuation: ValuationSettings, now_ns: int
) -> dict[str, Any]:
    max_age_s = valuation.mark_max_age_seconds
    valid_from = latest_split(splits, now_ns)
    valid = [mark for mark in group if mark.time >= valid_from]
    best = best_mark(valid or group, now_ns, max_age_s)
    assert best is not None
    return {
        "subject": best.subject,
        "quote": best.quote,
        "price": str(best.price),
        "time": best.time,
        "source": best.source,
        "class": best.kind,
        "age_s": (now_ns - best.time) // SECOND_NS,
        "stale": not is_fresh(best, now_ns, max_age_s),
        "before_split": not valid,
    }


def _row(shown: dict[str, Any]) -> tuple[str, ...]:
    flag = "stale" if shown["stale"] else ""
    return (
        shown["subject"],
        shown["price"],
        shown["quote"],
        shown["class"],
        shown["source"],
        iso(shown["time"]),
        str(shown["age_s"]),
        "before a split" if shown["before_split"] else flag,
    )


@mark_group.command("to-market")
@BOOK_OPTION
@JSON_OPTION
@click.pass_obj
def mark_to_market(options: Options, book: str | None, as_json: bool) -> None:
    """Value the positions of every book at the newest marks, now."""
    with session(options) as current, current.client() as client:
        if book is not None and book not in opening.names(client):
            raise Failure(f"book {book} does not exist")
        from pm.valuation.mark_to_market import run_pass

        ensure_library(client)
        done = run_pass(client, current.settings, books=None if book is None else [book])
    found = asdict(done)
    if as_json:
        print_json(found)
        return
    rows = [(label, _told(getattr(done, name))) for name, label in _PASS_LABELS.items()]
    print_table(("mark-to-market", ""), rows, (1,))


def _told(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(value) or "none"
    return f"{value:.1f}" if isinstance(value, float) else str(value)


COMMANDS = [mark_group]
