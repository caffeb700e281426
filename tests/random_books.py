"""Random lives of a book: facts of every kind, dense in the cases that go wrong.

Few orders, instruments and strategies, so that fills, results, flips, repeats and mismatches meet
each other often. The same seed gives the same life.
"""

from __future__ import annotations

import json
import random
from typing import Any

INSTRUMENTS: tuple[dict[str, str], ...] = (
    {
        "instrument": "binance.coin.BTCUSDT",
        "instrument_kind": "spot",
        "base": "BTC",
        "quote": "USDT",
        "settlement": "USDT",
    },
    {
        "instrument": "uniswapv3.pool.WETHUSDC",
        "instrument_kind": "spot",
        "base": "WETH",
        "quote": "USDC.e",
        "settlement": "USDC.e",
        "dust": "0.000000000000001",
        "chain_id": "1",
    },
    {
        "instrument": "deribit.perpetual.BTC",
        "instrument_kind": "perpetual",
        "base": "BTC",
        "quote": "USD",
        "settlement": "BTC",
        "multiplier": "10",
        "inverse": "1",
    },
    {
        "instrument": "binance.perpetual.ETH",
        "instrument_kind": "perpetual",
        "base": "ETH",
        "quote": "USDT",
        "settlement": "USDT",
        "multiplier": "0.01",
    },
    {
        "instrument": "deribit.option.BTC",
        "instrument_kind": "option",
        "base": "BTC",
        "quote": "USD",
        "settlement": "BTC",
        "multiplier": "0.1",
    },
    {
        "instrument": "nasdaq.stock.AAPL",
        "instrument_kind": "equity",
        "base": "AAPL",
        "quote": "USD",
        "settlement": "USD",
    },
)
START = 1_700_000_000_000_000_000


