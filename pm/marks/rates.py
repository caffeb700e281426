"""Prices of instruments and rates between tokens, from one set of marks at one moment.

A rate is looked for in the direct pair, in the inverse one, then in two hops through each hub in
the configured order. A path of fresh marks is taken before any stale one; of stale paths that whose
oldest mark is the latest. Tokens of one asset are worth the same. A pair without a fresh mark takes
that of a spot or equity instrument that trades it; a spot instrument without any takes its pair's.

A pegged stablecoin is worth one USD only where marks give no rate. What cannot be told is None:
neither 0 nor 1 is ever a guess.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from pm.decimals import ONE, Amount, divide
from pm.marks.mark import SECOND_NS, Mark, MarkKind, Pair, best_mark
from pm.marks.splits import RATE_SCALE, Split, latest_split
from pm.reference.records import Instrument
from pm.reference.snapshot import Reference

PEG_CURRENCY: Final = "USD"
UNIT_KINDS: Final = frozenset({"spot", "equity"})
"""Kinds of instruments whose price is that of one unit of their base."""
TOKEN_SOURCE: Final = "token:"
"""Goes before the source of a price that is the mark of a pair of tokens."""


class Price(NamedTuple):
    """What one unit of an instrument is worth in its quote; all None without a usable mark.

    A `source` that begins with "token:" is the source of the pair's mark, not the instrument's.
    """

    value: Amount | None
    time: int | None
    source: str | None
    kind: MarkKind | None
    is_stale: bool


class Rate(NamedTuple):
    """What one unit of a token is worth in another; `value` is None where no path was found.

    `path` names the marks used by subject and quote, none for tokens of one asset; a peg is its
    token in USD.
    """

    value: Amount | None
    is_stale: bool
    is_peg: bool
    path: tuple[Pair, ...]


NO_PRICE: Final = Price(None, None, None, None, False)
NO_RATE: Final = Rate(None, False, False, ())
SAME: Final = Rate(ONE, False, False, ())


class _Hop(NamedTuple):
    """One step of a path: `price` or, of the inverse pair, 1 / `price`; a peg has no time."""

    price: Amount
    is_inverse: bool
    time: int | None
    pair: Pair


_Path = tuple[_Hop, ...]


class Prices:
    """One rate set: every answer is computed once, so figures put together agree."""

    def __init__(
        self,
        marks: Iterable[Mark],
        splits: Mapping[str, Sequence[Split]],
        reference: Reference,
        *,
        now_ns: int,
        max_age_s: int,
        hubs: Sequence[str] = (),
        assume_peg: Sequence[str] = (),
    ) -> None:
        self.now_ns: Final = now_ns
        self.max_age_s: Final = max_age_s
        self._reference = reference
        self._hubs = tuple(dict.fromkeys(reference.asset(hub) for hub in hubs))
        self._pegged = frozenset(_pegged_assets(assume_peg, reference))
        self._peg_hubs = tuple(dict.fromkeys((*self._hubs, reference.asset(PEG_CURRENCY))))
        self._valid_from = {name: latest_split(known, now_ns) for name, known in splits.items()}
        self._marks = self._best_of_pairs(marks)
        self._of_tokens, self._of_spot = self._best_of_assets()
        self._prices: dict[str, Price] = {}
        self._rates: dict[Pair, Rate] = {}

    def price(self, instrument: Instrument | Pair) -> Price:
        """Return the price of an instrument, given as its record or as its id and quote."""
        if isinstance(instrument, Instrument):
            record: Instrument | None = instrument
            pair = (instrument.id, instrument.quote)
        else:
            pair = instrument
            record = self._reference.instrument(pair[0])
        key = f"{pair[0]}/{pair[1]}"
        found = self._prices.get(key)
        if found is None:
            found = self._prices[key] = self._find_price(pair, record)
        return found

    def rate(self, token: str, target: str) -> Rate:
        """Return the rate that turns an amount of `token` into one of `target`.

        At most 24 decimals, half-even, where an inverse pair had to be divided by; else exact.
        """
        pair = (self._reference.asset(token), self._reference.asset(target))
        found = self._rates.get(pair)
        if found is None:
            found = self._rates[pair] = self._find_rate(*pair)
        return found

    def mark(self, subject: str, quote: str) -> Mark | None:
        """Return the mark of exactly this subject and quote that counts; None from before a split.

        It may be stale.
        """
        return self._marks.get((subject, quote))

    def is_stale(self, time: int) -> bool:
        """Tell whether a mark of this time is too old to be fresh."""
        return self.now_ns - time > self.max_age_s * SECOND_NS

    def _best_of_pairs(self, marks: Iterable[Mark]) -> dict[Pair, Mark]:
        grouped: dict[Pair, list[Mark]] = {}
        for mark in marks:
            if mark.time >= self._valid_from.get(mark.subject, 0):
                grouped.setdefault(mark.pair, []).append(mark)
        return {pair: self._best(group) for pair, group in grouped.items()}

    def _best_of_assets(self) -> tuple[dict[Pair, Mark], dict[Pair, Mark]]:
        """The mark that counts of each pair of assets: from tokens, and from spot instruments."""
        of_tokens: dict[Pair, list[Mark]] = {}
        of_spot: dict[Pair, list[Mark]] = {}
        for mark in self._marks.values():
            instrument = self._reference.instrument(mark.subject)
            if instrument is None:
                of_tokens.setdefault(self._assets(mark.subject, mark.quote), []).append(mark)
            elif instrument.kind in UNIT_KINDS:
                of_spot.setdefault(self._assets(instrument.base, mark.quote), []).append(mark)
        return (
            {pair: self._best(group) for pair, group in of_tokens.items()},
            {pair: self._best(group) for pair, group in of_spot.items()},
        )

    def _best(self, marks: list[Mark]) -> Mark:
        best = best_mark(marks, self.now_ns, self.max_age_s)
        assert best is not None
        return best

    def _assets(self, token: str, target: str) -> Pair:
        return self._reference.asset(token), self._reference.asset(target)

    def _find_price(self, pair: Pair, record: Instrument | None) -> Price:
        mark, source = self._marks.get(pair), ""
        if mark is None and record is not None and record.kind == "spot":
            mark, source = self._of_tokens.get(self._assets(record.base, pair[1])), TOKEN_SOURCE
            if mark is not None and mark.time < self._valid_from.get(pair[0], 0):
                mark = None
        if mark is None:
            return NO_PRICE
        source += mark.source
        return Price(mark.price, mark.time, source, mark.kind, self.is_stale(mark.time))

    def _find_rate(self, token: str, target: str) -> Rate:
        if token == target:
            return SAME
        paths = [path for path in self._paths(token, target, pegs=False) if path]
        if not paths:
            paths = [path for path in self._paths(token, target, pegs=True) if path]
        if not paths:
            return NO_RATE
        fresh = (path for path in paths if not self.is_stale(_oldest(path, self.now_ns)))
        best = next(fresh, None) or max(paths, key=lambda path: _oldest(path, self.now_ns))
        return Rate(
            _product(best),
            self.is_stale(_oldest(best, self.now_ns)),
            any(hop.time is None for hop in best),
            tuple([hop.pair for hop in best]),
        )

    def _paths(self, token: str, target: str, *, pegs: bool) -> Iterable[_Path]:
        """All paths in the order of preference; an empty one is none."""
        for hop in self._hops(token, target, pegs=pegs):
            yield (hop,)
        for hub in self._peg_hubs if pegs else self._hubs:
            if hub not in (token, target):
                first = self._hops(token, hub, pegs=pegs)
                second = self._hops(hub, target, pegs=pegs)
                for left in first:
                    for right in second:
                        yield left, right

    def _hops(self, token: str, target: str, *, pegs: bool) -> list[_Hop]:
        hops = []
        direct = self._pair_mark((token, target))
        if direct is not None and direct.price:
            hops.append(_Hop(direct.price, False, direct.time, direct.pair))
        inverse = self._pair_mark((target, token))
        if inverse is not None and inverse.price:
            hops.append(_Hop(inverse.price, True, inverse.time, inverse.pair))
        if not hops and pegs:
            usd = self._reference.asset(PEG_CURRENCY)
            if token in self._pegged and target == usd:
                hops.append(_Hop(ONE, False, None, (token, target)))
            elif target in self._pegged and token == usd:
                hops.append(_Hop(ONE, True, None, (target, token)))
        return hops

    def _pair_mark(self, pair: Pair) -> Mark | None:
        of_token, of_spot = self._of_tokens.get(pair), self._of_spot.get(pair)
        if of_token is None or of_spot is None:
            return of_token or of_spot
        gives_way = self.is_stale(of_token.time) and not self.is_stale(of_spot.time)
        return of_spot if gives_way else of_token


def _pegged_assets(assume_peg: Sequence[str], reference: Reference) -> Iterable[str]:
    for name in assume_peg:
        token = reference.tokens.get(name)
        if token is not None and token.is_stablecoin:
            yield token.asset


def _oldest(path: _Path, now_ns: int) -> int:
    return min(now_ns if hop.time is None else hop.time for hop in path)


def _product(path: _Path) -> Amount:
    numerator, denominator = ONE, ONE
    for hop in path:
        if hop.is_inverse:
            denominator = denominator * hop.price
        else:
            numerator = numerator * hop.price
    return numerator if denominator == ONE else divide(numerator, denominator, RATE_SCALE)
