"""The `pm` command and its options; the commands themselves are in the files beside this one."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from pm.cli import administration, benchmarking, decoding, ingestion, processes, reading
from pm.cli.session import Options


class _Group(click.Group):
    """Ends quietly when the reader of a pipe goes away."""

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


for module in (ingestion, decoding, reading, processes, administration, benchmarking):
    for command in module.COMMANDS:
        main.add_command(command)


if __name__ == "__main__":
    main()
