"""What was corrected on a day: the contributions of the restatements booked on it.

They are in the day's rows like everything else that was booked; here they stand by themselves, so
that a day's explanation can tell them from what was traded.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import redis

from pm import keys
from pm.attribution.money import total
from pm.attribution.rows import (
    AMOUNT_FIELDS,
    COUNT_FIELDS,
    TOKEN_FIELDS,
    Row,
    contribution_row,
    contributions,
)
from pm.attribution.scan import JournalIncomplete
from pm.connect.replies import text_of
from pm.days import utc_day
from pm.decimals import Amount
from pm.history import History, HistoryGap

_FIELDS = ("status", "ended_at", "seq")


def restated_rows(
    client: redis.Redis, history: History, book: str, day: str, through: int
) -> list[Row]:
    """The contributions of a day's restatements up to seq `through`.

    JournalIncomplete where history lacks one of them.
    """
    names: Any = client.zrange(keys.restatements(book), 0, -1)
    pipeline = client.pipeline(transaction=False)
    for name in names:
        pipeline.hmget(keys.pending(book, text_of(name)), _FIELDS)
    rows: list[Row] = []
    for values in pipeline.execute():
        status, ended_at, seq = [text_of(value or "") for value in values]
        if status == "restated" and utc_day(int(ended_at)) == day and int(seq) <= through:
            rows += _rows_of(history, book, int(seq))
    return rows


def negated(rows: Iterable[Row]) -> list[Row]:
    """Rows that take others out of a sum."""
    return [_negated_row(row) for row in rows]


def beside_leg(row: Row) -> Amount:
    """What a row made beside its legs."""
    return row.carry - row.transfer_cost - row.fee_value


def beside_legs(rows: Iterable[Row]) -> dict[str, Amount | None]:
    """What rows made beside their legs, per settlement token."""
    return dict(total({row.settlement: beside_leg(row)} for row in rows))


def _negated_row(row: Row) -> Row:
    figures: dict[str, Any] = {
        name: -getattr(row, name) for name in (*AMOUNT_FIELDS, *COUNT_FIELDS)
    }
    for name in TOKEN_FIELDS:
        amounts = getattr(row, name)
        figures[name] = {token: -amounts[token] for token in amounts}
    return replace(row, **figures)


def _rows_of(history: History, book: str, seq: int) -> list[Row]:
    try:
        (entry,) = history.read(book, after=seq - 1, through=seq)
    except HistoryGap as error:
        raise JournalIncomplete(str(error)) from None
    return [contribution_row(book, part) for part in contributions(entry["contribution"])]
