"""Gathers what the risk record of each level is computed from: returns, groups, strategies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import redis

from pm.decimals import Amount
from pm.valuation.evaluation import BookEvaluation, Evaluated, Evaluation
from pm.valuation.records import RiskRecord
from pm.valuation.return_history import ASSET, ReturnHistory
from pm.valuation.risk_record import Exposed, risk_record

STRATEGIES_MAX: Final = 50
"""Of so many strategies, those with the most capital, daily returns are correlated."""


@dataclass(frozen=True, slots=True)
class RiskBuilder:
    """Risk records of one pass; `history` must have begun."""

    client: redis.Redis
    history: ReturnHistory
    evaluation: Evaluation
    correlation_days: int

    def of_strategy(self, found: Evaluated, book: BookEvaluation) -> RiskRecord:
        """By instrument: what the strategy's positions would have gained or lost."""
        names = [name for name, amount in found.by_instrument.items() if amount]
        self.history.read_instruments(self.client, [book.instruments[name] for name in names])
        return self._record(Exposed(found.by_instrument, found.by_instrument, self._groups(names)))

    def of_books(self, found: Evaluated, books: Sequence[BookEvaluation]) -> RiskRecord:
        """By asset: positions and balances of one book, or of all."""
        instruments = {name: about for book in books for name, about in book.instruments.items()}
        self.history.read_instruments(self.client, instruments.values())
        reference = self.evaluation.reference
        fallback = dict.fromkeys(found.by_asset, "")
        # An asset without a rate of its own moves like the largest instrument on it.
        for name in sorted(found.by_instrument, key=lambda name: abs(found.by_instrument[name])):
            asset = reference.asset(instruments[name].base)
            if asset in fallback:
                fallback[asset] = name
        self.history.read_assets(
            self.client,
            fallback,
            self.evaluation.pricing.prices,
            reference,
            self.evaluation.reporting_currency,
        )
        scenario = {ASSET + asset: amount for asset, amount in found.by_asset.items()}
        groups = self._groups(found.by_instrument)
        returns: dict[str, Mapping[str, Amount]] = {}
        for book in books:
            returns.update(self._strategy_returns(book))
        return self._record(Exposed(scenario, found.by_instrument, groups), returns)

    def _record(
        self, exposed: Exposed, returns: Mapping[str, Mapping[str, Amount]] | None = None
    ) -> RiskRecord:
        return risk_record(
            exposed,
            self.history,
            returns or {},
            at=self.evaluation.at,
            reporting_currency=self.evaluation.reporting_currency,
            correlation_days=self.correlation_days,
        )

    def _groups(self, names: Iterable[str]) -> dict[str, int]:
        return {name: self.evaluation.pricing.terms(name).group for name in names}

    def _strategy_returns(self, book: BookEvaluation) -> Mapping[str, Mapping[str, Amount]]:
        capital = {
            name: abs(found.record.equity)
            for name, found in book.strategies.items()
            if found.record.equity is not None
        }
        largest = sorted(capital, key=lambda name: (capital[name], name), reverse=True)
        return self.history.read_strategies(
            self.client, book.snapshot.book, largest[:STRATEGIES_MAX], self.correlation_days
        )
