"""Prices and rates of chosen moments: now, the close of a day, or some time within one.

At a midnight the last mark of the day before counts, else that of one of the seven days before it,
told as old: markets that close for a weekend still have a price. Other times take the marks that
counted then, as far back as their history is kept. Prices are in the units of their moment: a mark
from before a split is no price after it, and never adjusted, because quantities are not either.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

import redis

from pm import keys
from pm.attribution.period import SECOND_NS, iso_second
from pm.attribution.worth import PriceSet, Terms
from pm.days import DAY_NS, utc_day
from pm.decimals import Amount
from pm.marks import store
from pm.marks.mark import Mark, Pair
from pm.marks.rates import UNIT_KINDS, Prices
from pm.marks.splits import Split
from pm.reference.snapshot import Reference
from pm.settings import ValuationSettings

LOOK_BACK_DAYS: Final = 7
_CLOSE_SOURCE: Final = "close"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whose prices and which tokens' rates are needed."""

    terms: Sequence[Terms]
    tokens: Sequence[str]


class Moments:
    """One reading of the marks: whatever is asked of it agrees with itself."""

    def __init__(
        self,
        client: redis.Redis,
        valuation: ValuationSettings,
        reference: Reference,
        wanted: Wanted,
        now_ns: int | None = None,
    ) -> None:
        self.now_ns = time.time_ns() if now_ns is None else now_ns
        self._client, self._valuation, self._reference = client, valuation, reference
        self._wanted = wanted
        self._splits: Mapping[str, Sequence[Split]] = store.splits(client)
        self._marks = self._relevant(store.read_all(client))
        self._pairs = sorted({mark.pair for mark in self._marks})
        self._closes: dict[tuple[Pair, str], Mark | None] = {}

    def splits_between(self, start: int, end: int) -> dict[str, tuple[Amount, Amount]]:
        """New and old units of each instrument that was split in [start, end)."""
        found: dict[str, tuple[Amount, Amount]] = {}
        for instrument, known in self._splits.items():
            for split in known:
                if start <= split.time < end:
                    new, old = found.get(instrument, (Amount(1), Amount(1)))
                    found[instrument] = (new * split.numerator, old * split.denominator)
        return found

    def load_closes(self, boundaries: Iterable[int]) -> None:
        """Read the closes that these moments need, in one go."""
        days = {
            (date.fromisoformat(utc_day(at - 1)) - timedelta(back)).isoformat()
            for at in boundaries
            if at <= self.now_ns and not at % DAY_NS
            for back in range(LOOK_BACK_DAYS + 1)
        }
        pipeline = self._client.pipeline(transaction=False)
        ordered = sorted(days)
        if not ordered or not self._pairs:
            return
        for pair in self._pairs:
            pipeline.hmget(keys.mark_days(*pair), ordered)
        for pair, closes in zip(self._pairs, pipeline.execute(), strict=True):
            for day, text in zip(ordered, closes, strict=True):
                self._closes[pair, day] = None if text is None else _close(pair, text)

    def at(self, boundary: int) -> PriceSet:
        """Prices and rates of a moment in ns; one that has not come yet is now."""
        if boundary > self.now_ns:
            age = self._valuation.mark_max_age_seconds
            return self._set(self._marks, self.now_ns, age, "at the current marks")
        if not boundary % DAY_NS:
            self._read_missing(boundary)
            day = utc_day(boundary - 1)
            marks = [mark for pair in self._pairs if (mark := self._close_of(pair, day))]
            return self._set(marks, boundary - 1, DAY_NS // SECOND_NS, f"at the close of {day}")
        found = (store.history(self._client, *pair, boundary) for pair in self._pairs)
        marks = [mark for mark in found if mark is not None]
        age = self._valuation.mark_max_age_seconds
        return self._set(marks, boundary, age, f"at {iso_second(boundary)}")

    def _read_missing(self, boundary: int) -> None:
        day = utc_day(boundary - 1)
        if any((pair, day) not in self._closes for pair in self._pairs):
            self.load_closes([boundary])

    def _close_of(self, pair: Pair, day: str) -> Mark | None:
        last = date.fromisoformat(day)
        days = ((last - timedelta(back)).isoformat() for back in range(LOOK_BACK_DAYS + 1))
        return next((mark for day in days if (mark := self._closes.get((pair, day)))), None)

    def _set(self, marks: Iterable[Mark], at: int, max_age_s: int, when: str) -> PriceSet:
        valuation = self._valuation
        known = Prices(
            marks,
            self._splits,
            self._reference,
            now_ns=at,
            max_age_s=max_age_s,
            hubs=valuation.hubs,
            assume_peg=valuation.assume_peg,
        )
        prices, doubts = self._prices(known)
        rates, rate_doubts = self._rates(known)
        return PriceSet(when, prices, rates, doubts, rate_doubts)

    def _prices(self, known: Prices) -> tuple[dict[str, Amount], dict[str, str]]:
        prices: dict[str, Amount] = {}
        doubts: dict[str, str] = {}
        for terms in self._wanted.terms:
            price = known.price((terms.instrument, terms.quote))
            if price.value is None:
                continue
            prices[terms.instrument] = price.value
            if price.is_stale and price.time is not None:
                doubts[terms.instrument] = f"of {iso_second(price.time)}"
        return prices, doubts

    def _rates(self, known: Prices) -> tuple[dict[str, Amount], dict[str, str]]:
        rates: dict[str, Amount] = {}
        doubts: dict[str, str] = {}
        for token in self._wanted.tokens:
            rate = known.rate(token, self._valuation.reporting_currency)
            if rate.value is None:
                continue
            rates[token] = rate.value
            if rate.is_stale or rate.is_peg:
                doubts[token] = "old" if rate.is_stale else "an assumed peg"
        return rates, doubts

    def _relevant(self, marks: Iterable[Mark]) -> list[Mark]:
        """Marks of the wanted instruments, and whatever may be on the way of a wanted rate."""
        asset = self._reference.asset
        instruments = {terms.instrument for terms in self._wanted.terms}
        tokens = {asset(token) for token in self._wanted.tokens}
        tokens |= {
            asset(token) for terms in self._wanted.terms for token in (terms.base, terms.quote)
        }
        tokens |= {asset(hub) for hub in self._valuation.hubs}
        tokens.add(asset(self._valuation.reporting_currency))

        def counts(mark: Mark) -> bool:
            record = self._reference.instrument(mark.subject)
            if mark.subject in instruments or record is None:
                return mark.subject in instruments or asset(mark.subject) in tokens
            return record.kind in UNIT_KINDS and asset(record.base) in tokens

        return [mark for mark in marks if counts(mark)]


def _close(pair: Pair, text: Any) -> Mark:
    told = json.loads(text)
    at = int(told["time"])
    return Mark(*pair, Amount.parse(told["price"]), at, _CLOSE_SOURCE, "last", at)
