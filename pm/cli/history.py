"""Commands that follow the books through time: journal, watch."""

from __future__ import annotations

import json
from typing import Any

import click

from pm.cli.options import BOOK_OPTION
from pm.cli.output import JSON_OPTION, iso, print_json, print_table, token_amounts
from pm.cli.reader import books_of, reader
from pm.cli.session import Failure, Options, failures
from pm.client import (
    BalanceChange,
    Client,
    FeedError,
    JournalEntry,
    PositionChange,
    TraceStranded,
    Update,
    to_json,
)
from pm.client.feed import feed
from pm.corrections import requests
from pm.corrections.listing import restated_by

_SHOWN = (
    "strategy", "instrument", "quantity", "price", "token", "amount", "status", "execution",
)  # fmt: skip
_FAILED = "correction_failed"


@click.command()
@click.option("--from", "start", type=click.IntRange(1), help="First seq (default: the last ones).")
@click.option(
    "--count", type=click.IntRange(1), help="How many (default: all with --json, else 20)."
)
@BOOK_OPTION
@JSON_OPTION
@click.pass_obj
def journal(
    options: Options, start: int | None, count: int | None, book: str | None, as_json: bool
) -> None:
    """Show the journal: every event, what it did, and the hash chain."""
    with reader(options) as client:
        entries: list[JournalEntry] = []
        restated: dict[tuple[str, int], int] = {}
        failed: dict[tuple[str, int], str] = {}
        for name in books_of(client, book):
            found_entries = _entries(client, name, start, count, as_json)
            entries.extend(found_entries)
            failed |= _failed_executions(client, name, found_entries)
            found = restated_by(client.server, name)
            restated |= {(name, trade): seq for trade, seq in found.items()}
    if as_json:
        print_json([_told(entry, restated) for entry in entries])
        return
    headings = ("book", "seq", "event", "result", "reason", "what", "executed (UTC)", "digest")
    print_table(headings, [_entry_row(entry, restated, failed) for entry in entries], (1,))


def _told(entry: JournalEntry, restated: dict[tuple[str, int], int]) -> dict[str, Any]:
    told: dict[str, Any] = to_json(entry)
    seq = restated.get((entry.book, entry.seq))
    return told if seq is None else {**told, "restated_by": seq}


def _entries(
    client: Client, book: str, start: int | None, count: int | None, as_json: bool
) -> list[JournalEntry]:
    wanted = count if count is not None else (None if as_json or start else 20)
    if start is None and wanted is not None:
        latest = client.journal(count=wanted, newest_first=True, book=book)
        return list(reversed(latest.items))
    found: list[JournalEntry] = []
    following = start or 1
    while wanted is None or len(found) < wanted:
        size = 1000 if wanted is None else min(1000, wanted - len(found))
        part = client.journal(following, count=size, book=book).items
        found.extend(part)
        if len(part) < size:
            break
        following = part[-1].seq + 1
    return found


def _failed_executions(
    client: Client, book: str, entries: list[JournalEntry]
) -> dict[tuple[str, int], str]:
    """Which trade each correction was of that failed: its entry names the correction alone."""
    found = {}
    for entry in entries:
        if entry.event == _FAILED:
            asked = requests.stored(client.server, book, str(entry.facts["correction"]))
            found[book, entry.seq] = asked.get("execution", "")
    return found


def _entry_row(
    entry: JournalEntry,
    restated: dict[tuple[str, int], int],
    failed: dict[tuple[str, int], str],
) -> tuple[str, ...]:
    facts = entry.facts
    what = [str(facts[name]) for name in _SHOWN if name in facts]
    reason = entry.reason
    if entry.event == _FAILED:
        what.append(failed[entry.book, entry.seq])
        reason = reason or str(facts["reason"])
    if (entry.book, entry.seq) in restated:
        what.append(f"restated by {restated[entry.book, entry.seq]}")
    executed_at = facts.get("executed_at")
    return (
        entry.book,
        str(entry.seq),
        entry.event,
        entry.result,
        reason,
        " ".join(what),
        iso(int(str(executed_at)) if executed_at else None),
        entry.digest[:12],
    )


@click.command()
@click.option(
    "--from",
    "from_seq",
    type=click.IntRange(1),
    help="First seq to show (default: what happens from now on).",
)
@click.option("--book", help="Which book (default: the default book).")
@click.option("--count", type=click.IntRange(1), help="Stop after so many updates.")
@JSON_OPTION
@click.pass_obj
def watch(
    options: Options, from_seq: int | None, book: str | None, count: int | None, as_json: bool
) -> None:
    """Follow the updates of a book as they happen (Ctrl-C ends)."""
    seen = 0
    with reader(options) as client, failures(), feed(client, book, from_seq) as updates:
        try:
            for update in updates:
                _show_update(update, as_json)
                seen += 1
                if count is not None and seen >= count:
                    return
        except FeedError as error:
            raise Failure(str(error)) from None
        except KeyboardInterrupt:
            return


def _show_update(update: Update, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(to_json(update)))
        return
    for change in update.changes:
        click.echo(f"{update.seq}  {iso(update.timestamp)}  {change.update_type}  {_what(change)}")


def _what(change: PositionChange | BalanceChange | TraceStranded) -> str:
    match change:
        case BalanceChange():
            return f"{change.location} {change.token} total {change.new_balance.total}"
        case TraceStranded():
            return f"trace {change.trace_id} left {token_amounts(change.stranded)}"
        case PositionChange():
            return (
                f"strategy {change.strategy_id} {change.instrument_id}"
                f" quantity {change.new_position.quantity}"
                f" realized {change.new_position.realized_pnl}"
            )


COMMANDS = [journal, watch]
