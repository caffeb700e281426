"""A strategy's rows and present state out of Redis, all of one moment.

A row changes with every event of its day and a position with it, so what is still changing is
read in one transaction. Days before yesterday hardly ever change and may be many: they are read
ahead, in small reads that hold nobody up, and the transaction only asks whether they are the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final

import redis

from pm import keys
from pm.attribution.holdings import Held, Life, rolled_back
from pm.attribution.rows import NO_INSTRUMENT, Row, parse_day
from pm.attribution.sums import add
from pm.attribution.worth import Terms
from pm.connect.replies import text_of, texts_of
from pm.decimals import ONE, ZERO, Amount

RECENT_DAYS: Final = 3
"""Tomorrow, today and yesterday: clocks differ, and executions are told late."""
_DAYS_A_READ: Final = 200
_TRIES_MAX: Final = 50
_POSITION_FIELDS: Final = (
    "quantity",
    "cost",
    "base",
    "quote",
    "settlement",
    "multiplier",
    "inverse",
    "fees_unvalued",
)

DayKey = tuple[str, str]
Hash = Mapping[str, str]


class BookMoves(Exception):
    """The past of a book changed faster than it could be read."""


@dataclass(frozen=True, slots=True)
class Told:
    """A strategy now, and its rows of the days asked for, by time of day unsorted."""

    life: Life
    rows: Sequence[Row]
    trade_count: int


@dataclass(slots=True)
class _Reading:
    """What is known of a book so far; `days` are hashes by strategy and day."""

    days: dict[DayKey, Hash] = field(default_factory=dict)
    places: set[tuple[str, str]] = field(default_factory=set)


def read(
    client: redis.Redis, book: str, strategies: Sequence[str], first_day: str, last_day: str
) -> list[Told]:
    """Each strategy with its rows of the days (YYYY-MM-DD, both included) at one seq of the book.

    `last_day` must be late enough to have every row there is. BookMoves if old days keep changing.
    """
    days = days_between(first_day, last_day)
    recent = [(strategy, day) for strategy in strategies for day in days[-RECENT_DAYS:]]
    older = [(strategy, day) for strategy in strategies for day in days[:-RECENT_DAYS]]
    reading = _Reading()
    _read_days(client, book, older, reading)
    for _ in range(_TRIES_MAX):
        answer = _at_once(client, book, strategies, recent, list(reading.days), reading)
        if answer is not None:
            return answer
    raise BookMoves(f"book {book}: days from {first_day} on change faster than they can be read")


def strategies_of(client: redis.Redis, book: str) -> list[str]:
    """The strategies of a book, sorted as text."""
    members: Any = client.zrange(keys.strategies(book), 0, -1)
    return sorted(text_of(member) for member in members if text_of(member) != keys.SENTINEL)


def lifetime(client: redis.Redis, book: str, strategy: str) -> tuple[int, int]:
    """When the strategy's first and latest booked events happened, in ns; 0 for never."""
    found: Any = client.hmget(keys.strategy(book, strategy), ["inception_time", "last_update_time"])
    first, last = (int(text_of(value)) if value else 0 for value in found)
    return first, last


def blank(told: Told) -> bool:
    """Whether the rows are all there ever were: nothing is left before them."""
    start = rolled_back(told.life, told.rows)
    sums = (
        *(held.quantity for held in start.positions.values()),
        *start.legs.values(),
        *start.booked.values(),
    )
    trades = sum(row.trade_count for row in told.rows)
    return trades == told.trade_count and all(amount == ZERO for amount in sums)


def days_between(first_day: str, last_day: str) -> list[str]:
    """Every day of a range as text, both ends included."""
    first, last = date.fromisoformat(first_day), date.fromisoformat(last_day)
    return [(first + timedelta(number)).isoformat() for number in range((last - first).days + 1)]


def _read_days(client: redis.Redis, book: str, wanted: Sequence[DayKey], reading: _Reading) -> None:
    for start in range(0, len(wanted), _DAYS_A_READ):
        part = wanted[start : start + _DAYS_A_READ]
        pipeline = client.pipeline(transaction=False)
        for strategy, day in part:
            pipeline.hgetall(keys.attribution(book, strategy, day))
        for key, stored in zip(part, pipeline.execute(), strict=True):
            reading.days[key] = _texts(stored)


