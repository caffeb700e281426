"""Random corrections of the trades of a random life, and adjustments.

A restatement holds what is derived from the journal, so the life is folded on the way, by a book
that forgets ids like the one it is told to. A life beside others derives nothing that would count.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from pm.corrections.errors import CannotCorrect, TradeUnknown
from pm.corrections.restatement_facts import failure_facts, restatement_facts
from pm.rules.facts import FactsError
from tests.random_values import RandomValues
from tests.told_book import ToldBook

Facts = dict[str, Any]
PLACE = ("venue", "location", "chain_id")
Make = Callable[[], Facts]


class RandomCorrections:
    """Makers of facts, which know the events of the life so far."""

    def __init__(self, values: RandomValues, generation_size: int | None) -> None:
        self.values = values
        self.random = values.random
        self.told = ToldBook.opened(generation_size=generation_size or 1_000_000)
        self.is_alone = generation_size is not None
        self.trades: list[Facts] = []
        self.open: list[str] = []
        self.made = 0
        self.reasons: set[str] = set()

    def weighted(self) -> list[tuple[Make, int]]:
        """The makers, each with its weight."""
        return [(self.request, 7), (self.end, 9), (self.adjustment, 4)]

    def follow(self, text: str) -> None:
        """Take in the next event of the life."""
        with suppress(FactsError):
            self.told.take(text)
        facts = json.loads(text)
        if facts["kind"] == "fill":
            self.trades = [*self.trades[-60:], facts]

    def request(self) -> Facts:
        """A bust or a correction of a trade that was told, or is not known."""
        name = f"C{self.values.event}"
        if self.open and self.values.chance(0.05):
            name = self.random.choice(self.open)
        execution = "binance/O1/none"
        trade = self.random.choice(self.trades) if self.trades else None
        more: Facts = {}
        if trade is not None and self.values.chance(0.95):
            execution = trade["id"]
            if self.values.chance(0.2):
                more = {"of_strategy": trade["strategy"]}
        kind = self.random.choice(("bust", "correct"))
        facts: Facts = {"kind": kind, **self.values.times(), "id": f"event/{name}"}
        facts |= {"correction": name, "execution": execution}
        facts |= {"by": "Zoë", "why": "it's wrong; Fehler", **more}
        if kind == "bust" and self.values.chance(0.3):
            facts["keep_fees"] = "1"
        elif kind == "correct":
            facts |= self._terms(trade)
        self.open = [*self.open[-8:], name]
        return facts

    def _terms(self, trade: Facts | None) -> Facts:
        sign = "-" if trade is not None and trade["quantity"].startswith("-") else ""
        facts: Facts = {}
        if self.values.chance(0.7):
            facts["quantity"] = sign + self.values.small()
        if self.values.chance(0.7) or not facts:
            facts["price"] = self.values.small()
        if self.values.chance(0.4) and trade is not None:
            facts["fees"] = self.values.fees(trade)
        return facts

    def end(self) -> Facts:
        """A correction made, failed, or made of a position that has moved."""
        if not self.open:
            return self.request()
        name = self.random.choice(self.open)
        times = self.values.times()
        now = int(times["executed_at"])
        try:
            text = restatement_facts(self.told.derived(name), now)
            self.made += 1
        except CannotCorrect as error:
            self.reasons.add(error.reason)
            text = failure_facts(name, error.reason, error.detail, now)
        except (KeyError, TradeUnknown):
            text = failure_facts(name, "unknown", "it was never told", now)
        facts = json.loads(text) | times
        if facts["kind"] == "restatement" and (self.values.chance(0.15) or not self.is_alone):
            facts["position_seq"] = "1"
        return dict(facts)

    def adjustment(self) -> Facts:
        """A balance or a position made what it is outside."""
        facts: Facts = {"kind": "adjustment", **self.values.times()}
        facts |= {"id": f"event/J{self.values.event}", "by": "Zoë", "why": "counted"}
        held = self.values.held()
        if self.values.chance(0.6):
            signed = self.values.amount(signed=True)
            facts |= {"strategy": self.values.strategy(), **held}
            facts |= {"quantity": signed, "cost": self.values.amount(signed=True)}
        else:
            facts |= {
                name: held[name] for name in ("venue", "location", "chain_id") if name in held
            }
        if "quantity" not in facts or self.values.chance(0.5):
            facts |= {"token": held["base"], "amount": self.values.amount(signed=True)}
        return facts | ({"break": "B1"} if self.values.chance(0.3) else {})
