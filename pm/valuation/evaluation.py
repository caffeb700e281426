"""From a book as it was read to the records of its strategies, of itself and of all books.

Pure: no Redis. Every record of a pass is made with the same prices, so that what they have in
common agrees: the equity of a book is that of its strategies plus its treasury, the portfolio's is
the sum of the books'.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pm.decimals import ZERO, Amount
from pm.reference.snapshot import Reference
from pm.risk.exposure_totals import AssetTotals, ExposureTotals, asset_totals, exposure_totals
from pm.valuation.book_parts import largest_assets, margins, missing, tokens_owned, treasury
from pm.valuation.conversion import Conversion, plus, published
from pm.valuation.figures import Pricing, Scope, add_to, arriving, asset_exposures, total_of
from pm.valuation.held import HeldPosition, PendingTransfer, StrategyTotals
from pm.valuation.marking import market_value
from pm.valuation.records import BookValuation, PortfolioValuation, StrategyValuation
from pm.valuation.return_history import Instrument
from pm.valuation.snapshot import BookSnapshot, open_positions


@dataclass(frozen=True, slots=True)
class Evaluated:
    """A record with what its risk is computed from: exposures by instrument and by asset."""

    record: Any
    by_instrument: Mapping[str, Amount]
    by_asset: Mapping[str, Amount]


@dataclass(slots=True)
class BookEvaluation:
    """All a pass knows of one book; `held` are amounts of tokens beside positions."""

    snapshot: BookSnapshot
    scope: Scope
    strategies: dict[str, Evaluated]
    book: Evaluated
    totals: StrategyTotals
    held: dict[str, Amount]
    instruments: dict[str, Instrument]


@dataclass(slots=True)
class Evaluation:
    """What makes records: prices, terms and the moment of one pass."""

    pricing: Pricing
    reference: Reference
    reporting_currency: str
    at: int
    started: float = 0.0
    stablecoins: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        tokens = self.reference.tokens.values()
        self.stablecoins = frozenset(token.asset for token in tokens if token.is_stablecoin)

    def conversion(self) -> Conversion:
        """Rates into the reporting currency with nothing missing so far."""
        return Conversion(self.pricing.prices, self.reporting_currency)

    def of_book(self, snapshot: BookSnapshot, duration_ms: int) -> BookEvaluation:
        """The records of a book and of its strategies."""
        scope, scopes = Scope(), {name: Scope() for name in snapshot.strategies}
        instruments: dict[str, Instrument] = {}
        for position in open_positions(snapshot):
            valued, terms = self.pricing.valued(position), self.pricing.terms(position.instrument)
            scope.add(valued, terms)
            scopes[position.strategy].add(valued, terms)
            instruments[position.instrument] = _instrument(position)
        strategies = {
            name: self._strategy(snapshot, name, scopes[name], duration_ms) for name in scopes
        }
        held = tokens_owned(snapshot)
        totals = total_of(snapshot.strategies)
        book = self._book(snapshot, scope, totals, held, strategies, duration_ms)
        return BookEvaluation(snapshot, scope, strategies, book, totals, held, instruments)

    def of_portfolio(self, books: Sequence[BookEvaluation], duration_ms: int) -> Evaluated:
        """The record of all books, instruments netted across them."""
        scope, conversion = Scope(), self.conversion()
        held: dict[str, Amount] = {}
        for part in books:
            scope.merge(part.scope)
            for token, amount in part.held.items():
                add_to(held, token, amount)
        records = [part.book.record for part in books]
        equity = plus(*(record.equity for record in records))
        totals = total_of({part.snapshot.book: part.totals for part in books})
        net = plus(*(record.net_pnl for record in records))
        common, by_instrument, by_asset = self._common(
            scope, totals, held, conversion, equity, net, duration_ms
        )
        record = PortfolioValuation(
            **common,
            seq_start={part.snapshot.book: part.snapshot.seq_start for part in books},
            seq_end={part.snapshot.book: part.snapshot.seq_end for part in books},
            **missing(scope, conversion),
            books=tuple(part.snapshot.book for part in books),
            balances=plus(*(record.balances for record in records)),
            receivables=plus(*(record.receivables for record in records)),
            in_flight=plus(*(record.in_flight for record in records)),
            treasury=plus(*(record.treasury for record in records)),
            margins=tuple(margin for record in records for margin in record.margins),
        )
        return Evaluated(record, by_instrument, by_asset)

    def _strategy(
        self, snapshot: BookSnapshot, name: str, scope: Scope, duration_ms: int
    ) -> Evaluated:
        conversion, totals = self.conversion(), snapshot.strategies[name]
        in_flight = self._in_flight(snapshot, name, conversion)
        allocated = None
        if any(totals.allocated.values()):
            allocated = conversion.total(totals.allocated)
        net = plus(self._net(scope, totals, conversion), in_flight)
        equity = None if allocated is None else plus(allocated, net)
        common, by_instrument, by_asset = self._common(
            scope, totals, None, conversion, equity, net, duration_ms
        )
        margin: Amount | None = ZERO
        for (_, token), account in scope.accounts.items():
            used = account.margin_used
            margin = plus(margin, None if used is None else conversion.convert(token, used))
        record = StrategyValuation(
            **common,
            seq_start={snapshot.book: snapshot.seq_start},
            seq_end={snapshot.book: snapshot.seq_end},
            **missing(scope, conversion),
            book=snapshot.book,
            strategy=name,
            allocated=published(allocated),
            in_flight_pnl=published(in_flight),
            margin_used=published(margin),
        )
        return Evaluated(record, by_instrument, by_asset)

    def _book(
        self,
        snapshot: BookSnapshot,
        scope: Scope,
        totals: StrategyTotals,
        held: Mapping[str, Amount],
        strategies: Mapping[str, Evaluated],
        duration_ms: int,
    ) -> Evaluated:
        conversion = self.conversion()
        balances: dict[str, Amount] = {}
        for balance in snapshot.balances.values():
            add_to(balances, balance.token, balance.total)
        cash: dict[str, Any] = {
            "balances": published(conversion.total(balances)),
            "receivables": published(conversion.total(snapshot.receivables)),
            "in_flight": published(conversion.total(snapshot.in_flight)),
        }
        derivatives = None if scope.in_equity_unknown else conversion.total(scope.in_equity)
        equity = published(plus(*cash.values(), derivatives))
        in_flight = plus(*(part.record.in_flight_pnl for part in strategies.values()))
        net = plus(self._net(scope, totals, conversion), in_flight)
        common, by_instrument, by_asset = self._common(
            scope, totals, held, conversion, equity, net, duration_ms
        )
        record = BookValuation(
            **common,
            seq_start={snapshot.book: snapshot.seq_start},
            seq_end={snapshot.book: snapshot.seq_end},
            **missing(scope, conversion),
            book=snapshot.book,
            **cash,
            treasury=treasury(
                equity, snapshot, {name: part.record.equity for name, part in strategies.items()}
            ),
            margins=margins(scope, snapshot),
        )
        return Evaluated(record, by_instrument, by_asset)

    def _common(
        self,
        scope: Scope,
        totals: StrategyTotals,
        held: Mapping[str, Amount] | None,
        conversion: Conversion,
        equity: Amount | None,
        net: Amount | None,
        duration_ms: int,
    ) -> tuple[dict[str, Any], Mapping[str, Amount], Mapping[str, Amount]]:
        """The fields every record has, but for what is missing; exposures beside them."""
        exposures, assets = self._exposures(scope, held, conversion, equity)
        largest = exposures.concentration
        shown, elsewhere = largest_assets(assets.assets)
        unrealized = None if scope.unmarked else conversion.total(scope.unrealized)
        fields: dict[str, Any] = {
            "at": self.at,
            "duration_ms": duration_ms,
            "reporting_currency": self.reporting_currency,
            "equity": published(equity),
            "net_pnl": published(net),
            "realized_pnl": published(conversion.total(totals.realized_pnl)),
            "unrealized_pnl": published(unrealized),
            "carry": published(conversion.total(totals.carry)),
            "fee_value": published(conversion.total(totals.fee_value)),
            "transfer_cost": published(conversion.total(totals.transfer_cost)),
            "gross_exposure": published(exposures.gross),
            "net_exposure": published(exposures.net),
            "risk_weighted_exposure": published(exposures.risk_weighted),
            "leverage": exposures.leverage,
            "concentration": largest.ratio if largest is not None else None,
            "largest_instrument": largest.name if largest is not None else "",
            "exposure_by_group": _all_rounded(
                {str(group): amount for group, amount in exposures.by_group.items()}
            ),
            "exposure_by_asset": _all_rounded(shown),
            "exposure_elsewhere": _rounded(elsewhere),
            "exposure_in_stablecoins": self._in_stablecoins(assets),
            "positions": scope.positions,
            "unmarked": scope.unmarked,
            "stale": scope.stale,
            "fees_unvalued": sum(1 for amount in totals.fees_unvalued.values() if amount),
            "exposure_unknown": len(exposures.uncovered),
        }
        return fields, exposures.by_instrument, {**assets.assets, **assets.stablecoins}

    def _exposures(
        self,
        scope: Scope,
        held: Mapping[str, Amount] | None,
        conversion: Conversion,
        equity: Amount | None,
    ) -> tuple[ExposureTotals, AssetTotals]:
        parts = asset_exposures(scope, held, self.reference)
        tokens = {part.exposure.token: None for part in parts if part.exposure.amount}
        tokens |= {part.exposure.token: None for part in scope.exposures.values()}
        rates = conversion.rates(tokens)
        by_asset = asset_totals(parts, rates, self.reporting_currency, self.stablecoins)
        return exposure_totals(scope.exposures.values(), rates, equity), by_asset

    def _in_stablecoins(self, assets: AssetTotals) -> dict[str, Amount | None]:
        """By stablecoin; None where what is held of it has no rate."""
        found: dict[str, Amount | None] = dict(_all_rounded(assets.stablecoins))
        for part in assets.uncovered:
            if part.name in self.stablecoins and not found.get(part.name):
                found[part.name] = None
        return {name: found[name] for name in sorted(found)}

    def _net(self, scope: Scope, totals: StrategyTotals, conversion: Conversion) -> Amount | None:
        """Realized + unrealized + carry - fee value - transfer cost; None if a part is unknown."""
        if scope.unmarked or any(totals.fees_unvalued.values()):
            return None
        costs = plus(conversion.total(totals.fee_value), conversion.total(totals.transfer_cost))
        return plus(
            conversion.total(totals.realized_pnl),
            conversion.total(scope.unrealized),
            conversion.total(totals.carry),
            None if costs is None else -costs,
        )

    def _in_flight(
        self, snapshot: BookSnapshot, strategy: str, conversion: Conversion
    ) -> Amount | None:
        """What the strategy's positions on their way would bring above their cost."""
        return plus(
            *(
                self._gain(pending, conversion)
                for pending in snapshot.pendings.values()
                if pending.strategy == strategy
            )
        )

    def _gain(self, pending: PendingTransfer, conversion: Conversion) -> Amount | None:
        about = self.reference.instrument(pending.instrument)
        price = None if about is None else self.pricing.price(about.id, about.quote).value
        if about is None or price is None:
            conversion.missing[pending.instrument] = None
            return None
        value = market_value(arriving(pending, about), price)
        if value is None:
            conversion.missing[pending.instrument] = None
            return None
        return conversion.convert(about.settlement, value - pending.cost)


def _instrument(held: HeldPosition) -> Instrument:
    return Instrument(held.instrument, held.kind, held.base, held.quote)


def _rounded(amount: Amount) -> Amount:
    return round(amount, 18)


def _all_rounded(amounts: Mapping[str, Amount]) -> dict[str, Amount]:
    return {name: _rounded(amount) for name, amount in amounts.items()}
