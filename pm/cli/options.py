"""Options that commands share, so that the same thing is called the same everywhere."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click

from pm.events.event_values import parse_words
from pm.events.model import MAX_STRATEGY_ID
from pm.reference.table import KeyFault


def moment(_: Any, option: Any, text: str | None) -> int | None:
    """Nanoseconds from themselves or an ISO date or date-time, UTC unless it says otherwise.

    A callback of click. Only an option of metavar SEQ takes a number that is too small for a time.
    """
    if text is None:
        return None
    takes_seq = "SEQ" in str(getattr(option, "metavar", ""))
    example = "write 2025-06-01 or 2025-06-01T12:00:00Z" + (" or a seq" if takes_seq else "")
    if text.isdecimal():
        from pm.client.as_of import FIRST_TIME

        if not takes_seq and int(text) < FIRST_TIME:
            raise click.BadParameter(f"{text} is too small for nanoseconds since 1970: {example}")
        return int(text)
    try:
        told = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is no time: {example}") from None
    if told.tzinfo is None:
        told = told.replace(tzinfo=UTC)
    seconds = int(told.replace(microsecond=0).timestamp())
    return (seconds * 1_000_000 + told.microsecond) * 1_000


def _words(text: str) -> str:
    """Words of one line, not empty; a type of click."""
    try:
        return parse_words(text, "")
    except KeyFault as error:
        raise click.BadParameter(str(error).removeprefix(": ")) from None


AT_OPTION = click.option(
    "--at",
    callback=moment,
    metavar="TIME|SEQ",
    help="As it was: by what had been received at a time, or after a journal entry.",
)
BOOK_OPTION = click.option("--book", help="Only this book (default: all books).")
BY_OPTION = click.option("--by", required=True, type=_words, help="Who says so.")
WHY_OPTION = click.option("--why", required=True, type=_words, help="The reason.")
STRATEGY_ID = click.IntRange(0, MAX_STRATEGY_ID)
