"""How far long work is: one line on a terminal's standard error, drawn over itself."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

_BETWEEN_S = 0.2


class EntryProgress:
    """Entries done, how many a second, and the time left; silent where nobody watches."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._started = time.monotonic()
        self._shown_at = 0.0
        self._width = 0
        self._first: int | None = None

    def show(self, done: int, of: int) -> None:
        """Tell that `done` of `of` entries are through."""
        now = time.monotonic()
        if self._first is None:
            self._first = done
        if not sys.stderr.isatty() or now - self._shown_at < _BETWEEN_S:
            return
        self._shown_at = now
        rate = (done - self._first) / max(now - self._started, 1e-9)
        left = f", {_duration((of - done) / rate)} left" if rate > 0 and of > done else ""
        line = f"{self.name}: {done:,} of {of:,} entries, {rate:,.0f} a second{left}"
        click.echo("\r" + line.ljust(self._width), err=True, nl=False)
        self._width = len(line)

    def end(self) -> None:
        """Leave the line as it is."""
        if self._width:
            click.echo("", err=True)


@contextmanager
def book_progress() -> Iterator[Callable[[str, int, int], None]]:
    """Shows how far the work on each book is: told the book, entries done and entries in all."""
    shown: dict[str, EntryProgress] = {}

    def show(book: str, done: int, of: int) -> None:
        shown.setdefault(book, EntryProgress(f"book {book}")).show(done, of)

    try:
        yield show
    finally:
        for progress in shown.values():
            progress.end()


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
