"""What a strategy held and had made at any earlier moment, from the present and the rows since.

The books keep no history of positions, and need none: a quantity at any day's end is the present
one less what later rows added, and so is everything else that rows sum. The present and the rows
must therefore be of one moment; `pm.attribution.stored` reads them so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pm.attribution.rows import NO_INSTRUMENT, Row
from pm.attribution.sums import Place, add
from pm.attribution.worth import Terms
from pm.decimals import ZERO, Amount


@dataclass(frozen=True, slots=True)
class Held:
    """How much of an instrument is held; `unvalued` are fees without a value yet, per token."""

    terms: Terms
    quantity: Amount
    unvalued: Mapping[str, Amount] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """One strategy in one book at one moment.

    `positions` are by instrument: all that are open, and those later rows name. `legs` is the sum
    of all notionals (open cost − realized P&L) and `booked` is carry − transfer cost − fee value,
    both of the whole life per settlement token. With V for what the positions are worth, the
    cumulative net P&L is V − legs + booked, unless `unvalued` has a fee in a token, paid in any
    position, that has no value yet.
    """

    book: str
    strategy: str
    seq: int
    positions: Mapping[str, Held]
    legs: Mapping[str, Amount]
    booked: Mapping[str, Amount]
    unvalued: Mapping[str, Amount] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """One position over a range: quantities at its ends, and the sums of its rows inside."""

    book: str
    strategy: str
    terms: Terms
    start_quantity: Amount
    end_quantity: Amount
    notional: Amount
    realized_pnl: Amount
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True)
class Chapter:
    """A life as it stood at the end of a range, and its rows inside the range."""

    end: Life
    rows: Sequence[Row]

    @property
    def start(self) -> Life:
        """The life as it stood when the range began."""
        return rolled_back(self.end, self.rows)


def rolled_back(life: Life, rows: Iterable[Row]) -> Life:
    """The life before `rows`, which must be the last it lived through."""
    quantities = {name: held.quantity for name, held in life.positions.items()}
    fees = {name: dict(held.unvalued) for name, held in life.positions.items()}
    legs, booked, unvalued = dict(life.legs), dict(life.booked), dict(life.unvalued)
    for row in rows:
        if row.instrument in quantities:
            quantities[row.instrument] -= row.quantity
        for token, amount in row.fees_unvalued.items():
            add(unvalued, token, -amount)
            if row.instrument in fees:
                add(fees[row.instrument], token, -amount)
        if row.settlement:
            add(legs, row.settlement, -row.notional)
            add(booked, row.settlement, row.transfer_cost + row.fee_value - row.carry)
    positions = {
        name: replace(held, quantity=quantities[name], unvalued=fees[name])
        for name, held in life.positions.items()
    }
    return replace(life, positions=positions, legs=legs, booked=booked, unvalued=unvalued)


def fees_outstanding(chapters: Iterable[Chapter]) -> dict[Place, Mapping[str, Amount]]:
    """The fees without a value at the end of each chapter, by position and token."""
    return {
        (chapter.end.book, chapter.end.strategy, name): held.unvalued
        for chapter in chapters
        for name, held in chapter.end.positions.items()
        if held.unvalued
    }


def stretches(chapter: Chapter) -> list[Stretch]:
    """Every position of a chapter by instrument, without those that were flat and idle."""
    of_instrument: dict[str, list[Row]] = {}
    for row in chapter.rows:
        if row.instrument != NO_INSTRUMENT:
            of_instrument.setdefault(row.instrument, []).append(row)
    found = []
    for instrument, held in sorted(chapter.end.positions.items()):
        rows = of_instrument.get(instrument, [])
        if not (held.quantity or rows):
            continue
        found.append(
            Stretch(
                book=chapter.end.book,
                strategy=chapter.end.strategy,
                terms=held.terms,
                start_quantity=held.quantity - sum((row.quantity for row in rows), ZERO),
                end_quantity=held.quantity,
                notional=sum((row.notional for row in rows), ZERO),
                realized_pnl=sum((row.realized_pnl for row in rows), ZERO),
                rows=rows,
            )
        )
    return found


def days_apart(chapter: Chapter, days: Iterable[str]) -> dict[str, Chapter]:
    """A chapter for each of its days."""
    of_day: dict[str, list[Row]] = {}
    for row in chapter.rows:
        of_day.setdefault(row.day, []).append(row)
    found: dict[str, Chapter] = {}
    life = chapter.end
    for day in sorted(days, reverse=True):
        rows = of_day.get(day, [])
        found[day] = Chapter(life, rows)
        life = rolled_back(life, rows) if rows else life
    return found
