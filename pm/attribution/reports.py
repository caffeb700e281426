"""The two questions asked of attribution, answered from Redis: how a strategy did, and why a day.

Whole days are answered from day rows alone; the journal is read for times within a day, and where
trades, trips or traces are wanted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, Literal

import redis

from pm.attribution import equity, stored
from pm.attribution.answer import (
    EquityFigures,
    PerformanceAttribution,
    TimePeriod,
)
from pm.attribution.bookings import Bookings, Span, rows_of
from pm.attribution.explanation import Day, Explanation, explain
from pm.attribution.holdings import Chapter, rolled_back
from pm.attribution.money import Exchange, Gaps
from pm.attribution.performance import Question, Traces, attribute, day_rows
from pm.attribution.period import Range, iso_second, parse_range
from pm.attribution.price_pnl import Edges
from pm.attribution.prices import Moments, Wanted
from pm.attribution.restated import restated_rows
from pm.attribution.rows import Row
from pm.attribution.scan import scan
from pm.attribution.spreads import Spreads
from pm.attribution.stored import Told
from pm.attribution.worth import PriceSet, Terms
from pm.days import DAY_NS, midnight_ns, utc_day
from pm.history.opening import open_history
from pm.reference.snapshot import Reference
from pm.settings import Settings

Granularity = Literal["trade_level", "daily", "position_level"]

SEVERAL_BOOKS: Final = "the strategy is in several books, each with equity points of its own"
_WIDEN_BY_DAYS: Final = (0, 31, 366, 3660)


class UnknownStrategy(LookupError):
    """No book has anything of a strategy."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where answers come from; `now_ns` is the moment whose marks are the current ones."""

    client: redis.Redis
    settings: Settings
    reference: Reference
    books: Sequence[str]
    now_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A range as text (None: from the first booking, to now), and the kind of rows."""

    start: str | None = None
    end: str | None = None
    granularity: Granularity
    detailed: bool


def performance(source: Source, strategy: str, asked: Asked) -> PerformanceAttribution:
    """How a strategy did over a range; UnknownStrategy, or ValueError for a range that is none."""
    books = [book for book in source.books if strategy in stored.strategies_of(source.client, book)]
    if not books:
        raise UnknownStrategy(f"no book knows strategy {strategy}")
    lives = [stored.lifetime(source.client, book, strategy) for book in books]
    wanted = parse_range(asked.start, asked.end, min(first for first, _ in lives), source.now_ns)
    latest = max(source.now_ns, *(last for _, last in lives))
    told = [_told(source, book, strategy, wanted, asked, latest) for book in books]
    wanted = _widened(wanted, asked, [row.day for part in told for row in part.rows])
    return _answer(source, strategy, asked, wanted, told)


def explanation(source: Source, day: str, strategy: str | None) -> Explanation:
    """Why one UTC day was as it was, for a strategy or all of them; ValueError before it begins."""
    wanted = Range(midnight_ns(day), midnight_ns(day) + DAY_NS)
    if wanted.start > source.now_ns:
        raise ValueError(f"{day} has not begun yet")
    told = []
    for book in source.books:
        names = stored.strategies_of(source.client, book)
        names = [name for name in names if strategy in (None, name)]
        if not names:
            continue
        latest = max(
            source.now_ns, *(stored.lifetime(source.client, book, name)[1] for name in names)
        )
        told += stored.read(source.client, book, names, day, utc_day(latest + DAY_NS))
    if strategy is not None and not told:
        raise UnknownStrategy(f"no book knows strategy {strategy}")
    chapters = [_chapter(part, wanted, None) for part in told]
    moments = _moments(source, chapters)
    moments.load_closes((wanted.start, wanted.end))
    start, end, gaps = moments.at(wanted.start), moments.at(wanted.end), Gaps()
    currency = source.settings.valuation.reporting_currency
    return explain(
        Day(
            day=day,
            chapters=chapters,
            edges=Edges(start, end, gaps),
            start_exchange=Exchange(currency, start, gaps),
            end_exchange=Exchange(currency, end, gaps),
            splits=moments.splits_between(wanted.start, wanted.end),
            corrections=_corrections(source, day, chapters),
        )
    )


def _corrections(source: Source, day: str, chapters: Iterable[Chapter]) -> list[Row]:
    """What restatements of the day added, of the strategies that are asked for."""
    asked = {(chapter.end.book, chapter.end.strategy) for chapter in chapters}
    seqs = {chapter.end.book: chapter.end.seq for chapter in chapters}
    history = open_history(source.client, source.settings)
    return [
        row
        for book, seq in seqs.items()
        for row in restated_rows(source.client, history, book, day, seq)
        if (row.book, row.strategy) in asked
    ]


def _told(
    source: Source, book: str, strategy: str, wanted: Range, asked: Asked, latest: int
) -> Told:
    """The strategy's rows from the range's first day on; of a whole life, really all of them.

    Nothing lists the days that have rows. An event told late may be older than the first booking,
    or dated ahead, so without a start the search is widened until no figure is left over.
    """
    first, last = wanted.start, latest + DAY_NS
    told = stored.read(source.client, book, [strategy], utc_day(first), utc_day(last))[0]
    if asked.start is not None or stored.blank(told):
        return told
    for days in _WIDEN_BY_DAYS[1:]:
        first_day = utc_day(max(0, first - days * DAY_NS))
        last_day = utc_day(last + days * DAY_NS)
        told = stored.read(source.client, book, [strategy], first_day, last_day)[0]
        if stored.blank(told):
            break
    return told


def _widened(wanted: Range, asked: Asked, days: Sequence[str]) -> Range:
    """The range, its open ends far enough out to hold every day that has rows."""
    start, end = wanted.start, wanted.end
    if days and asked.start is None:
        start = min(start, midnight_ns(min(days)))
    if days and asked.end is None:
        end = max(end, midnight_ns(max(days)) + DAY_NS)
    return Range(start, end)


def _answer(
    source: Source, strategy: str, asked: Asked, wanted: Range, told: Sequence[Told]
) -> PerformanceAttribution:
    bookings = [_bookings(source, strategy, part, wanted, asked) for part in told]
    chapters = [_chapter(part, wanted, found) for part, found in zip(told, bookings, strict=True)]
    moments = _moments(source, chapters)
    sets, gaps = _price_sets(moments, wanted, asked, chapters), Gaps()
    start, end = sets[wanted.start], sets[wanted.end]
    exchange = Exchange(source.settings.valuation.reporting_currency, end, gaps)
    boundaries = sorted(sets)
    return attribute(
        Question(
            strategy=strategy,
            period=_period(wanted, start, end),
            chapters=chapters,
            edges=Edges(start, end, gaps),
            exchange=exchange,
            detailed=asked.detailed,
            granularity=asked.granularity,
            days={
                utc_day(begins): Edges(sets[begins], sets[ends], gaps)
                for begins, ends in pairwise(boundaries)
                if asked.detailed
            },
            traces=_traces(bookings),
            details=_details(asked, chapters, bookings, exchange),
            equity=_equity(source, strategy, chapters, wanted),
        )
    )


def _bookings(
    source: Source, strategy: str, told: Told, wanted: Range, asked: Asked
) -> Bookings | None:
    """The journal's entries of the range, where rows do not tell enough."""
    wants_journal = asked.detailed and asked.granularity != "daily"
    if wanted.is_whole_days and not wants_journal:
        return None
    span = Span(
        strategy=strategy,
        first_day=wanted.first_day,
        last_day=wanted.last_day,
        start=wanted.start,
        end=wanted.end,
        wants_trades=asked.detailed and asked.granularity == "trade_level",
        wants_trips=asked.detailed and asked.granularity == "position_level",
    )
    history = open_history(source.client, source.settings)
    return scan(history, told.life.book, span, told.rows, told.life.seq)


