"""Values fees paid in a token that the trade itself does not price.

A fee is worth what its token was worth when it was paid: the last fresh mark at or before that
time, by the same rules as any rate, pegs left out. It is journaled once and never marked again. A
mark may reach us a little after its time, so a fee without one is looked at again until no mark
that comes in now could be of that time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import redis

from pm.decimals import Amount
from pm.marks import store
from pm.marks.mark import Mark, Pair
from pm.marks.rates import Prices
from pm.reference.snapshot import Reference
from pm.settings import ValuationSettings
from pm.valuation.journal_watch import UnvaluedFee

VALUE_SCALE: Final = 18
LATE_MARKS_S: Final = 60
_SECOND_NS: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class PastRates:
    """Rates of past moments, from the history of the pairs that have marks at all."""

    client: redis.Redis
    valuation: ValuationSettings
    reference: Reference
    pairs: frozenset[Pair]

    @classmethod
    def of(
        cls, client: redis.Redis, valuation: ValuationSettings, reference: Reference
    ) -> PastRates:
        """From what is stored now."""
        pairs = frozenset(mark.pair for mark in store.read_all(client))
        return cls(client, valuation, reference, pairs)

    def fee_value(self, fee: UnvaluedFee) -> Amount | None:
        """What the fee was worth in its settlement token; None where no fresh mark tells."""
        prices = Prices(
            self._marks(fee),
            {},
            self.reference,
            now_ns=fee.executed_at,
            max_age_s=self.valuation.mark_max_age_seconds,
            hubs=self.valuation.hubs,
        )
        rate = prices.rate(fee.token, fee.settlement)
        if rate.value is None or rate.is_stale:
            return None
        return round(fee.amount * rate.value, VALUE_SCALE)

    def is_too_late(self, fee: UnvaluedFee, now_ns: int) -> bool:
        """Whether no mark of the fee's time can be expected any more."""
        waited_s = self.valuation.mark_max_age_seconds + LATE_MARKS_S
        return now_ns - fee.executed_at > waited_s * _SECOND_NS

    def _marks(self, fee: UnvaluedFee) -> list[Mark]:
        """The marks that counted when the fee was paid, of all pairs a rate could go through."""
        asset = self.reference.asset
        tokens = {asset(name) for name in (fee.token, fee.settlement, *self.valuation.hubs)}
        found = (self._then(pair, fee) for pair in self._between(tokens))
        return [mark for mark in found if mark is not None]

    def _between(self, assets: set[str]) -> Iterable[Pair]:
        for subject, quote in sorted(self.pairs):
            instrument = self.reference.instrument(subject)
            base = subject if instrument is None else instrument.base
            if {self.reference.asset(base), self.reference.asset(quote)} <= assets:
                yield subject, quote

    def _then(self, pair: Pair, fee: UnvaluedFee) -> Mark | None:
        return store.history(
            self.client,
            *pair,
            at_or_before=fee.executed_at,
            max_age_s=self.valuation.mark_max_age_seconds,
        )
