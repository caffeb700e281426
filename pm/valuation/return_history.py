"""Daily returns of instruments and of assets up to yesterday, from the closes marks left.

What yesterday was does not change from minute to minute, so returns are read once and kept for a
while. An asset's price in the reporting currency follows the path its rate takes today; where no
pair of tokens tells it, the instrument that is held of it does.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final, NamedTuple

import numpy as np
import redis

from pm import keys
from pm.decimals import ONE, Amount, divide
from pm.marks import store
from pm.marks.rates import Prices
from pm.performance.statistics import FloatArray
from pm.reference.snapshot import Reference
from pm.risk.daily_returns import daily_price_returns

DAYS: Final = 365
KEPT_S: Final = 600.0
ASSET: Final = "asset:"
"""Goes before the name of an asset, which may also be that of an instrument."""
IDLE_DAYS_MAX: Final = 7
"""Prices that stopped longer ago than a long weekend have no returns: no price is no calm one."""
INVERSE_SCALE: Final = 24

_NONE: Final[FloatArray] = np.zeros(0)

Pair = tuple[str, str]
Series = Mapping[str, Amount]


class Instrument(NamedTuple):
    """An instrument as far as its price history goes."""

    id: str
    kind: str
    base: str
    quote: str


@dataclass(slots=True)
class ReturnHistory:
    """Returns by name for the days up to `last_day`; an empty array where there are none."""

    last_day: str = ""
    returns: dict[str, FloatArray] = field(default_factory=dict)
    of_strategies: dict[str, dict[str, Series]] = field(default_factory=dict)
    _closes: dict[Pair, Series] = field(default_factory=dict)
    _read_at: float = 0.0

    def begin(self, last_day: str) -> None:
        """Forget what is of another day, or old: marks of past days may have come in late."""
        if last_day != self.last_day or time.monotonic() - self._read_at > KEPT_S:
            self.last_day, self._read_at = last_day, time.monotonic()
            self.returns.clear()
            self.of_strategies.clear()
            self._closes.clear()

    def first_day(self, name: str) -> str:
        """The first day a name has a return on."""
        back = self.returns[name].size - 1
        return (date.fromisoformat(self.last_day) - timedelta(days=int(back))).isoformat()

    def read_instruments(self, client: redis.Redis, instruments: Iterable[Instrument]) -> None:
        """Learn the returns of instruments, under their ids."""
        new = [known for known in instruments if known.id not in self.returns]
        pairs = [(known.id, known.quote) for known in new]
        pairs += [(known.base, known.quote) for known in new if known.kind == "spot"]
        self._read(client, pairs)
        for known in new:
            series = self._closes[known.id, known.quote]
            if not series and known.kind == "spot":
                series = self._closes[known.base, known.quote]
            self._learn(known.id, series)

    def read_assets(
        self,
        client: redis.Redis,
        assets: Mapping[str, str],
        prices: Prices,
        reference: Reference,
        target: str,
    ) -> None:
        """Learn the returns of assets in `target`, under ASSET + its name.

        `assets` names for each the instrument to fall back to, "" for none; its returns must have
        been read.
        """
        new = [asset for asset in assets if ASSET + asset not in self.returns]
        paths = {asset: prices.rate(asset, target).path for asset in new}
        self._read(client, [pair for path in paths.values() for pair in path])
        for asset in new:
            name = ASSET + asset
            self._learn(name, self._along(asset, paths[asset], prices, reference))
            if not self.returns[name].size and assets[asset] in self.returns:
                self.returns[name] = self.returns[assets[asset]]

    def read_strategies(
        self, client: redis.Redis, book: str, names: Iterable[str], days: int
    ) -> dict[str, Series]:
        """The daily returns of strategies over the last days."""
        last = date.fromisoformat(self.last_day)
        wanted = [(last - timedelta(days=back)).isoformat() for back in range(days)]
        known = self.of_strategies.setdefault(book, {})
        new = [name for name in names if name not in known]
        pipeline = client.pipeline(transaction=False)
        for name in new:
            pipeline.hmget(keys.returns(book, name), wanted)
        for name, values in zip(new, pipeline.execute(), strict=True):
            told = zip(wanted, values, strict=True)
            known[name] = {day: Amount.parse(text) for day, text in told if text is not None}
        return {name: known[name] for name in names}

    def _read(self, client: redis.Redis, pairs: Sequence[Pair]) -> None:
        new = [pair for pair in dict.fromkeys(pairs) if pair not in self._closes]
        last = date.fromisoformat(self.last_day)
        first = (last - timedelta(days=DAYS)).isoformat()
        alive = (last - timedelta(days=IDLE_DAYS_MAX)).isoformat()
        for start in range(0, len(new), 50):
            batch = new[start : start + 50]
            for pair, closes in store.days(client, batch, first, self.last_day).items():
                self._closes[pair] = closes if max(closes, default="") >= alive else {}

    def _learn(self, name: str, series: Series) -> None:
        found = daily_price_returns({name: series}, self.last_day, DAYS)
        self.returns[name] = found.returns.get(name, _NONE)

    def _along(
        self, asset: str, path: Sequence[Pair], prices: Prices, reference: Reference
    ) -> Series:
        """The product of the closes along a path, each standing until the next one; none where a
        part of it has none.
        """
        hops: list[tuple[Series, bool]] = []
        here = asset
        for subject, quote in path:
            instrument = reference.instrument(subject)
            base = reference.asset(subject if instrument is None else instrument.base)
            other = reference.asset(quote)
            is_inverse = base != here
            here = base if is_inverse else other
            closes = self._closes[subject, quote]
            if closes:
                hops.append((closes, is_inverse))
            elif prices.mark(subject, quote) is not None:  # a peg has none, and never moves
                return {}
        days = sorted({day for closes, _ in hops for day in closes})
        product: dict[str, Amount] = {}
        standing: list[Amount | None] = [None] * len(hops)
        for day in days:
            for place, (closes, _) in enumerate(hops):
                standing[place] = closes.get(day, standing[place])
            price = _product(standing, hops)
            if price is not None:
                product[day] = price
        return product


def _product(
    standing: Sequence[Amount | None], hops: Sequence[tuple[Series, bool]]
) -> Amount | None:
    price = ONE
    for close, (_, is_inverse) in zip(standing, hops, strict=True):
        if not close:
            return None
        price = divide(price, close, INVERSE_SCALE) if is_inverse else price * close
    return price
