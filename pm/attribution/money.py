"""Money in several tokens, and its worth in the reporting currency where every rate is known.

One set of rates serves a whole answer. An amount that is not known stays unknown wherever it is
added up; an amount of 0 needs no rate. Worth is exact until it is stated, then half-even at 18
decimals.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pm.attribution.worth import PriceSet
from pm.decimals import ZERO, Amount, divide

MEAN_SCALE = 18
REPORTED_SCALE = 18

Known = Mapping[str, Amount | None]


@dataclass(frozen=True, slots=True)
class Money:
    """Amounts per settlement token, None where unknown, and all of it in the reporting currency."""

    by_token: Known
    reported: Amount | None


@dataclass(frozen=True, slots=True)
class Gaps:
    """What was missing, and what was old, while an answer was made; each is told once."""

    missing: list[str] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)

    def lacks(self, line: str) -> None:
        """Something is unknown for want of this."""
        if line not in self.missing:
            self.missing.append(line)

    def old(self, line: str) -> None:
        """Something rests on an old price."""
        if line not in self.stale:
            self.stale.append(line)


@dataclass(frozen=True, slots=True)
class Exchange:
    """Rates of one moment from tokens to the reporting currency."""

    currency: str
    prices: PriceSet
    gaps: Gaps

    @property
    def rates(self) -> Mapping[str, Amount]:
        """Every rate there is."""
        return self.prices.rates

    def rate(self, token: str) -> Amount | None:
        """The rate of a token, None (and told) where there is none."""
        if token == self.currency:
            return Amount(1)
        found, when = self.rates.get(token), self.prices.when
        if found is None:
            self.gaps.lacks(f"no rate of {token} in {self.currency}, {when}")
        elif token in self.prices.rate_doubts:
            doubt = self.prices.rate_doubts[token]
            self.gaps.old(f"rate of {token} in {self.currency}, {when}, is {doubt}")
        return found

    def worth(self, by_token: Known) -> Amount | None:
        """All the amounts in the reporting currency, exact; None if one is unknown."""
        total: Amount | None = ZERO
        for token, amount in sorted(by_token.items()):
            if amount is not None and not amount:
                continue
            rate = self.rate(token)
            known = total is not None and amount is not None and rate is not None
            total = total + amount * rate if known else None  # type: ignore[operator]
        return total

    def money(self, by_token: Known) -> Money:
        """The amounts with their worth, rounded."""
        return Money(dict(sorted(by_token.items())), stated(self.worth(by_token)))


def stated(worth: Amount | None) -> Amount | None:
    """An amount of the reporting currency as it is told: half-even at 18 decimals."""
    return None if worth is None else round(worth, REPORTED_SCALE)


def total(parts: Iterable[Known]) -> dict[str, Amount | None]:
    """Sum per token; unknown where a part is."""
    sums: dict[str, Amount | None] = {}
    for part in parts:
        for token, amount in part.items():
            held = sums.get(token, ZERO)
            sums[token] = None if held is None or amount is None else held + amount
    return sums


def negated(amounts: Known) -> dict[str, Amount | None]:
    """The amounts with their signs turned."""
    return {token: None if amount is None else -amount for token, amount in amounts.items()}


def mean(money: Money, count: int) -> Money:
    """Per head, half-even at 18 decimals; unknown if there are none."""
    return Money(
        {token: share(amount, count) for token, amount in money.by_token.items()},
        share(money.reported, count),
    )


def share(amount: Amount | None, count: int) -> Amount | None:
    """amount / count, half-even at 18 decimals; None if either is nothing to speak of."""
    return None if amount is None or not count else divide(amount, Amount(count), MEAN_SCALE)
