"""Random lives of a book: facts of every kind, dense in the cases that go wrong.

Few orders, instruments and strategies, so that fills, results, flips, repeats and mismatches meet
each other often. The same seed gives the same life.
"""

from __future__ import annotations

import json
from typing import Any

from tests.random_corrections import RandomCorrections
from tests.random_events import RandomEvents
from tests.random_values import INSTRUMENTS, START, RandomValues, plain

__all__ = ["INSTRUMENTS", "START", "RandomLife", "plain"]


class RandomLife:
    """Facts of one lane, one event an entry unless an entry is said to hold several."""

    def __init__(
        self, seed: int, *, lane: str = "executions", generation_size: int | None = 1_000_000
    ) -> None:
        """`generation_size` is of the book it is told to; None where others tell it things too."""
        self.values = RandomValues(seed)
        self.random = self.values.random
        self.events = RandomEvents(self.values)
        self.corrections = RandomCorrections(self.values, generation_size)
        self.lane = lane
        self.entry = 0
        self.sent: list[dict[str, Any]] = []
        self.kinds = [
            (self._fill, 110),
            (self._result, 44),
            (self._status, 8),
            (self._rejected, 6),
            (self._deposit, 6),
            (self._quarantined, 3),
            (self._nothing, 2),
            *self.events.weighted(),
            *self.corrections.weighted(),
        ]

    def take(self, count: int) -> list[str]:
        """The next events, as facts text."""
        texts: list[str] = []
        while len(texts) < count:
            self.entry += 1
            of = min(count - len(texts), self.random.choice((1, 1, 1, 2, 3)))
            for index in range(of):
                facts = self._event()
                place = {
                    "lane": self.lane,
                    "entry": f"{self.entry}-0",
                    "index": str(index),
                    "of": str(of),
                }
                whole = {"kind": facts["kind"], **place, **facts}
                texts.append(json.dumps(whole, separators=(",", ":")))
                self.corrections.follow(texts[-1])
        return texts

    def _event(self) -> dict[str, Any]:
        self.values.event += 1
        if self.sent and self.values.chance(0.06):
            return dict(self.random.choice(self.sent))
        weights = [weight for _, weight in self.kinds]
        make = self.random.choices([kind for kind, _ in self.kinds], weights)[0]
        facts: dict[str, Any] = make()
        if "id" in facts:
            self.sent.append(facts)
            self.sent = self.sent[-40:]
        return facts

    def _optional(self, facts: dict[str, Any]) -> dict[str, Any]:
        if self.values.chance(0.1):
            facts["quote_amount"] = self.values.amount()
        if self.values.chance(0.3):
            facts["decided_at"] = str(int(facts["executed_at"]) - self.random.randrange(-10, 10**6))
        if self.values.chance(0.4):
            trace: dict[str, str] = {"id": f"{self.random.randrange(1, 20):032x}"}
            if self.values.chance(0.7):
                trace["arbitrage"] = "1"
            if self.values.chance(0.1):
                trace["step"] = "bridge"
            facts["trace"] = trace
            facts["assets"] = {"USDC.e": "USDC"}
            steps = self.events.trace_steps
            steps[trace["id"]] = steps.get(trace["id"], 0) + 1
        return facts

    def _size(self) -> str:
        return self.values.small() if self.values.chance(0.3) else self.values.amount()

    def _fill(self) -> dict[str, Any]:
        order = self.values.order()
        facts: dict[str, Any] = {
            "kind": "fill",
            **self.values.times(),
            "id": f"{order['venue']}/{order['order'].rpartition(':')[2]}/T{self.values.event}",
            **order,
            "quantity": self.values.sign(order) + self._size(),
            "price": self._size(),
        }
        if fees := self.values.fees(order):
            facts["fees"] = fees
        return self._optional(facts)

    def _result(self) -> dict[str, Any]:
        order = self.values.order()
        result = self.random.choice(
            (*("partial",) * 6, "filled", "filled", "rejected", "cancelled", "unknown")
        )
        quantity = self.values.sign(order) + self._size()
        if result in ("rejected", "cancelled") and self.values.chance(0.5):
            quantity = "0"
        facts: dict[str, Any] = {
            "kind": "execution_result",
            **self.values.times(),
            "id": f"event/E{self.values.event}",
            **order,
            "quantity": quantity,
        }
        if quantity != "0":
            facts["price"] = self.values.amount()
        if self.values.chance(0.7):
            facts["fees"] = self.values.fees(order)
        facts["result"] = result
        return self._optional(facts)

    def _without_instrument(self, order: dict[str, str]) -> dict[str, str]:
        if self.values.chance(0.5):
            return order
        kept = {"venue", "location", "order", "chain_id"}
        if self.values.chance(0.5):
            kept.add("strategy")
        return {name: value for name, value in order.items() if name in kept}

    def _status(self) -> dict[str, Any]:
        order = self._without_instrument(self.values.order())
        facts: dict[str, Any] = {
            "kind": "order_status",
            **self.values.times(),
            "id": f"event/S{self.values.event}",
            **order,
            "status": self.random.choice(
                (*("open",) * 6, "filled", "cancelled", "rejected", "expired")
            ),
        }
        if self.values.chance(0.2):
            facts["fees"] = [["ETH", "0.001", "gas"]]
        return facts

    def _rejected(self) -> dict[str, Any]:
        order = self._without_instrument(self.values.order())
        facts: dict[str, Any] = {
            "kind": "rejected",
            **self.values.times(),
            "id": f"event/R{self.values.event}",
            **order,
        }
        if self.values.chance(0.4):
            facts["fees"] = [["ETH", plain(self.random.randrange(1, 10**6), 9), "gas"]]
        return facts

    def _deposit(self) -> dict[str, Any]:
        kind = self.random.choice(("deposit", "opening"))
        facts: dict[str, Any] = {"kind": kind, **self.values.times()}
        facts["id"] = f"event/D{self.values.event}"
        if self.values.chance(0.5):
            order = self.values.order()
            del order["order"]
            facts |= order
            facts |= {
                "cost": self.values.amount(signed=True),
                "quantity": self.values.amount(signed=True),
            }
            if self.values.chance(0.5):
                facts |= {"token": order["base"], "amount": self.values.amount()}
            return facts
        venue = self.random.choice(("binance", "kraken"))
        facts |= {"venue": venue, "location": venue}
        return facts | {"token": "USDT", "amount": self.values.amount()}

    def _quarantined(self) -> dict[str, Any]:
        return {
            "kind": "quarantined",
            "received_at": str(START),
            "reason": "unknown_instrument",
            "detail": "x.coin.Y",
            "raw_sha1": "0" * 40,
        }

    def _nothing(self) -> dict[str, Any]:
        return {"kind": "nothing", "received_at": str(START)}
