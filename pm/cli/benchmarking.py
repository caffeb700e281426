"""`pm bench`: what things cost on this machine."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from pm.cli.output import JSON_OPTION, print_json, print_table
from pm.cli.session import Failure

PART_NAMES = (
    "apply",
    "stream",
    "read",
    "flat",
    "queries",
    "reserve",
    "valuation",
    "archive",
    "decode",
    "failover",
    "peer",
    "rebuild",
)


@click.command()
@click.option("--part", "parts", multiple=True, type=click.Choice(PART_NAMES), help="Only this.")
@click.option("--quick", is_flag=True, help="Smaller counts: where things stand, not to quote.")
@click.option("--server", help="A Redis or Valkey program to measure (default: the embedded one).")
@JSON_OPTION
def bench(parts: tuple[str, ...], quick: bool, server: str | None, as_json: bool) -> None:
    """Measure fills, queries, reservations, passes, frames and failover on private servers."""
    from pm.bench import BenchError, Scale, machine, run_parts
    from pm.bench.private_server import server_program
    from pm.server import EmbeddedServerError

    measure = Scale.quick if quick else Scale.full
    try:
        with TemporaryDirectory(prefix="pmb-") as kept:
            scale = measure(server_program(server), _progress, Path(kept))
            about = machine(scale)
            found = []
            for result in run_parts(parts or PART_NAMES, scale):
                found.append(asdict(result))
                if not as_json:
                    _show(result, about, _command(result.part, quick, server))
    except (BenchError, EmbeddedServerError) as error:
        raise Failure(str(error)) from None
    if as_json:
        print_json({"machine": about, "quick": quick, "parts": found})


def _show(result: Any, about: dict[str, str | int], command: str) -> None:
    from pm.bench.figures import shown

    headings = list(result.rows[0])
    right = [
        place for place, name in enumerate(headings) if not isinstance(result.rows[0][name], str)
    ]
    click.echo(f"{result.title}")
    print_table(headings, [[shown(row[name]) for name in headings] for row in result.rows], right)
    for note in result.notes:
        click.echo(note)
    click.echo(f"{command}  ({about['cpus']} CPUs, {about['server']}, Python {about['python']})\n")


def _command(part: str, quick: bool, server: str | None) -> str:
    words = ["pm bench", f"--part {part}"]
    words += ["--quick"] if quick else []
    words += [f"--server {server}"] if server else []
    return " ".join(words)


def _progress(line: str) -> None:
    click.echo(f"bench: {line}", err=True)


COMMANDS = [bench]
