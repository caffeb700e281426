"""Sums kept from the texts of journal entries alone, for the laws to hold a book against.

A tally shares no arithmetic with the fold: it adds up the legs an entry shows, and works out from
facts, legs and contribution what the entry must have moved between balances.
"""

import json
from collections import defaultdict

from pm.decimals import ZERO, Amount
from pm.rules.digest import GENESIS_DIGEST, chain_digest
from pm.rules.journal import Entry


class Tally:
    """Sums over the entries added so far, and where their hash chain breaks."""

    def __init__(self) -> None:
        self.quantities: dict[str, Amount] = defaultdict(lambda: ZERO)
        self.notionals: dict[str, Amount] = defaultdict(lambda: ZERO)
        self.movements: dict[str, Amount] = defaultdict(lambda: ZERO)
        self.kinds: dict[str, tuple[str, str, str, str]] = {}
        self.digest = GENESIS_DIGEST
        self.chain_breaks: list[str] = []

    def add(self, entry: Entry) -> None:
        """Count one entry, in journal order."""
        self._check_chain(entry)
        facts = json.loads(entry.facts)
        legs = [
            (Amount.parse(quantity), Amount.parse(notional))
            for quantity, notional in json.loads(entry.legs)
        ]
        position = _position_key(entry.changes)
        if position is not None:
            if "instrument" in facts:
                self.kinds[position] = (
                    facts["instrument_kind"],
                    facts["base"],
                    facts["quote"],
                    facts["settlement"],
                )
            for quantity, notional in legs:
                self.quantities[position] += quantity
                self.notionals[position] += notional
        self._move(entry, facts, legs, position)

    def _check_chain(self, entry: Entry) -> None:
        values = [text for _, text in entry.fields()[:-1]]
        if chain_digest(self.digest, values) != entry.digest:
            self.chain_breaks.append(f"entry {entry.seq}: digest does not follow from its fields")
        self.digest = entry.digest

    def _move(
        self,
        entry: Entry,
        facts: dict[str, str],
        legs: list[tuple[Amount, Amount]],
        position: str | None,
    ) -> None:
        if entry.result != "applied":
            return
        if entry.event in ("deposit", "opening"):
            if "token" in facts and "amount" in facts:
                self._moved(facts, facts["token"], Amount.parse(facts["amount"]))
            return
        contribution = json.loads(entry.contribution) if entry.contribution else {}
        for name in ("fees", "failed_fees"):
            for token, amount in contribution.get(name, {}).items():
                self._moved(facts, token, -Amount.parse(amount))
        terms = None if position is None else self.kinds.get(position)
        if terms is None:
            return
        kind, base, quote, settlement = terms
        if kind in ("future", "perpetual"):
            realized_pnl = contribution.get("realized_pnl", "0")
            self._moved(facts, settlement, Amount.parse(realized_pnl))
        elif legs and "trade_count" in contribution:
            # Only an execution has a leg of its own, and it comes first.
            quantity, notional = legs[0]
            if kind == "option":
                self._moved(facts, settlement, -notional)
            else:
                self._moved(facts, base, quantity)
                self._moved(facts, quote, -notional)

    def _moved(self, facts: dict[str, str], token: str, amount: Amount) -> None:
        location = facts.get("location") or facts["venue"]
        self.movements[f"{location}:{token}"] += amount


def _position_key(changes: str) -> str | None:
    for change in json.loads(changes):
        if "strategy_id" in change:
            return f"{change['strategy_id']}:{change['instrument']}"
    return None
