"""What every command starts with: settings, and a server that may be used.

Without a configured server the command joins the private one of its data folder, starting it if it
is the first. Foreseeable trouble ends as one line on standard error and a non-zero exit code.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import redis
from redis import exceptions

from pm.archive import ArchiveError
from pm.archive.fitting import refuse_lost
from pm.books import opening, reference_store
from pm.books.opening import BookError
from pm.connect import ServerError, check_server, connect, in_one_line
from pm.functions import library
from pm.functions.library import LibraryMissing
from pm.history import HistoryGap
from pm.server import EmbeddedServerError, embedded_server
from pm.settings import Settings, SettingsError, load_settings

EXIT_FAILED = 1
EXIT_USAGE = 2


@dataclass(frozen=True, slots=True)
class Options:
    """What the `pm` group was given before the command."""

    data: Path | None
    redis_url: str | None
    config: Path | None


@dataclass(frozen=True, slots=True)
class Session:
    """Settings in force and the server behind them; `target` may hold a password, `shown` never."""

    settings: Settings
    target: str
    shown: str

    def client(self, *, role: str = "cli", decode: bool = True, **options: Any) -> redis.Redis:
        """A client of the server."""
        return connect(self.target, role=role, decode=decode, **options)


class Failure(click.ClickException):
    """Foreseeable trouble: one line, exit code 1."""

    exit_code = EXIT_FAILED

    def show(self, file: Any = None) -> None:
        """Print the text, every line of it with the name of the program, without click's usage."""
        for line in self.message.splitlines():
            click.echo(f"pm: {line}", err=True)


class WrongSettings(Failure):
    """A setting is wrong: one line for each fault, exit code 2."""

    exit_code = EXIT_USAGE


def load(options: Options) -> Settings:
    """The settings in force, or WrongSettings naming every fault."""
    overrides = {"data": options.data, "redis.url": options.redis_url}
    try:
        return load_settings(options.config, os.environ, overrides)
    except SettingsError as error:
        raise WrongSettings(str(error)) from None


@contextmanager
def session(options: Options, *, writes: bool = True, opens: bool = True) -> Iterator[Session]:
    """A checked server for the time of one command.

    With `opens`, a private server that is new gets the configured books.
    """
    settings = load(options)
    with failures():
        if settings.redis.target is not None:
            with connect(settings.redis.target, role="cli") as client:
                check_server(
                    client,
                    settings.redis.target,
                    writes=writes,
                    allow_no_persistence=settings.redis.allow_no_persistence,
                )
            yield Session(settings, settings.redis.target, settings.redis.shown or "")
            return
        with embedded_server(settings.data, settings.redis.appendfsync) as target:
            private = Session(settings, target, target)
            if opens:
                _prepare(private)
            yield private


def _prepare(private: Session) -> None:
    """Open the configured books of a private server that is new, so that there is one to read."""
    with private.client() as client:
        if not opening.names(client):
            ensure_library(client)
            ensure_books(private, client, list(private.settings.books.names))


@contextmanager
def failures() -> Iterator[None]:
    """Turns what may be foreseen into a Failure."""
    try:
        yield
    except (EmbeddedServerError, ServerError, BookError, LibraryMissing) as error:
        raise Failure(str(error)) from None
    except (reference_store.ReferenceMissing, ArchiveError, HistoryGap) as error:
        raise Failure(str(error)) from None
    except exceptions.NoPermissionError as error:
        raise Failure(f"the server's user may not do this: {error}") from None
    except exceptions.RedisError as error:
        with_line = _one_line(error)
        raise Failure(with_line) from None
    except OSError as error:
        raise Failure(f"{error.strerror or error}: {error.filename or ''}".rstrip(": ")) from None


def _one_line(error: Exception) -> str:
    try:
        with in_one_line("the server"):
            raise error
    except ServerError as shown:
        return str(shown)
    except exceptions.RedisError as shown:
        return str(shown)


def ensure_library(client: redis.Redis) -> None:
    """Load the function library if the server lacks it; LibraryMissing where that is forbidden."""
    try:
        library.load(client)
    except exceptions.NoPermissionError:
        name = library.current().name
        raise LibraryMissing(
            f"function library {name} is not loaded and this user may not load it:"
            " run `pm functions load` as an administrator"
        ) from None


def ensure_books(current: Session, client: redis.Redis, names: list[str]) -> None:
    """Open the books that do not exist and bring all to the newest reference data."""
    size = current.settings.portfolio_manager.seen_generation_size
    version = reference_store.current_version(client)
    for name in names:
        refuse_lost(client, current.settings.archive_path, name)
        opening.open_book(client, name, seen_generation_size=size)
        opening.adopt_reference(client, name, version, 0)
