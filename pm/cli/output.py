"""How results are shown: tables for people, JSON for programs; nothing needs a terminal."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import click

JSON_OPTION = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def print_json(value: Any) -> None:
    """One JSON document; amounts are decimal strings already."""
    click.echo(json.dumps(value, indent=2 if sys.stdout.isatty() else None))


def iso(time_ns: int | None) -> str:
    """UTC time of nanoseconds since 1970, to the microsecond; "-" when there is none."""
    if not time_ns:
        return "-"
    seconds, rest = divmod(time_ns, 1_000_000_000)
    moment = datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest // 1000)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def token_amounts(amounts: Any) -> str:
    """`3.25 USDT, 0.001 BNB`; "0" when there is none."""
    return ", ".join(f"{amount} {token}" for token, amount in amounts.items()) or "0"


def table(
    headings: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[int] = ()
) -> list[str]:
    """Lines of a table with aligned columns; `right` names the columns of numbers."""
    cells = [list(headings), *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(headings))]
    lines = []
    for row in cells:
        parts = [
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(parts).rstrip())
    return lines


def print_table(
    headings: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[int] = ()
) -> None:
    """Print a table, its headings bold on a terminal that allows it."""
    heading, *lines = table(headings, rows, right)
    click.echo(click.style(heading, bold=True) if has_colour() else heading)
    for line in lines:
        click.echo(line)


def has_colour() -> bool:
    """Whether standard output is a terminal and nobody asked for plain text."""
    return (
        sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    )