def _chapter(told: Told, wanted: Range, bookings: Bookings | None) -> Chapter:
    """The life at the end of the range with its rows inside, those of cut days one by one."""
    first, last = wanted.first_day, wanted.last_day
    later = [row for row in told.rows if row.day > last]
    if wanted.is_whole_days or bookings is None:
        inside = [row for row in told.rows if first <= row.day <= last]
        return Chapter(rolled_back(told.life, later), inside)
    cut = [(at, row) for at, row in bookings.rows if row.day in (first, last)]
    between = [row for row in told.rows if first < row.day < last]
    after = rows_of(cut, wanted.end, midnight_ns(last) + DAY_NS)
    inside = between + rows_of(cut, wanted.start, wanted.end)
    return Chapter(rolled_back(told.life, [*later, *after]), inside)


def _moments(source: Source, chapters: Iterable[Chapter]) -> Moments:
    terms: dict[str, Terms] = {}
    tokens: set[str] = set()
    for chapter in chapters:
        terms |= {name: held.terms for name, held in chapter.end.positions.items()}
        tokens |= chapter.end.legs.keys() | chapter.end.booked.keys()
        tokens |= {row.settlement for row in chapter.rows if row.settlement}
    return Moments(
        source.client,
        source.settings.valuation,
        source.reference,
        Wanted([terms[name] for name in sorted(terms)], sorted(tokens)),
        source.now_ns,
    )


