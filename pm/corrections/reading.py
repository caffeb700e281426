"""Journal entries to the steps of one position."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pm.corrections.steps import (
    Earning,
    Execution,
    Expiring,
    FeeValued,
    PlainLeg,
    Settling,
    Splitting,
    Step,
    Version,
)
from pm.decimals import ZERO, Amount
from pm.rules.executions import priced_by
from pm.rules.facts import Facts, Fee, Place, Terms
from pm.rules.legs import Leg
from pm.rules.orders import fee_shares
from pm.rules.splits import ratio_of

EXECUTIONS = frozenset({"fill", "execution_result"})
BY_QUANTITY = frozenset({"split", "expiry", "settlement"})
"""Kinds that meet whatever is held of an instrument, even where nothing was."""

Entry = Mapping[str, str]


def steps_of(entry: Entry, strategy: str, instrument: str, terms: Terms | None) -> list[Step]:
    """What an entry does to a position, in order; `terms` are the last that were told of it."""
    facts, seq = Facts.parse(entry["facts"]), int(entry["seq"])
    if facts.kind in BY_QUANTITY:
        return _by_quantity(facts, seq, strategy)
    if entry["result"] != "applied":
        return []
    told = _contribution(entry, strategy, instrument)
    if facts.kind in EXECUTIONS:
        return [_execution(entry, facts, seq, told, terms)]
    if facts.kind == "fee_value":
        return [_fee_valued(facts, seq)]
    return _journaled(entry, facts, seq, told, f"{strategy}:{instrument}")


def _by_quantity(facts: Facts, seq: int, strategy: str) -> list[Step]:
    if facts.word("strategy") not in (None, strategy):
        return []
    terms, executed_at = facts.need_terms(), facts.need("executed_at")
    place = Place(facts.location(), facts.chain_id())
    if facts.kind == "split":
        return [Splitting(seq, terms, executed_at, place, ratio_of(facts))]
    if facts.kind == "expiry":
        return [Expiring(seq, terms, executed_at, place)]
    is_final = facts.word("final") == "1"
    return [Settling(seq, terms, executed_at, place, facts.need_amount("price"), is_final)]


def _execution(
    entry: Entry, facts: Facts, seq: int, told: Mapping[str, Any], terms: Terms | None
) -> Execution:
    terms = facts.terms() or terms
    assert terms is not None, "a position that is traded has terms"
    legs = json.loads(entry["legs"])
    main = None
    if "trade_count" in told:
        main = Leg(Amount.parse(legs[0][0]), Amount.parse(legs[0][1]))
    stated = facts.need_amount("quantity")
    unit_price = priced_by(facts, stated, terms).unit_price
    fees = _fees_applied(entry, facts, told, main, stated)
    place = Place(facts.location(), facts.chain_id())
    version = Version(main, fees, unit_price)
    return Execution(seq, terms, place, facts.need("executed_at"), version)


def _fees_applied(
    entry: Entry, facts: Facts, told: Mapping[str, Any], main: Leg | None, stated: Amount
) -> tuple[Fee, ...]:
    """The fees of an execution that counted, as the order let them."""
    fees = facts.fees() or ()
    if facts.kind == "execution_result":
        differences: dict[str, Fee] = {}
        for fee in fees:
            amount = told.get("fees", {}).get(fee.token)
            if amount is not None and fee.token not in differences:
                differences[fee.token] = Fee(fee.token, Amount.parse(amount), fee.gas)
        return tuple(differences.values())
    applied = ZERO if main is None else abs(main.quantity)
    if applied == abs(stated) or json.loads(entry["order"] or "{}").get("result_fees") != "1":
        return fees
    return fee_shares(fees, applied, abs(stated))


def _fee_valued(facts: Facts, seq: int) -> FeeValued:
    return FeeValued(
        seq,
        facts.need_terms(),
        facts.need("executed_at"),
        int(facts.need("id").split("/")[1]),
        facts.need("token"),
        facts.need_amount("amount"),
        facts.need_amount("value"),
        facts.whole("fee_executed_at"),
    )


def _journaled(
    entry: Entry, facts: Facts, seq: int, told: Mapping[str, Any], position: str
) -> list[Step]:
    """Legs and earnings as they stand: what leaves first, then what that cost, then what comes."""
    about = _about(facts, position)
    terms, executed_at = about.need_terms(), facts.need("executed_at")
    settles_at = None
    if facts.kind == "exercise":
        settles_at = Place(facts.location(), facts.chain_id())
    legs: list[Step] = [
        PlainLeg(
            seq, terms, executed_at, Leg(Amount.parse(row[0]), Amount.parse(row[1])), settles_at
        )
        for row in json.loads(entry["legs"])
        if len(row) == 2 or row[2] == position
    ]
    carry, cost = (Amount.parse(told.get(name, "0")) for name in ("carry", "transfer_cost"))
    if not carry and not cost:
        return legs
    earning = Earning(seq, terms, executed_at, carry, cost)
    leaves = facts.kind == "transfer" and facts.need("step") == "whole"
    return [*legs[:1], earning, *legs[1:]] if leaves else [earning, *legs]


def _about(facts: Facts, position: str) -> Facts:
    """The part of the facts that is about the position's instrument."""
    instrument = position.partition(":")[2]
    if facts.word("instrument") == instrument:
        return facts
    for name in ("to", "underlying"):
        part = facts.within(name)
        if part is not None and part.word("instrument") == instrument:
            return part
    return facts


def _contribution(entry: Entry, strategy: str, instrument: str) -> Mapping[str, Any]:
    told = json.loads(entry["contribution"] or "[]")
    for part in told if isinstance(told, list) else [told]:
        if (part["strategy"], part["instrument"]) == (strategy, instrument):
            found: Mapping[str, Any] = part
            return found
    return {}
