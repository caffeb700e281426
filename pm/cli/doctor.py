"""The command that looks for what could go wrong."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import click

from pm.cli.output import JSON_OPTION, has_colour, print_json
from pm.cli.session import EXIT_FAILED, Options, WrongSettings, load
from pm.doctor import Finding, examine, worst
from pm.doctor.finding import fault
from pm.doctor.rights import NEEDS
from pm.wording import number_of

_COLOURS = {"ok": "green", "warning": "yellow", "fault": "red"}
_WIDTH = 17


@click.command()
@click.option("--role", type=click.Choice(sorted(NEEDS)), help="Check the user's rights for it.")
@JSON_OPTION
@click.pass_obj
def doctor(options: Options, role: str | None, as_json: bool) -> None:
    """Look for what could go wrong: server, rights, clock, disks, books, settings.

    Changes nothing, and works while the server is down. Exit code 1 if there is a fault.
    """
    found = []
    for finding in _findings(options, role):
        found.append(finding)
        if not as_json:
            _print(finding)
    level = worst(found)
    if as_json:
        print_json({"level": level, "findings": [asdict(finding) for finding in found]})
    else:
        counts = {name: sum(f.level == name for f in found) for name in ("fault", "warning", "ok")}
        faults = number_of(counts["fault"], "fault")
        warnings = number_of(counts["warning"], "warning")
        click.echo(f"\n{faults}, {warnings}, {counts['ok']} well")
    sys.exit(EXIT_FAILED if level == "fault" else 0)


def _findings(options: Options, role: str | None) -> Iterator[Finding]:
    named = os.environ.get("PM_CONFIG")
    try:
        settings = load(options)
    except WrongSettings as error:
        for line in error.message.splitlines():
            yield fault("settings", line, "correct it; the rest is looked at when it is right")
        return
    yield from examine(settings, options.config or (Path(named) if named else None), role)


def _print(finding: Finding) -> None:
    level = f"{finding.level:8}"
    if has_colour():
        level = click.style(level, fg=_COLOURS[finding.level])
    click.echo(f"{level} {finding.subject:{_WIDTH}} {finding.text}")
    if finding.remedy:
        click.echo(f"{'':{_WIDTH + 9}} → {finding.remedy}")


COMMANDS = [doctor]
