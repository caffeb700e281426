"""Capital that came or went, as the journal tells it: what a return must not count as earned.

Deposits, withdrawals and openings are flows of a book, and so is what goes to or comes from another
book. An allocation is a flow of a strategy. A position that comes with its cost changes the net P&L
of its strategy by value less cost although nothing was earned: that difference is a flow too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pm.decimals import ONE, ZERO, Amount, multiply_divide
from pm.valuation.conversion import Conversion, plus
from pm.valuation.figures import DERIVATIVES, Pricing
from pm.valuation.held import HeldPosition
from pm.valuation.marking import market_value

FLOW_EVENTS: Final = frozenset({"deposit", "withdrawal", "opening", "allocation", "transfer"})


@dataclass(frozen=True, slots=True)
class Flow:
    """One entry's capital, signed: into the book is above 0. `at` is ns.

    `tokens` moved over the book's border, `allocated` is what strategies were given, and
    `positions` are what came with a cost (quantity and cost below 0: what left).
    """

    seq: int
    at: int
    tokens: tuple[tuple[str, Amount], ...] = ()
    allocated: tuple[tuple[str, str, Amount], ...] = ()
    positions: tuple[HeldPosition, ...] = ()

    def of_book(self, pricing: Pricing, conversion: Conversion) -> Amount | None:
        """What the book's equity gained by it; None without the marks or rates to tell."""
        parts = [conversion.convert(token, amount) for token, amount in self.tokens]
        for held in self.positions:
            if held.kind == "option":
                parts.append(_converted(_value(held, pricing), held, conversion))
            elif held.kind in DERIVATIVES:
                parts.append(_converted(_gain(held, pricing), held, conversion))
        return plus(*parts)

    def of_strategy(self, strategy: str, pricing: Pricing, conversion: Conversion) -> Amount | None:
        """What the strategy's equity gained by it; None without the marks or rates to tell."""
        parts = [
            conversion.convert(token, amount)
            for name, token, amount in self.allocated
            if name == strategy
        ]
        for held in self.positions:
            if held.strategy == strategy:
                parts.append(_converted(_gain(held, pricing), held, conversion))
        return plus(*parts)


def flow_of(entry: Mapping[str, str]) -> Flow | None:
    """The flow in a journal entry, None when it is none."""
    if entry["event"] not in FLOW_EVENTS or entry["result"] != "applied":
        return None
    facts = json.loads(entry["facts"])
    seq, at = int(entry["seq"]), int(facts["executed_at"])
    if entry["event"] == "allocation":
        given = (facts["strategy"], facts["token"], Amount.parse(facts["amount"]))
        return Flow(seq, at, allocated=(given,))
    if entry["event"] == "transfer":
        return _of_transfer(seq, at, facts, entry)
    tokens: tuple[tuple[str, Amount], ...] = ()
    if "token" in facts:
        amount = Amount.parse(facts["amount"])
        tokens = ((facts["token"], -amount if entry["event"] == "withdrawal" else amount),)
    return Flow(seq, at, tokens=tokens, positions=_moved(facts, facts, entry))


def _of_transfer(
    seq: int, at: int, facts: Mapping[str, Any], entry: Mapping[str, str]
) -> Flow | None:
    """What crosses to or from another book; all else stays within this one."""
    if facts["step"] != "arrived":
        return None
    if "from_book" in facts:
        token = facts.get("to_token", facts.get("token"))
        arrived = (token, Amount.parse(facts["arrived"]))
        return Flow(seq, at, (arrived,), positions=_moved(facts, facts.get("to", {}), entry))
    if "to_book" not in facts:
        return None
    for effect in json.loads(entry["effects"]):
        if effect["type"] == "pending":
            arrived = (effect["token"], -Amount.parse(effect["arrived"]))
            return Flow(seq, at, (arrived,), positions=_handed_over(facts, effect))
    return None


def _moved(
    facts: Mapping[str, Any], about: Mapping[str, Any], entry: Mapping[str, str]
) -> tuple[HeldPosition, ...]:
    if "strategy" not in facts or "instrument" not in about:
        return ()
    legs = [(Amount.parse(leg[0]), Amount.parse(leg[1])) for leg in json.loads(entry["legs"])]
    quantity = sum((leg[0] for leg in legs), ZERO)
    cost = sum((leg[1] for leg in legs), ZERO)
    if not legs:
        return ()
    return (_held(facts["strategy"], about, quantity, cost),)


def _handed_over(facts: Mapping[str, Any], effect: Mapping[str, Any]) -> tuple[HeldPosition, ...]:
    """The part of a position that arrived in another book, with the cost it took there."""
    sent = Amount.parse(effect["quantity"])
    if not sent or not effect["strategy"] or "instrument_kind" not in facts:
        return ()
    moved, arrived = Amount.parse(effect["amount"]), Amount.parse(effect["arrived"])
    quantity = sent if arrived == moved else multiply_divide(arrived, sent, moved, 18)
    cost = Amount.parse(effect["cost"]) - Amount.parse(effect["transfer_cost"] or "0")
    return (_held(effect["strategy"], facts, -quantity, -cost),)


def _held(strategy: str, about: Mapping[str, Any], quantity: Amount, cost: Amount) -> HeldPosition:
    multiplier = about.get("multiplier")
    return HeldPosition(
        strategy=strategy,
        instrument=about["instrument"],
        kind=about["instrument_kind"],
        base=about["base"],
        quote=about["quote"],
        settlement=about["settlement"],
        multiplier=ONE if multiplier is None else Amount.parse(multiplier),
        inverse=about.get("inverse") == "1",
        location="",
        quantity=quantity,
        cost=cost,
        mark="",
        mark_time="",
        mark_stale="0",
        market_value="",
        seq=0,
    )


def _value(held: HeldPosition, pricing: Pricing) -> Amount | None:
    return market_value(held, pricing.price(held.instrument, held.quote).value)


def _gain(held: HeldPosition, pricing: Pricing) -> Amount | None:
    value = _value(held, pricing)
    return None if value is None else value - held.cost


def _converted(amount: Amount | None, held: HeldPosition, conversion: Conversion) -> Amount | None:
    return None if amount is None else conversion.convert(held.settlement, amount)
