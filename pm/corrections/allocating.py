"""Which entries a corrected trade changes: the one that booked it, or those that told of it before.

A fill's own entry books what no cumulative result had covered. What one had is in the result's
entry, and is taken out there, from the newest result before the fill on; what the trade has become
is put where it was taken out first.
"""

from __future__ import annotations

from collections.abc import Iterable

from pm.corrections.errors import CannotCorrect
from pm.corrections.life import Life
from pm.corrections.steps import NOT_BOOKED, Version
from pm.corrections.terms import TradeTerms
from pm.decimals import ZERO, Amount
from pm.rules.facts import Fee
from pm.rules.legs import Leg, share

Versions = dict[int, Version]


def versions_of(life: Life, changed: TradeTerms) -> Versions:
    """The entries of a trade with other terms, as they count then; CannotCorrect as `version`."""
    trade = life.trade
    after = changed.version(life.terms_then())
    if not trade.covering:
        return {trade.seq: after}
    versions: Versions = {}
    own = life.version(trade.seq)
    if own != NOT_BOOKED:
        versions[trade.seq] = NOT_BOOKED
    before = life.stated[trade.seq].version(life.terms_then())
    taken_from = _take_out(life, _difference(before, own), versions)
    place = versions[taken_from]
    main = _plus(place.main, after.main)
    fees = _fees([*place.fees, *after.fees])
    versions[taken_from] = place._replace(main=main, fees=fees, counts=main is not None)
    return versions


def _take_out(life: Life, taken: Version, versions: Versions) -> int:
    """Take a leg and fees out of results, the newest first; the first it was taken out of."""
    assert taken.main is not None, "a trade that was not busted has a quantity"
    quantity, notional = taken.main
    first = 0
    for seq in reversed(life.trade.covering):
        held = life.version(seq)
        if held.main is None or held.main.quantity.sign != quantity.sign:
            continue
        fees = held.fees
        if not first:
            first, fees = seq, _fees([*held.fees, *_negated(taken.fees)])
        part = min(abs(quantity), abs(held.main.quantity))
        if part == abs(held.main.quantity):
            main = None
        else:
            size = part if quantity.sign > 0 else -part
            main = _plus(held.main, Leg(-size, -share(notional, part, abs(quantity))))
        versions[seq] = held._replace(main=main, fees=fees, counts=main is not None)
        notional -= share(notional, part, abs(quantity))
        quantity -= part if quantity.sign > 0 else -part
        if not quantity:
            return first
    raise CannotCorrect(
        "covered_by_result", "the results that told of the trade before have booked less than it"
    )


def _difference(whole: Version, part: Version) -> Version:
    main = whole.main
    if main is not None and part.main is not None:
        main = _plus(main, Leg(-part.main.quantity, -part.main.notional))
    return whole._replace(main=main, fees=_fees([*whole.fees, *_negated(part.fees)]))


def _plus(one: Leg | None, other: Leg | None) -> Leg | None:
    """The sum of two legs; without a quantity there is none."""
    if one is None or other is None:
        return one or other
    quantity = one.quantity + other.quantity
    return Leg(quantity, one.notional + other.notional) if quantity else None


def _negated(fees: Iterable[Fee]) -> list[Fee]:
    return [fee._replace(amount=-fee.amount) for fee in fees]


def _fees(fees: Iterable[Fee]) -> tuple[Fee, ...]:
    """One fee for each token and class, in the order they come first, without those of 0."""
    sums: dict[tuple[str, bool], Amount] = {}
    for fee in fees:
        key = (fee.token, fee.gas)
        sums[key] = sums.get(key, ZERO) + fee.amount
    return tuple(Fee(token, amount, gas) for (token, gas), amount in sums.items() if amount)
