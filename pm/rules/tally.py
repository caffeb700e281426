"""Sums kept from the texts of journal entries alone, for the laws to hold a book against.

A tally shares no arithmetic with the fold: it adds up the legs and effects an entry shows, keeps
what orders were last said to have reserved and what is pending, and works out from the texts what
the entry must have moved between balances.
"""

import json
from collections import defaultdict
from typing import Any

from pm.decimals import ZERO, Amount
from pm.rules.digest import GENESIS_DIGEST, chain_digest
from pm.rules.journal import Entry
from pm.rules.state import BookState
from pm.rules.tally_moves import InstrumentTokens, TallyEntry, TallyLeg, moves

Sums = dict[str, Amount]


def _sums() -> Sums:
    return defaultdict(lambda: ZERO)


class Tally:
    """Sums over the entries added so far, and where their hash chain breaks."""

    def __init__(self) -> None:
        self.legs = 0
        self.quantities: Sums = _sums()
        self.notionals: Sums = _sums()
        self.movements: Sums = _sums()
        self.in_flight: Sums = _sums()
        self.receivables: Sums = _sums()
        self.digest = GENESIS_DIGEST
        self.chain_breaks: list[str] = []
        self._tokens: dict[str, InstrumentTokens] = {}
        self._reserved: dict[str, dict[str, Amount]] = {}

    @classmethod
    def of(cls, state: BookState) -> "Tally":
        """A tally that goes on from a state taken as proven."""
        tally = cls()
        for key, record in state.positions.items():
            held, terms = record.position.held, record.terms
            tally.quantities[key] = held.quantity
            tally.notionals[key] = held.cost - held.realized_pnl
            tally._tokens[key] = InstrumentTokens(
                terms.kind, terms.base, terms.quote, terms.settlement
            )
        for key, balance in state.balances.items():
            tally.movements[key] = balance.balance.total
        for key, (order, _, _) in state.orders.items():
            if order.reservations:
                tally._reserved[key] = {
                    name: held.left for name, held in order.reservations.items()
                }
        tally.in_flight.update(state.in_flight)
        tally.receivables.update(state.receivables)
        tally.digest = state.digest
        return tally

    def add(self, entry: Entry) -> None:
        """Count one entry, in journal order, and check that its digest follows."""
        self._check_chain(entry)
        self.count(entry)

    def count(self, entry: Entry) -> None:
        """Count one entry, in journal order, whose digest was checked already."""
        self.digest = entry.digest
        if entry.order:
            self._keep_reservations(entry.order)
        if entry.result == "applied":
            self._add_applied(entry)

    def reserved(self) -> Sums:
        """What orders have reserved of every balance, by their latest texts."""
        sums = _sums()
        for reservations in self._reserved.values():
            for balance, left in reservations.items():
                sums[balance] += left
        return sums

    def _check_chain(self, entry: Entry) -> None:
        if chain_digest(self.digest, entry[1:-1]) != entry.digest:
            self.chain_breaks.append(f"entry {entry.seq}: digest does not follow from its fields")

    def _keep_reservations(self, order: str) -> None:
        if order.endswith('"reservations":{}}'):
            # By far the most orders, of which only those that had some need reading.
            if self._reserved:
                self._reserved.pop(json.loads(order)["key"], None)
            return
        told = json.loads(order)
        self._reserved[told["key"]] = {
            balance: Amount.parse(row[1]) for balance, row in told["reservations"].items()
        }

    def _add_applied(self, entry: Entry) -> None:
        facts = json.loads(entry.facts)
        effects = [] if entry.effects == "[]" else json.loads(entry.effects)
        contributed = json.loads(entry.contribution) if entry.contribution else []
        contributions = contributed if isinstance(contributed, list) else [contributed]
        legs = [] if entry.legs == "[]" else _legs(entry.legs, contributions)
        self.legs += len(legs)
        for leg in legs:
            self.quantities[leg.position] += leg.quantity
            self.notionals[leg.position] += leg.notional
        for effect in effects:
            self._add_effect(effect)
        tokens = self._instrument(facts, contributions)
        read = TallyEntry(entry.event, facts, legs, effects, contributions, tokens)
        for location, token, amount in moves(read):
            self.movements[f"{location}:{token}"] += amount

    def _add_effect(self, effect: dict[str, Any]) -> None:
        match effect["type"]:
            case "rescale":
                self.quantities[effect["position"]] += Amount.parse(effect["quantity"])
            case "in_flight":
                self.in_flight[effect["token"]] += Amount.parse(effect["amount"])
            case "receivable":
                self.receivables[effect["token"]] += Amount.parse(effect["amount"])

    def _instrument(
        self, facts: dict[str, Any], contributions: list[dict[str, Any]]
    ) -> InstrumentTokens | None:
        """The instrument of the facts, else the one its position was last told to be in."""
        key = _position(contributions[0]) if contributions else ""
        if "instrument" not in facts:
            return self._tokens.get(key)
        tokens = InstrumentTokens.of(facts)
        if key:
            self._tokens[key] = tokens
        return tokens


def _legs(text: str, contributions: list[dict[str, Any]]) -> list[TallyLeg]:
    """Legs as read; where they name no position it is the one contribution's."""
    return [
        TallyLeg(
            Amount.parse(row[0]),
            Amount.parse(row[1]),
            row[2] if len(row) > 2 else _position(contributions[0]),
        )
        for row in json.loads(text)
    ]


def _position(contribution: dict[str, Any]) -> str:
    return f"{contribution['strategy']}:{contribution['instrument']}"
