"""Options that commands share, so that the same thing is called the same everywhere."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click

from pm.events.model import MAX_STRATEGY_ID


def moment(_: Any, option: Any, text: str | None) -> int | None:
    """Nanoseconds from themselves or an ISO date or date-time, UTC unless it says otherwise.

    A callback of click.
    """
    if text is None or text.isdecimal():
        return None if text is None else int(text)
    try:
        told = datetime.fromisoformat(text)
    except ValueError:
        example = "write 2025-06-01 or 2025-06-01T12:00:00Z"
        example += " or a seq" if "SEQ" in str(getattr(option, "metavar", "")) else ""
        raise click.BadParameter(f"{text!r} is no time: {example}") from None
    if told.tzinfo is None:
        told = told.replace(tzinfo=UTC)
    seconds = int(told.replace(microsecond=0).timestamp())
    return (seconds * 1_000_000 + told.microsecond) * 1_000


AT_OPTION = click.option(
    "--at",
    callback=moment,
    metavar="TIME|SEQ",
    help="As it was: by what had been received at a time, or after a journal entry.",
)
BOOK_OPTION = click.option("--book", help="Only this book (default: all books).")
BY_OPTION = click.option("--by", required=True, help="Who says so.")
WHY_OPTION = click.option("--why", required=True, help="The reason.")
STRATEGY_ID = click.IntRange(0, MAX_STRATEGY_ID)
