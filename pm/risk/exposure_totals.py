"""Exposures of many positions added up in the reporting currency.

Positions in one instrument are netted whatever strategy holds them; gross is the sum of what is
left, so that two strategies on opposite sides do not look like leverage [AIFMD gross method]. By
asset, balances and the deltas of derivatives meet: spot against a short future is flat there and
twice its size in gross. An exposure that is unknown, or in a token without a rate, is listed as
uncovered and in no sum; where nothing is covered the sums are unknown. Sums are exact; ratios have
18 decimals half-even.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from pm.decimals import ONE, ZERO, Amount, divide
from pm.risk.exposure import Exposure

RATIO_SCALE: Final = 18
UNGROUPED: Final = 0


@dataclass(frozen=True, slots=True)
class InstrumentExposure:
    """A position's exposure with its instrument's risk weight and correlation group (0: none)."""

    instrument: str
    exposure: Exposure
    risk_weight: Amount = ONE
    group: int = UNGROUPED


@dataclass(frozen=True, slots=True)
class AssetExposure:
    """What a balance (its amount) or a derivative (its exposure) adds to an asset."""

    asset: str
    exposure: Exposure


@dataclass(frozen=True, slots=True)
class Uncovered:
    """An exposure that no sum contains: its amount in its own token if known, and why."""

    name: str
    exposure: Exposure
    reason: str


@dataclass(frozen=True, slots=True)
class Concentration:
    """The largest exposure by size and its ratio to equity, None without positive equity."""

    name: str
    ratio: Amount | None


@dataclass(frozen=True, slots=True)
class ExposureTotals:
    """Totals over instruments in the reporting currency, None if all there is is uncovered.

    `by_instrument` is signed and netted across strategies; `by_group` is the size of each group's
    net, without the ungrouped. `leverage` is None without gross or positive equity too,
    `concentration` None without exposure.
    """

    gross: Amount | None
    net: Amount | None
    risk_weighted: Amount | None
    by_instrument: Mapping[str, Amount]
    by_group: Mapping[int, Amount]
    leverage: Amount | None
    concentration: Concentration | None
    uncovered: tuple[Uncovered, ...]


@dataclass(frozen=True, slots=True)
class AssetTotals:
    """Signed exposure by asset in the reporting currency, stablecoins apart from the others."""

    assets: Mapping[str, Amount]
    stablecoins: Mapping[str, Amount]
    uncovered: tuple[Uncovered, ...]


def exposure_totals(
    exposures: Iterable[InstrumentExposure],
    rates: Mapping[str, Amount],
    equity: Amount | None,
) -> ExposureTotals:
    """Net by instrument and add up; `rates` is token -> its price in the reporting currency.

    The reporting currency has a rate too, 1. ValueError if positions in one instrument differ in
    token, weight or group.
    """
    covered: dict[str, Amount] = {}
    uncovered: list[Uncovered] = []
    groups: dict[int, Amount] = {}
    risk_weighted = ZERO
    for part in _netted(exposures):
        amount, reason = _in_reporting_currency(part.exposure, rates)
        if amount is None:
            uncovered.append(Uncovered(part.instrument, part.exposure, reason))
            continue
        covered[part.instrument] = amount
        risk_weighted += part.risk_weight * abs(amount)
        if part.group != UNGROUPED:
            groups[part.group] = groups.get(part.group, ZERO) + amount
    is_known = any(covered.values()) or not uncovered
    gross = sum(map(abs, covered.values()), ZERO) if is_known else None
    return ExposureTotals(
        gross=gross,
        net=sum(covered.values(), ZERO) if is_known else None,
        risk_weighted=risk_weighted if is_known else None,
        by_instrument=covered,
        by_group={group: abs(groups[group]) for group in sorted(groups)},
        leverage=_ratio(gross, equity),
        concentration=concentration(covered, equity),
        uncovered=tuple(uncovered),
    )


def asset_totals(
    exposures: Iterable[AssetExposure],
    rates: Mapping[str, Amount],
    reporting_currency: str,
    stablecoins: Collection[str] = (),
) -> AssetTotals:
    """Add up by asset; the asset `reporting_currency` is left out, `stablecoins` are assets.

    A part without a known amount or rate is uncovered alone; the asset's other parts still count.
    """
    covered: dict[str, Amount] = {}
    uncovered: list[Uncovered] = []
    for part in exposures:
        if part.asset == reporting_currency:
            continue
        amount, reason = _in_reporting_currency(part.exposure, rates)
        if amount is None:
            uncovered.append(Uncovered(part.asset, part.exposure, reason))
        else:
            covered[part.asset] = covered.get(part.asset, ZERO) + amount
    names = sorted(covered)
    return AssetTotals(
        assets={name: covered[name] for name in names if name not in stablecoins},
        stablecoins={name: covered[name] for name in names if name in stablecoins},
        uncovered=tuple(sorted(uncovered, key=_uncovered_order)),
    )


def concentration(exposures: Mapping[str, Amount], equity: Amount | None) -> Concentration | None:
    """max |E| / equity over instruments or assets, the first by name of equals; None if all 0."""
    largest = min(exposures, key=lambda name: (-abs(exposures[name]), name), default=None)
    if largest is None or not exposures[largest]:
        return None
    return Concentration(largest, _ratio(abs(exposures[largest]), equity))


def uncovered_amounts(uncovered: Iterable[Uncovered]) -> dict[str, Amount]:
    """Size of what is uncovered for want of a rate, per token; unknown amounts are not in it."""
    amounts: dict[str, Amount] = {}
    for entry in uncovered:
        amount, token = entry.exposure.amount, entry.exposure.token
        if amount is not None:
            amounts[token] = amounts.get(token, ZERO) + abs(amount)
    return {token: amounts[token] for token in sorted(amounts)}


def _netted(exposures: Iterable[InstrumentExposure]) -> list[InstrumentExposure]:
    """One exposure for each instrument, by name; unknown if any part of it is."""
    netted: dict[str, InstrumentExposure] = {}
    for part in exposures:
        before = netted.get(part.instrument)
        netted[part.instrument] = part if before is None else _added(before, part)
    return [netted[instrument] for instrument in sorted(netted)]


def _added(left: InstrumentExposure, right: InstrumentExposure) -> InstrumentExposure:
    a, b = left.exposure, right.exposure
    if (a.token, left.risk_weight, left.group) != (b.token, right.risk_weight, right.group):
        raise ValueError(
            f"{left.instrument}: positions differ in token, risk weight or correlation group"
        )
    if a.amount is None or b.amount is None:
        unknown = Exposure(None, a.token, min(filter(None, (a.missing, b.missing)), default=""))
        return InstrumentExposure(left.instrument, unknown, left.risk_weight, left.group)
    total = Exposure(a.amount + b.amount, a.token)
    return InstrumentExposure(left.instrument, total, left.risk_weight, left.group)


def _in_reporting_currency(
    part: Exposure, rates: Mapping[str, Amount]
) -> tuple[Amount | None, str]:
    if part.amount is None:
        return None, f"no {part.missing or 'amount'}"
    if not part.amount:
        return ZERO, ""
    rate = rates.get(part.token)
    return (None, f"no rate for {part.token}") if rate is None else (part.amount * rate, "")


def _ratio(amount: Amount | None, equity: Amount | None) -> Amount | None:
    if amount is None or equity is None or equity.sign <= 0:
        return None
    return divide(amount, equity, RATIO_SCALE)


def _uncovered_order(entry: Uncovered) -> tuple[str, str, str]:
    return entry.name, entry.reason, str(entry.exposure.amount)
