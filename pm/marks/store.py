"""Marks in Redis: recorded newest first wins, read back with their history and daily closes.

    store.record(client, [Mark("BTC", "USD", Amount.parse("65000"), now, "desk", "mark", now)])
    prices = store.read_prices(client, settings.valuation, reference, now)
    prices.rate("BTC", "USD").value

Recording needs the function library; reading does not. Any client will do, decoding or not.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from itertools import islice
from typing import Any, Final, NamedTuple

import redis

from pm import keys
from pm.connect.replies import text_of, texts_of
from pm.days import utc_day
from pm.decimals import Amount
from pm.functions import library
from pm.marks.mark import SECOND_NS, Mark, MarkKind, Pair, best_mark
from pm.marks.rates import Prices
from pm.marks.splits import Split, adjusted_price
from pm.marks.stored import current_marks, mark_of, splits_by_instrument
from pm.reference.snapshot import Reference
from pm.settings import ValuationSettings

_MARKS_A_CALL: Final = 100
_HISTORY_A_READ: Final = 200
_NS_A_MS: Final = 1_000_000


class Recorded(NamedTuple):
    """How many marks became the newest of their kind, and how many were older than it."""

    accepted: int
    older: int


def record(client: redis.Redis, marks: Iterable[Mark]) -> Recorded:
    """Record marks, in any order and as often as one likes; LibraryMissing without the library."""
    accepted = older = 0
    remaining = iter(marks)
    while batch := list(islice(remaining, _MARKS_A_CALL)):
        names, arguments = [keys.marks()], list[str]()
        for mark in batch:
            names += (keys.mark_history(*mark.pair), keys.mark_days(*mark.pair))
            arguments += _arguments(mark)
        counts = library.call(client, "mark", names, arguments)
        accepted, older = accepted + int(counts[0]), older + int(counts[1])
    return Recorded(accepted, older)


def read_all(client: redis.Redis) -> list[Mark]:
    """The newest mark of each kind of every subject and quote."""
    stored = {text_of(pair): text_of(text) for pair, text in client.hscan_iter(keys.marks())}
    return [mark for pair, text in sorted(stored.items()) for mark in current_marks(pair, text)]


def read(client: redis.Redis, pairs: Sequence[Pair]) -> list[Mark]:
    """The newest mark of each kind of these subjects and quotes."""
    if not pairs:
        return []
    names = [_field(pair) for pair in pairs]
    found: Any = client.hmget(keys.marks(), names)
    stored = zip(names, found, strict=True)
    return [mark for name, text in stored if text is not None for mark in current_marks(name, text)]


def read_prices(
    client: redis.Redis, valuation: ValuationSettings, reference: Reference, now_ns: int
) -> Prices:
    """The prices and rates of now: one set for everything that is answered together."""
    return Prices(
        read_all(client),
        splits(client),
        reference,
        now_ns=now_ns,
        max_age_s=valuation.mark_max_age_seconds,
        hubs=valuation.hubs,
        assume_peg=valuation.assume_peg,
    )


def history(
    client: redis.Redis, subject: str, quote: str, at_or_before: int, max_age_s: int | None = None
) -> Mark | None:
    """The mark that counted at a time (ns): the latest at or before it, of about the last 10,000.

    With `max_age_s`, the best one fresh by then, else None. A split is not considered.
    """
    newest: dict[MarkKind, Mark] = {}
    floor = None if max_age_s is None else at_or_before - max_age_s * SECOND_NS
    for filed_ms, mark in _filed(client, subject, quote):
        if floor is not None and filed_ms < floor // _NS_A_MS:
            break
        # A mark is filed under its own time or a later one, so nothing further back is later.
        if floor is None and newest and filed_ms < max(newest.values(), key=_time).time // _NS_A_MS:
            break
        if mark.time > at_or_before or (floor is not None and mark.time < floor):
            continue
        known = newest.get(mark.kind)
        if known is None or mark.time > known.time:
            newest[mark.kind] = mark
    # Without a limit nothing is fresh, and so the latest counts.
    return best_mark(newest.values(), at_or_before, -1 if max_age_s is None else max_age_s)


def days(
    client: redis.Redis, pairs: Sequence[Pair], first_day: str, last_day: str
) -> dict[Pair, dict[str, Amount]]:
    """The last price of each UTC day from `first_day` through `last_day` (YYYY-MM-DD).

    Prices from before a split are in the units of today. Days without a mark are left out.
    """
    wanted = list(_days_between(date.fromisoformat(first_day), date.fromisoformat(last_day)))
    if not wanted or not pairs:
        return {pair: {} for pair in pairs}
    pipeline = client.pipeline(transaction=False)
    for pair in pairs:
        pipeline.hmget(keys.mark_days(*pair), wanted)
    of_instrument = splits(client)
    found: dict[Pair, dict[str, Amount]] = {}
    for pair, closes in zip(pairs, pipeline.execute(), strict=True):
        applying = of_instrument.get(pair[0], ())
        stored = zip(wanted, closes, strict=True)
        found[pair] = {day: _close(text, applying) for day, text in stored if text is not None}
    return found


def record_split(
    client: redis.Redis,
    instrument: str,
    event_id: str,
    time: int,
    numerator: Amount,
    denominator: Amount,
) -> bool:
    """Record a split of an instrument; False, and nothing changed, if the event is known.

    ValueError unless both numbers are above 0: prices will be divided by them.
    """
    if numerator.sign <= 0 or denominator.sign <= 0:
        raise ValueError(f"split {event_id} of {instrument}: {numerator}:{denominator}")
    terms = {"time": str(time), "numerator": str(numerator), "denominator": str(denominator)}
    text = json.dumps(terms, separators=(",", ":"))
    return bool(client.hsetnx(keys.splits(), f"{instrument}/{event_id}", text))


def splits(client: redis.Redis) -> dict[str, tuple[Split, ...]]:
    """All splits by instrument, the earliest first."""
    stored: Any = client.hgetall(keys.splits())
    return splits_by_instrument(stored)


def _arguments(mark: Mark) -> tuple[str, ...]:
    return (
        _field(mark.pair),
        mark.kind,
        str(mark.price),
        str(mark.time),
        mark.source,
        str(mark.received_at),
        utc_day(mark.time),
    )


def _field(pair: Pair) -> str:
    return f"{pair[0]}/{pair[1]}"


def _filed(client: redis.Redis, subject: str, quote: str) -> Iterator[tuple[int, Mark]]:
    """The history from its end, each mark with the milliseconds it is filed under."""
    end = "+"
    while True:
        name = keys.mark_history(subject, quote)
        entries: Any = client.xrevrange(name, end, "-", count=_HISTORY_A_READ)
        for entry, fields in entries:
            values = texts_of(fields)
            kind: Any = values["class"]
            filed_ms = int(text_of(entry).partition("-")[0])
            yield filed_ms, mark_of(subject, quote, kind, values)
        if len(entries) < _HISTORY_A_READ:
            return
        end = f"({text_of(entries[-1][0])}"


def _close(text: str | bytes, applying: Iterable[Split]) -> Amount:
    close = json.loads(text)
    return adjusted_price(Amount.parse(close["price"]), int(close["time"]), applying)


def _days_between(first: date, last: date) -> Iterator[str]:
    for number in range((last - first).days + 1):
        yield (first + timedelta(number)).isoformat()


def _time(mark: Mark) -> int:
    return mark.time
