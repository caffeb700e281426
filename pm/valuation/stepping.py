"""From a level's record and the capital that came since its last point to its next point."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pm.decimals import Amount
from pm.valuation import equity
from pm.valuation.equity import Moment, Step
from pm.valuation.evaluation import Evaluated, Evaluation
from pm.valuation.flows import Flow
from pm.valuation.records import EquityPoint


@dataclass(frozen=True, slots=True)
class Stepper:
    """Makes the point of one level: of `strategy`, or of a book or all books if it is None.

    `flows_since` gives the flows between a point and the record.
    """

    evaluation: Evaluation
    found: Evaluated
    strategy: str | None
    flows_since: Callable[[EquityPoint], Sequence[Flow]]

    def __call__(self, last: EquityPoint | None) -> Step | None:
        """The step after the last point; None when equity or a flow is unknown."""
        record = self.found.record
        if record.equity is None:
            return None
        flows = self._valued(self.flows_since(last)) if last is not None else []
        if flows is None:
            return None
        flags = [equity.STALE] if record.stale or record.stale_rates else []
        flags += [equity.ASSUMED] if record.assumed else []
        moment = Moment(
            at=record.at,
            seqs=record.seq_end,
            equity=record.equity,
            flows=flows,
            net_pnl=record.net_pnl,
            unrealized_pnl=record.unrealized_pnl,
            flags=tuple(flags),
        )
        return equity.next_step(last, moment)

    def _valued(self, flows: Sequence[Flow]) -> list[tuple[int, Amount]] | None:
        """Times and amounts at the rates of now; None when one is unknown."""
        pricing, conversion = self.evaluation.pricing, self.evaluation.conversion()
        valued = []
        for flow in flows:
            if self.strategy is None:
                amount = flow.of_book(pricing, conversion)
            else:
                amount = flow.of_strategy(self.strategy, pricing, conversion)
            if amount is None:
                return None
            if amount:
                valued.append((flow.at, amount))
        return valued
