"""Sums over the positions of a strategy, a book or all books, at one set of prices.

One pass over the positions fills a scope for each strategy and one for the book; scopes of books
add up to that of the portfolio. Quantities of one instrument are netted by adding exposures, which
is the same because every exposure is proportional to its quantity.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from pm.decimals import ONE, ZERO, Amount
from pm.marks.rates import Price, Prices
from pm.reference.records import FutureMetadata, Instrument
from pm.reference.snapshot import Reference
from pm.risk.exposure import Exposure, exposure
from pm.risk.exposure_totals import AssetExposure, InstrumentExposure
from pm.valuation.held import HeldPosition, PendingTransfer, StrategyTotals
from pm.valuation.marking import market_value

DERIVATIVES: Final = frozenset({"future", "perpetual"})
MARGIN_UNKNOWN: Final = "margin of "


@dataclass(frozen=True, slots=True)
class Terms:
    """What reference data says of an instrument beyond what the position itself does."""

    risk_weight: Amount = ONE
    group: int = 0
    margin_requirement: Amount | None = None


@dataclass(slots=True)
class AccountMargin:
    """Futures and perpetuals of one location that settle in one token; None once unknown."""

    margin_used: Amount | None = ZERO
    unrealized_pnl: Amount | None = ZERO


@dataclass(frozen=True, slots=True)
class Valued:
    """A position with its price, its value and unrealized P&L in x, and its exposure."""

    held: HeldPosition
    price: Price
    value: Amount | None
    exposure: Exposure

    @property
    def unrealized(self) -> Amount | None:
        """Value less cost, in the settlement token."""
        return None if self.value is None else self.value - self.held.cost


@dataclass(slots=True)
class Scope:
    """Sums by settlement token and by instrument of what one record covers."""

    positions: int = 0
    unmarked: int = 0
    stale: int = 0
    unrealized: dict[str, Amount] = field(default_factory=dict)
    in_equity: dict[str, Amount] = field(default_factory=dict)
    in_equity_unknown: int = 0
    exposures: dict[str, InstrumentExposure] = field(default_factory=dict)
    deltas: dict[str, Exposure] = field(default_factory=dict)
    owned: list[AssetExposure] = field(default_factory=list)
    delta_assets: dict[str, str] = field(default_factory=dict)
    accounts: dict[tuple[str, str], AccountMargin] = field(default_factory=dict)
    missing: dict[str, None] = field(default_factory=dict)

    def add(self, valued: Valued, terms: Terms) -> None:
        """Take in one position."""
        held, unrealized = valued.held, valued.unrealized
        self.positions += 1
        self.stale += valued.price.is_stale and valued.value is not None
        if unrealized is None:
            self.unmarked += 1
            self.missing[held.instrument] = None
        else:
            add_to(self.unrealized, held.settlement, unrealized)
        if held.kind in DERIVATIVES or held.kind == "option":
            worth = valued.value if held.kind == "option" else unrealized
            if worth is None:
                self.in_equity_unknown += 1
            else:
                add_to(self.in_equity, held.settlement, worth)
            self.add_delta(held.instrument, held.base, valued.exposure)
        else:
            self.owned.append(AssetExposure(held.base, valued.exposure))
        if held.kind in DERIVATIVES:
            self._add_margin(valued, terms)
        part = InstrumentExposure(held.instrument, valued.exposure, terms.risk_weight, terms.group)
        self.add_exposure(part)

    def add_exposure(self, part: InstrumentExposure) -> None:
        """Net an exposure with what is held of the instrument."""
        before = self.exposures.get(part.instrument)
        if before is not None:
            summed = _netted(before.exposure, part.exposure)
            part = InstrumentExposure(part.instrument, summed, part.risk_weight, part.group)
        self.exposures[part.instrument] = part

    def add_delta(self, instrument: str, base: str, part: Exposure) -> None:
        """Net the exposure of a derivative, for the sums by asset."""
        before = self.deltas.get(instrument)
        self.deltas[instrument] = part if before is None else _netted(before, part)
        self.delta_assets[instrument] = base

    def merge(self, other: Scope) -> None:
        """Take in another book."""
        self.positions += other.positions
        self.unmarked += other.unmarked
        self.stale += other.stale
        self.in_equity_unknown += other.in_equity_unknown
        for token, amount in other.unrealized.items():
            add_to(self.unrealized, token, amount)
        for token, amount in other.in_equity.items():
            add_to(self.in_equity, token, amount)
        for part in other.exposures.values():
            self.add_exposure(part)
        for instrument, delta in other.deltas.items():
            self.add_delta(instrument, other.delta_assets[instrument], delta)
        self.missing.update(other.missing)

    def _add_margin(self, valued: Valued, terms: Terms) -> None:
        held = valued.held
        account = self.accounts.setdefault((held.location, held.settlement), AccountMargin())
        if terms.margin_requirement is None:
            account.margin_used = None
            self.missing[MARGIN_UNKNOWN + held.instrument] = None
        elif account.margin_used is not None:
            account.margin_used += abs(held.quantity) * terms.margin_requirement
        if valued.unrealized is None:
            account.unrealized_pnl = None
        elif account.unrealized_pnl is not None:
            account.unrealized_pnl += valued.unrealized


class Pricing:
    """Prices and terms of positions, each looked up once a pass."""

    def __init__(self, prices: Prices, reference: Reference) -> None:
        self.prices: Final = prices
        self._reference = reference
        self._prices: dict[str, Price] = {}
        self._terms: dict[str, Terms] = {}

    def price(self, instrument: str, quote: str) -> Price:
        """The price of an instrument in its quote."""
        found = self._prices.get(instrument)
        if found is None:
            found = self._prices[instrument] = self.prices.price((instrument, quote))
        return found

    def terms(self, instrument: str) -> Terms:
        """Weight, group and margin of an instrument; the defaults where it has no record."""
        found = self._terms.get(instrument)
        if found is None:
            found = self._terms[instrument] = self._read_terms(instrument)
        return found

    def valued(self, held: HeldPosition) -> Valued:
        """A position at its price."""
        price = self.price(held.instrument, held.quote)
        value = market_value(held, price.value)
        if held.kind == "spot" and value is not None:
            return Valued(held, price, value, Exposure(value, held.quote))
        return Valued(held, price, value, exposure(held, held.quantity, price.value))

    def _read_terms(self, instrument: str) -> Terms:
        record = self._reference.instrument(instrument)
        if record is None:
            return Terms()
        margin = None
        if isinstance(record.metadata, FutureMetadata):
            margin = record.metadata.margin_requirement
        return Terms(
            Amount.parse(record.risk_weight),
            record.correlation_group,
            None if margin is None else Amount.parse(margin),
        )


def arriving(pending: PendingTransfer, about: Instrument) -> HeldPosition:
    """What is on its way as the position it will be."""
    return HeldPosition(
        strategy=pending.strategy,
        instrument=about.id,
        kind=about.kind,
        base=about.base,
        quote=about.quote,
        settlement=about.settlement,
        multiplier=Amount.parse(about.multiplier),
        inverse=about.inverse,
        location="",
        quantity=pending.quantity,
        cost=pending.cost,
        mark="",
        mark_time="",
        mark_stale="0",
        market_value="",
        seq=0,
    )


def asset_exposures(
    scope: Scope, held: Mapping[str, Amount] | None, reference: Reference
) -> list[AssetExposure]:
    """What a scope and amounts of tokens held beside it add to each asset.

    Without amounts (None: balances are no strategy's) the spot and equity positions stand for them.
    """
    if held is None:
        parts = [AssetExposure(reference.asset(part.asset), part.exposure) for part in scope.owned]
    else:
        parts = [
            AssetExposure(reference.asset(token), Exposure(amount, token))
            for token, amount in held.items()
        ]
    parts += [
        AssetExposure(reference.asset(scope.delta_assets[instrument]), delta)
        for instrument, delta in scope.deltas.items()
    ]
    return parts


def total_of(strategies: Mapping[str, StrategyTotals]) -> StrategyTotals:
    """The totals of several strategies as those of one."""
    total = StrategyTotals()
    for totals in strategies.values():
        for name in StrategyTotals.__dataclass_fields__:
            if name != "seq":
                for token, amount in getattr(totals, name).items():
                    add_to(getattr(total, name), token, amount)
    return total


def add_to(amounts: dict[str, Amount], token: str, amount: Amount) -> None:
    """Add an amount to a map of them."""
    amounts[token] = amounts.get(token, ZERO) + amount


def _netted(left: Exposure, right: Exposure) -> Exposure:
    if left.amount is None or right.amount is None:
        return Exposure(None, left.token, left.missing or right.missing)
    return Exposure(left.amount + right.amount, left.token)