def _at_once(
    client: redis.Redis,
    book: str,
    strategies: Sequence[str],
    recent: Sequence[DayKey],
    older: Sequence[DayKey],
    reading: _Reading,
) -> list[Told] | None:
    """Everything of one moment; None if old days or positions have to be read (again) first."""
    _note_places(reading.days, reading)
    places = sorted(reading.places)
    pipeline = client.pipeline(transaction=True)
    pipeline.hget(keys.book(book), "seq")
    pipeline.zrange(keys.positions(book), 0, -1)
    for strategy in strategies:
        pipeline.hgetall(keys.strategy(book, strategy))
    for key in recent:
        pipeline.hgetall(keys.attribution(book, *key))
    for place in places:
        pipeline.hmget(keys.position(book, *place), _POSITION_FIELDS)
    for key in older:
        pipeline.hget(keys.attribution(book, *key), "seq")
    answers = iter(pipeline.execute())
    seq, members = int(next(answers) or 0), next(answers)
    totals = {strategy: _texts(next(answers)) for strategy in strategies}
    days = {key: _texts(next(answers)) for key in recent}
    stored = {place: next(answers) for place in places}
    changed = [key for key in older if text_of(next(answers) or "") != _seq_of(reading.days[key])]
    _note_places(days, reading)
    _note_open(members, strategies, reading)
    if changed:
        _read_days(client, book, changed, reading)
    if changed or reading.places != set(places):
        return None
    rows = _rows(book, {**reading.days, **days})
    return [
        _told(book, strategy, seq, totals[strategy], stored, rows.get(strategy, []))
        for strategy in strategies
    ]


def _told(
    book: str,
    strategy: str,
    seq: int,
    totals: Hash,
    stored: Mapping[tuple[str, str], Sequence[Any]],
    rows: Sequence[Row],
) -> Told:
    positions: dict[str, Held] = {}
    legs = {x: -amount for x, amount in _amounts(totals, "realized_pnl").items()}
    for (holder, instrument), values in stored.items():
        if holder != strategy or values[0] is None:
            continue
        quantity, cost, base, quote, x, multiplier, inverse, unvalued = (
            text_of(value or "") for value in values
        )
        terms = Terms(
            instrument=instrument,
            base=base,
            quote=quote,
            settlement=x,
            multiplier=Amount.parse(multiplier) if multiplier else ONE,
            inverse=inverse == "1",
        )
        positions[instrument] = Held(terms, Amount.parse(quantity), _parsed(unvalued))
        add(legs, x, Amount.parse(cost))
    booked: dict[str, Amount] = {}
    for name, sign in (("carry", 1), ("transfer_cost", -1), ("fee_value", -1)):
        for x, amount in _amounts(totals, name).items():
            add(booked, x, amount if sign > 0 else -amount)
    life = Life(
        book=book,
        strategy=strategy,
        seq=seq,
        positions=positions,
        legs=legs,
        booked=booked,
        unvalued=_amounts(totals, "fees_unvalued"),
    )
    return Told(life, rows, int(totals.get("trade_count") or 0))


def _rows(book: str, days: Mapping[DayKey, Hash]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for (strategy, day), stored in days.items():
        found.setdefault(strategy, []).extend(parse_day(book, strategy, day, stored))
    return found


def _note_places(days: Mapping[DayKey, Hash], reading: _Reading) -> None:
    for (strategy, _), stored in days.items():
        for name in stored:
            instrument = name.partition(":")[2]
            if instrument and instrument != NO_INSTRUMENT:
                reading.places.add((strategy, instrument))


def _note_open(members: Iterable[Any], strategies: Sequence[str], reading: _Reading) -> None:
    for member in members:
        strategy, _, instrument = text_of(member).partition(":")
        if instrument and strategy in strategies:
            reading.places.add((strategy, instrument))


def _seq_of(stored: Hash) -> str:
    return stored.get("seq", "")


def _amounts(stored: Hash, name: str) -> dict[str, Amount]:
    return _parsed(stored.get(name, ""))


def _parsed(text: str) -> dict[str, Amount]:
    told = json.loads(text or "{}")
    return {token: Amount.parse(amount) for token, amount in told.items()}


def _texts(stored: Mapping[Any, Any]) -> dict[str, str]:
    return texts_of(stored)
