"""The `pm` command and its options; the commands themselves are in the files beside this one.

A command's file is imported when the command is run: what one needs, the others do not wait for.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Final

import click

from pm.cli.session import Options

_COMMANDS_OF: Final = {
    "ingestion": ("ingest",),
    "capital": ("reserve", "release", "deposit", "withdraw", "allocate", "transfer"),
    "corrections": ("bust", "correct", "adjust", "restatements"),
    "decoding": ("decode",),
    "marks": ("mark",),
    "reading": ("positions", "strategy", "balances", "reservations"),
    "risk": ("summary", "risk", "equity"),
    "attribution": ("attribution", "explain"),
    "tracing": ("trace", "traces"),
    "history": ("journal", "watch"),
    "processes": ("worker", "valuation", "gateway", "stop", "demo"),
    "jobs": ("jobs",),
    "doctor": ("doctor",),
    "administration": ("quarantine", "reference", "functions"),
    "proof": ("verify",),
    "rebuilding": ("rebuild",),
    "reconciling": ("reconcile",),
    "breaks": ("breaks",),
    "archiving": ("archive",),
    "benchmarking": ("bench",),
    "monitoring": ("metrics", "health"),
}
_FILE_OF: Final = {name: file for file, names in _COMMANDS_OF.items() for name in names}


class _Group(click.Group):
    """Finds commands by name, and ends quietly when the reader of a pipe goes away."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_FILE_OF)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        file = _FILE_OF.get(cmd_name)
        if file is None:
            return None
        commands: list[click.Command] = import_module(f"pm.cli.{file}").COMMANDS
        return next(command for command in commands if command.name == cmd_name)

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(0)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the private server used when no other is configured (default .pm).",
)
@click.option("--redis", "redis_url", help="URL of a Redis or Valkey server (or PM_REDIS_URL).")
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Settings file (default config/portfolio.toml if it is there).",
)
@click.version_option(package_name="portfolio-manager", prog_name="pm")
@click.pass_context
def main(
    context: click.Context, data: Path | None, redis_url: str | None, config: Path | None
) -> None:
    """What the firm holds, what it paid, what it has made, and why: exact, in Redis."""
    context.obj = Options(data, redis_url, config)


if __name__ == "__main__":
    main()
