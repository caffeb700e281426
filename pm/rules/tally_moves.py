"""What an entry must have moved between balances, worked out from its texts alone."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pm.decimals import ZERO, Amount

Moves = Iterator[tuple[str, str, Amount]]
"""Locations, tokens and amounts."""


@dataclass(frozen=True, slots=True)
class InstrumentTokens:
    """What of an instrument tells which tokens it moves."""

    kind: str
    base: str
    quote: str
    settlement: str

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> "InstrumentTokens":
        """Those of an object of facts that names an instrument."""
        return cls(facts["instrument_kind"], facts["base"], facts["quote"], facts["settlement"])


@dataclass(frozen=True, slots=True)
class TallyLeg:
    """A leg with its position's key."""

    quantity: Amount
    notional: Amount
    position: str

    @property
    def instrument(self) -> str:
        """The instrument of its position."""
        return self.position.partition(":")[2]


@dataclass(frozen=True, slots=True)
class TallyEntry:
    """The texts of an applied entry, read; `tokens` are those of the facts' instrument."""

    event: str
    facts: dict[str, Any]
    legs: list[TallyLeg]
    effects: list[dict[str, Any]]
    contributions: list[dict[str, Any]]
    tokens: InstrumentTokens | None

    @property
    def location(self) -> str:
        """Where its balances lie."""
        return str(self.facts.get("location") or self.facts["venue"])

    def contributed(self, figure: str, instrument: str | None = None) -> Amount:
        """The sum of a figure over its contributions, or over those of one instrument."""
        return _sum(
            Amount.parse(each[figure])
            for each in self.contributions
            if figure in each and instrument in (None, each["instrument"])
        )

    def effect(self, type_: str) -> dict[str, Any]:
        """Its first effect of a type."""
        return next(effect for effect in self.effects if effect["type"] == type_)


def _sum(amounts: Iterable[Amount]) -> Amount:
    summed = ZERO
    for amount in amounts:
        summed += amount
    return summed


def moves(entry: TallyEntry) -> Moves:
    """What an applied entry must have moved."""
    return _MOVES.get(entry.event, _of_nothing)(entry)


def _of_nothing(_: TallyEntry) -> Moves:
    return iter(())


def _of_order_event(entry: TallyEntry) -> Moves:
    for contribution in entry.contributions:
        for name in ("fees", "failed_fees"):
            for token, amount in contribution.get(name, {}).items():
                yield entry.location, token, -Amount.parse(amount)
        if "trade_count" in contribution:
            # An execution's own leg comes first; legs of fees exchange nothing.
            yield from _exchange(entry, entry.legs[:1])


def _exchange(entry: TallyEntry, legs: list[TallyLeg]) -> Moves:
    """What these legs exchange, or what all legs of the entry realized where that is settled."""
    tokens = entry.tokens
    assert tokens is not None, "legs are of an instrument"
    if tokens.kind in ("future", "perpetual"):
        yield entry.location, tokens.settlement, entry.contributed("realized_pnl")
        return
    for leg in legs:
        if tokens.kind == "option":
            yield entry.location, tokens.settlement, -leg.notional
        else:
            yield entry.location, tokens.base, leg.quantity
            yield entry.location, tokens.quote, -leg.notional


def _of_deposit(entry: TallyEntry) -> Moves:
    if "token" in entry.facts and "amount" in entry.facts:
        yield entry.location, entry.facts["token"], Amount.parse(entry.facts["amount"])


def _of_restatement(entry: TallyEntry) -> Moves:
    for location, _, token, amount in entry.facts["moves"]:
        yield location, token, Amount.parse(amount)


def _of_withdrawal(entry: TallyEntry) -> Moves:
    yield entry.location, entry.facts["token"], -Amount.parse(entry.facts["amount"])


def _of_transfer(entry: TallyEntry) -> Moves:
    facts, step = entry.facts, entry.facts["step"]
    if step in ("sent", "whole"):
        yield facts["from_location"], facts["token"], -Amount.parse(facts["amount"])
    if step == "failed":
        pending = entry.effect("pending")
        yield pending["from_location"], pending["token"], Amount.parse(pending["amount"])
    if step in ("arrived", "whole") and ("from_book" in facts or not _leaves_book(entry)):
        token = facts.get("to_token") or facts["token"]
        yield facts["to_location"], token, Amount.parse(facts["arrived"])


def _leaves_book(entry: TallyEntry) -> bool:
    return bool(entry.effect("pending")["to_book"])


def _of_funding(entry: TallyEntry) -> Moves:
    stated = entry.facts.get("amount")
    paid = entry.contributed("carry") if stated is None else Amount.parse(stated)
    yield entry.location, entry.facts["token"], paid


def _of_dividend(entry: TallyEntry) -> Moves:
    stated, step = entry.facts.get("amount"), entry.facts["step"]
    if step == "ex":
        return
    if stated is not None:
        paid = Amount.parse(stated)
    elif step == "whole":
        paid = entry.contributed("carry")
    else:
        paid = Amount.parse(entry.effect("pending")["amount"])
    yield entry.location, entry.facts["token"], paid


def _of_split(entry: TallyEntry) -> Moves:
    tokens = entry.tokens
    assert tokens is not None, "a split is of an instrument"
    if tokens.kind in ("spot", "equity"):
        for effect in entry.effects:
            yield entry.location, tokens.base, Amount.parse(effect["quantity"])
    yield entry.location, tokens.settlement, -_sum(leg.notional for leg in entry.legs)


def _of_expiry(entry: TallyEntry) -> Moves:
    return _exchange(entry, entry.legs)


def _of_settlement(entry: TallyEntry) -> Moves:
    tokens = entry.tokens
    assert tokens is not None, "a settlement is of an instrument"
    yield entry.location, tokens.settlement, entry.contributed("realized_pnl")


def _of_exercise(entry: TallyEntry) -> Moves:
    tokens, underlying = entry.tokens, entry.facts.get("underlying")
    assert tokens is not None, "an exercise is of an instrument"
    if underlying is None:
        yield entry.location, tokens.settlement, -_sum(leg.notional for leg in entry.legs)
        return
    name, delivered = underlying["instrument"], InstrumentTokens.of(underlying)
    legs = [leg for leg in entry.legs if leg.instrument == name]
    if delivered.kind in ("future", "perpetual"):
        yield entry.location, delivered.settlement, entry.contributed("realized_pnl", name)
    elif delivered.kind == "option":
        yield entry.location, delivered.settlement, -_sum(leg.notional for leg in legs)
    else:
        yield entry.location, delivered.base, _sum(leg.quantity for leg in legs)
        yield entry.location, delivered.quote, -_sum(leg.notional for leg in legs)


_MOVES: Mapping[str, Callable[[TallyEntry], Moves]] = {
    "fill": _of_order_event,
    "execution_result": _of_order_event,
    "rejected": _of_order_event,
    "order_status": _of_order_event,
    "deposit": _of_deposit,
    "opening": _of_deposit,
    "adjustment": _of_deposit,
    "restatement": _of_restatement,
    "withdrawal": _of_withdrawal,
    "transfer": _of_transfer,
    "funding": _of_funding,
    "dividend": _of_dividend,
    "split": _of_split,
    "expiry": _of_expiry,
    "settlement": _of_settlement,
    "exercise": _of_exercise,
}
