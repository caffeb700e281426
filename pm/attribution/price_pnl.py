"""What price moves made of positions over a range, per settlement token.

Price P&L is V(end) − V(start) − Σn; what of it is not realized is the change of unrealized P&L. A
position whose price is missing at an end where it is open makes its token's figure unknown.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pm.attribution.holdings import Stretch
from pm.attribution.money import Gaps
from pm.attribution.worth import PriceSet, worth
from pm.decimals import ZERO, Amount


@dataclass(frozen=True, slots=True)
class Edges:
    """Prices at the start and the end of a range, and where to tell what is missing or old."""

    start: PriceSet
    end: PriceSet
    gaps: Gaps

    def start_worth(self, stretch: Stretch) -> Amount | None:
        """V of the position when the range began."""
        return self.worth(stretch, stretch.start_quantity, self.start)

    def end_worth(self, stretch: Stretch) -> Amount | None:
        """V of the position when the range ended."""
        return self.worth(stretch, stretch.end_quantity, self.end)

    def worth(self, stretch: Stretch, quantity: Amount, prices: PriceSet) -> Amount | None:
        """V of some quantity at one of the edges' prices; what it lacks is told."""
        terms = stretch.terms
        if not quantity:
            return ZERO
        found = worth(quantity, prices.price(terms.instrument), terms)
        if found is None:
            self.gaps.lacks(f"no price of {terms.instrument} in {terms.quote}, {prices.when}")
        elif terms.instrument in prices.doubts:
            doubt = prices.doubts[terms.instrument]
            self.gaps.old(f"price of {terms.instrument}, {prices.when}, is {doubt}")
        return found


def price_pnl(stretch: Stretch, edges: Edges) -> Amount | None:
    """Realized and unrealized P&L of one position over the range; None where a price is missing."""
    start, end = edges.start_worth(stretch), edges.end_worth(stretch)
    return None if start is None or end is None else end - start - stretch.notional


def unrealized_change(stretches: Iterable[Stretch], edges: Edges) -> dict[str, Amount | None]:
    """Change of unrealized P&L per settlement token."""
    sums: dict[str, Amount | None] = {}
    for stretch in stretches:
        x, pnl = stretch.terms.settlement, price_pnl(stretch, edges)
        held = sums.get(x, ZERO)
        known = held is not None and pnl is not None
        sums[x] = held + pnl - stretch.realized_pnl if known else None  # type: ignore[operator]
    return sums