def _price_sets(
    moments: Moments, wanted: Range, asked: Asked, chapters: Iterable[Chapter]
) -> dict[int, PriceSet]:
    """Prices at both ends, and at every midnight between if days are told.

    Days to come are only told as far as they have rows.
    """
    boundaries = {wanted.start, wanted.end}
    if asked.detailed:
        days = (midnight_ns(row.day) + 1 for chapter in chapters for row in chapter.rows)
        last = min(wanted.end, max((moments.now_ns, *days)))
        first = wanted.start - wanted.start % DAY_NS + DAY_NS
        boundaries |= set(range(first, last, DAY_NS))
    moments.load_closes(boundaries)
    return {at: moments.at(at) for at in sorted(boundaries)}


def _period(wanted: Range, start: PriceSet, end: PriceSet) -> TimePeriod:
    return TimePeriod(
        start=wanted.start,
        end=wanted.end,
        start_text=iso_second(wanted.start),
        end_text=iso_second(wanted.end),
        start_prices=start.when,
        end_prices=end.when,
    )


def _traces(bookings: Iterable[Bookings | None]) -> Traces | None:
    found = [part for part in bookings if part is not None]
    if not found:
        return None
    spreads = Spreads()
    for part in found:
        spreads.include(part.spreads)
    outcomes = [part.traces() for part in found]
    return Traces(
        spreads=spreads.averages(),
        won=sum(won for won, _ in outcomes),
        lost=sum(lost for _, lost in outcomes),
    )


def _details(
    asked: Asked,
    chapters: Iterable[Chapter],
    bookings: Iterable[Bookings | None],
    exchange: Exchange,
) -> tuple[Any, ...]:
    if not asked.detailed:
        return ()
    if asked.granularity == "daily":
        return day_rows(chapters, exchange)
    found = [part for part in bookings if part is not None]
    if asked.granularity == "trade_level":
        trades = [trade for part in found for trade in part.trades]
        return tuple(sorted(trades, key=lambda trade: (trade.executed_at, trade.book, trade.seq)))
    return tuple(trip for part in found for trip in part.trips())


def _equity(
    source: Source, strategy: str, chapters: Sequence[Chapter], wanted: Range
) -> EquityFigures:
    if len(chapters) > 1:
        return EquityFigures(sharpe_ratio_reason=SEVERAL_BOOKS, max_drawdown_reason=SEVERAL_BOOKS)
    book, risk = chapters[0].end.book, source.settings.risk_metrics
    return equity.figures(source.client, book, strategy, wanted, risk)