class RandomLife:
    """Facts of one lane, one event an entry unless an entry is said to hold several."""

    def __init__(self, seed: int, *, lane: str = "executions") -> None:
        self.random = random.Random(seed)
        self.lane = lane
        self.entry = 0
        self.event = 0
        self.sent: list[dict[str, Any]] = []

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
        return texts

    def _event(self) -> dict[str, Any]:
        self.event += 1
        if self.sent and self.random.random() < 0.06:
            return dict(self.random.choice(self.sent))
        kinds = (
            (self._fill, 55),
            (self._result, 22),
            (self._status, 6),
            (self._rejected, 4),
            (self._deposit, 6),
            (self._quarantined, 2),
            (self._nothing, 1),
        )
        make = self.random.choices([kind for kind, _ in kinds], [weight for _, weight in kinds])[0]
        facts = make()
        if "id" in facts:
            self.sent.append(facts)
            self.sent = self.sent[-40:]
        return facts

    def _times(self) -> dict[str, str]:
        executed_at = START + self.event * 1_000_000_007
        if self.random.random() < 0.02:
            executed_at -= self.random.randrange(10**13)
        received_at = executed_at + self.random.randrange(-1000, 10**7)
        if self.random.random() < 0.02:
            received_at -= self.random.randrange(120 * 10**9)
        day = "2023-11-14" if self.event % 3 else "2023-11-15"
        return {"received_at": str(received_at), "executed_at": str(executed_at), "day": day}

    def _amount(self, *, signed: bool = False) -> str:
        choice = self.random.random()
        if choice < 0.35:
            mantissa, scale = self.random.randrange(1, 40), self.random.choice((0, 1, 2))
        elif choice < 0.6:
            mantissa, scale = self.random.randrange(1, 10**9), 8
        elif choice < 0.8:
            mantissa, scale = self.random.randrange(1, 10**22), 18
        elif choice < 0.9:
            mantissa, scale = 2**53 + self.random.randrange(-3, 4), self.random.choice((0, 8, 18))
        else:
            mantissa = self.random.randrange(1, 2 ** self.random.randrange(2, 127))
            scale = self.random.randrange(0, 36)
        sign = "-" if signed and self.random.random() < 0.5 else ""
        return sign + plain(mantissa, scale)

    def _order(self) -> dict[str, str]:
        # an order's instrument, strategy and side follow from its number, but for a rare mismatch
        number = self.random.randrange(1, 30)
        instrument = dict(INSTRUMENTS[number % len(INSTRUMENTS)])
        strategy = str(7 + number % 3)
        if self.random.random() < 0.02:
            strategy = "9"
        venue = instrument["instrument"].partition(".")[0]
        location = "ethereum" if "chain_id" in instrument else venue
        if self.random.random() < 0.05:
            location = "sub1.ethereum" if "chain_id" in instrument else "sub1"
        return {
            "strategy": strategy,
            "venue": venue,
            "location": location,
            "order": f"{venue}:O{number}",
            **instrument,
        }

    @staticmethod
    def _side(order: dict[str, str]) -> str:
        return "-" if int(order["order"].rpartition("O")[2]) % 2 else ""

    def _fees(self, order: dict[str, str]) -> list[list[str]]:
        fees = []
        tokens = [order["base"], order["quote"], order["settlement"], "BNB"]
        for _ in range(self.random.choice((0, 1, 1, 1, 2))):
            amount = plain(self.random.randrange(1, 10**6), self.random.choice((2, 5, 8, 18)))
            if self.random.random() < 0.15:
                amount = "-" + amount
            fees.append([self.random.choice(tokens), amount, "trading"])
        if self.random.random() < 0.1:
            fees.append(["ETH", plain(self.random.randrange(1, 10**6), 9), "gas"])
        return fees

    def _optional(self, facts: dict[str, Any]) -> dict[str, Any]:
        if self.random.random() < 0.1:
            facts["quote_amount"] = self._amount()
        if self.random.random() < 0.3:
            facts["decided_at"] = str(int(facts["executed_at"]) - self.random.randrange(-10, 10**6))
        if self.random.random() < 0.4:
            trace: dict[str, str] = {"id": f"{self.random.randrange(1, 20):032x}"}
            if self.random.random() < 0.7:
                trace["arbitrage"] = "1"
            if self.random.random() < 0.1:
                trace["step"] = "bridge"
            facts["trace"] = trace
            facts["assets"] = {"USDC.e": "USDC"}
        return facts

    def _fill(self) -> dict[str, Any]:
        order = self._order()
        facts = {
            "kind": "fill",
            **self._times(),
            "id": f"{order['venue']}/{order['order'].rpartition(':')[2]}/T{self.event}",
            **order,
            "quantity": self._side(order) + self._amount(),
            "price": self._amount(),
        }
        if fees := self._fees(order):
            facts["fees"] = fees
        return self._optional(facts)

    def _result(self) -> dict[str, Any]:
        order = self._order()
        result = self.random.choice(
            ("filled", "partial", "partial", "rejected", "cancelled", "unknown")
        )
        quantity = self._side(order) + self._amount()
        if result in ("rejected", "cancelled") and self.random.random() < 0.5:
            quantity = "0"
        facts = {
            "kind": "execution_result",
            **self._times(),
            "id": f"event/E{self.event}",
            **order,
            "quantity": quantity,
        }
        if quantity != "0":
            facts["price"] = self._amount()
        if self.random.random() < 0.7:
            facts["fees"] = self._fees(order)
        facts["result"] = result
        return self._optional(facts)

    def _without_instrument(self, order: dict[str, str]) -> dict[str, str]:
        if self.random.random() < 0.5:
            return order
        kept = ("venue", "location", "order", "chain_id", "strategy")
        if self.random.random() < 0.5:
            kept = kept[:4]
        return {name: value for name, value in order.items() if name in kept}

    def _status(self) -> dict[str, Any]:
        order = self._without_instrument(self._order())
        facts = {
            "kind": "order_status",
            **self._times(),
            "id": f"event/S{self.event}",
            **order,
            "status": self.random.choice(("open", "filled", "cancelled", "rejected", "expired")),
        }
        if self.random.random() < 0.2:
            facts["fees"] = [["ETH", "0.001", "gas"]]
        return facts

    def _rejected(self) -> dict[str, Any]:
        order = self._without_instrument(self._order())
        facts = {"kind": "rejected", **self._times(), "id": f"event/R{self.event}", **order}
        if self.random.random() < 0.4:
            facts["fees"] = [["ETH", plain(self.random.randrange(1, 10**6), 9), "gas"]]
        return facts

    def _deposit(self) -> dict[str, Any]:
        kind = self.random.choice(("deposit", "opening"))
        facts: dict[str, Any] = {"kind": kind, **self._times(), "id": f"event/D{self.event}"}
        if self.random.random() < 0.5:
            order = self._order()
            del order["order"]
            facts |= order
            facts |= {"cost": self._amount(signed=True), "quantity": self._amount(signed=True)}
            if self.random.random() < 0.5:
                facts |= {"token": order["base"], "amount": self._amount()}
            return facts
        venue = self.random.choice(("binance", "kraken"))
        facts |= {"venue": venue, "location": venue, "token": "USDT", "amount": self._amount()}
        return facts

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


def plain(mantissa: int, scale: int) -> str:
    """Canonical decimal text of mantissa / 10^scale, mantissa >= 0."""
    digits = str(mantissa).rjust(scale + 1, "0")
    whole, fraction = digits[: len(digits) - scale], digits[len(digits) - scale :]
    fraction = fraction.rstrip("0")
    return whole + ("." + fraction if fraction else "")
