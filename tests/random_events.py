"""Random events of a life beside orders: capital, reservations, transfers, what instruments do.

Ids of transfers, dividends and traces are few and their steps come in any order, so that ends
without beginnings, second beginnings and second ends occur beside the regular course.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pm.decimals import Amount
from tests.random_values import (
    INSTRUMENTS,
    PLACES,
    QUIET_INSTRUMENTS,
    RandomValues,
    location_of,
    venue_of,
)

Facts = dict[str, Any]
Make = Callable[[], Facts]


class RandomEvents:
    """Makers of facts; every one returns the facts of one event without its place in a lane."""

    def __init__(self, values: RandomValues) -> None:
        self.values = values
        self.random = values.random
        self.transfers: dict[str, Facts] = {}
        self.dividends: dict[str, Facts] = {}
        self.trace_steps: dict[str, int] = {}
        self.expired: list[Facts] = []
        self.reserved: list[Facts] = []

    def weighted(self) -> list[tuple[Make, int]]:
        """The makers, each with its weight."""
        return [
            (self.reserve, 18),
            (self.release, 4),
            (self.opening, 7),
            (self.funds, 9),
            (self.withdrawal, 3),
            (self.allocation, 1),
            (self.transfer, 14),
            (self.funding, 5),
            (self.dividend, 6),
            (self.split, 4),
            (self.expiry, 1),
            (self.exercise, 4),
            (self.settlement, 4),
            (self.fee_value, 4),
            (self.trace_end, 5),
        ]

    def _head(self, kind: str, letter: str) -> Facts:
        values = self.values
        return {"kind": kind, **values.times(), "id": f"event/{letter}{values.event}"}

    def _whose(self, probability: float) -> Facts:
        return {"strategy": self.values.strategy()} if self.values.chance(probability) else {}

    def _maybe(self, probability: float, name: str, text: str) -> Facts:
        return {name: text} if self.values.chance(probability) else {}

    def _settlement(self, instrument: Facts) -> str:
        return "BNB" if self.values.chance(0.03) else str(instrument["settlement"])

    # Capital

    def opening(self) -> Facts:
        """A position of a small whole quantity, with its cost."""
        strategy = self.values.strategy()
        instrument = self.values.held()
        quantity = self.random.choice(("-3", "-2", "-1", "1", "1", "2", "3", "3"))
        cost = ("-" if quantity[0] == "-" else "") + self.values.small()
        facts = self._head("opening", "P")
        return facts | {"strategy": strategy, **instrument, "quantity": quantity, "cost": cost}

    def funds(self) -> Facts:
        """Money where orders reserve it, now and then taken away by a negative deposit."""
        order = self.values.order()
        token = self.random.choice((order["base"], order["quote"], order["settlement"]))
        if self.reserved and self.values.chance(0.6):
            order = self.random.choice(self.reserved)
            token = order["token"]
        amount = self.random.choice((self.values.amount(), self.values.small(), "1" + "0" * 36))
        sign = "-" if self.values.chance(0.1) else ""
        facts = self._head("deposit", "F")
        facts |= {"venue": order["venue"], "location": order["location"]}
        facts |= {"chain_id": order["chain_id"]} if "chain_id" in order else {}
        return facts | {"token": token, "amount": sign + amount}

    def withdrawal(self) -> Facts:
        """Money that leaves, with the basis of a position or without."""
        facts = self._head("withdrawal", "W")
        instrument = self.values.held()
        amount = self.random.choice((self.values.small(), self.values.amount()))
        if self.values.chance(0.7):
            facts |= {"strategy": self.values.strategy(), **instrument}
            return facts | {"token": instrument["base"], "amount": amount}
        location, chain_id = self.random.choice(PLACES)
        facts |= {"location": location, "chain_id": chain_id}
        return facts | {"token": "USDT", "amount": amount}

    def allocation(self) -> Facts:
        """Capital given to a strategy or taken from it."""
        facts = self._head("allocation", "L") | {"strategy": self.values.strategy()}
        return facts | {"token": self.random.choice(("USDT", "BTC")), "amount": self._signed()}

    def _signed(self) -> str:
        return self.values.amount(signed=True)

    # Reservations

    def _reserved(self, kind: str, letter: str) -> Facts:
        order = self.values.order()
        token = order["quote"] if self.values.is_buy(order) else order["base"]
        if self.values.chance(0.2):
            token = self.random.choice((order["settlement"], "BNB"))
        if kind == "reserve":
            self.values.remember(order)
        kept = ("strategy", "venue", "location", "chain_id", "order")
        facts = self._head(kind, letter)
        facts |= {name: order[name] for name in kept if name in order}
        if self.values.chance(0.3):
            del facts["strategy"]
        return facts | {"token": token}

    def reserve(self) -> Facts:
        """Something held back for an order, with the order's quantity or without."""
        facts = self._reserved("reserve", "V")
        amount = self.values.amount() if self.values.chance(0.3) else self.values.small()
        facts |= {"amount": amount}
        quantity = self.random.choice((self.values.amount(), self.values.small(), "1000000"))
        facts |= self._maybe(0.6, "quantity", quantity)
        self.reserved = [*self.reserved[-6:], facts]
        return facts

    def release(self) -> Facts:
        """Something held back let go, all of it or a part."""
        facts = self._reserved("release", "U")
        if self.reserved and self.values.chance(0.8):
            of = self.random.choice(self.reserved)
            facts |= {name: of[name] for name in ("venue", "location", "order", "token")}
        return facts | self._maybe(0.5, "amount", self.values.small())

    # Transfers

    def transfer(self) -> Facts:
        """A step of a transfer: of one under way, or of a new one."""
        open_ones = list(self.transfers)
        choice = self.random.random()
        if open_ones and choice < 0.5:
            return self._end_of_transfer(self.random.choice(open_ones))
        name = f"T{self.values.event}"
        if open_ones and choice < 0.55:
            name = self.random.choice(open_ones)
        if choice > 0.95:
            return self._from_book(name)
        facts = self._beginning(name, "whole" if self.values.chance(0.35) else "sent")
        if facts["step"] == "whole":
            facts |= self._arrival(facts)
            return facts | self._maybe(0.03, "to_book", "other")
        facts |= self._maybe(0.1, "to_book", "other")
        self.transfers[name] = facts
        if len(self.transfers) > 8:
            del self.transfers[next(iter(self.transfers))]
        return facts

    def _step_head(self, name: str, step: str) -> Facts:
        facts: Facts = {"kind": "transfer", **self.values.times()}
        facts |= {"id": f"transfer/{name}/{step}", "transfer": name, "step": step}
        if self.values.chance(0.3):
            trace = f"{self.random.randrange(1, 20):032x}"
            self.trace_steps[trace] = self.trace_steps.get(trace, 0) + 1
            told = {"id": trace} | self._maybe(0.1, "step", "exit")
            facts |= {"trace": told, "assets": {"USDC.e": "USDC"}}
        return facts

    def _beginning(self, name: str, step: str) -> Facts:
        facts = self._step_head(name, step)
        instrument = self.values.instrument()
        token = "USDT"
        if self.values.chance(0.8):
            token = instrument["base"]
            facts |= {"strategy": self.values.strategy(), "venue": venue_of(instrument)}
            facts |= instrument
        location, chain_id = location_of(instrument), instrument.get("chain_id", "0")
        amount = self.values.small() if self.values.chance(0.7) else self.values.amount()
        facts |= {"from_location": location, "from_chain_id": chain_id, "token": token}
        return facts | {"amount": amount}

    def _arrival(self, sent: Facts) -> Facts:
        """Where and how much arrives: all, most, or rarely more than was sent."""
        amount = Amount.parse(sent["amount"])
        arrived = amount
        choice = self.random.random()
        if choice < 0.5:
            arrived = Amount(max(1, amount.mantissa * self.random.randrange(1, 100) // 100))
            arrived = Amount(arrived.mantissa, amount.scale)
        elif choice < 0.54:
            arrived = amount + Amount(1, 3)
        location, chain_id = self.random.choice(PLACES)
        facts: Facts = {"to_location": location, "to_chain_id": chain_id, "arrived": str(arrived)}
        if self.values.chance(0.2):
            facts["to_token"] = self.random.choice(("USDC", "USDC.e", "WETH", "BTC"))
        if self.values.chance(0.9):
            facts["to"] = self._to(location, chain_id)
        return facts | self._maybe(0.6, "rate", self.values.small())

    def _to(self, location: str, chain_id: str) -> Facts:
        instrument = dict(self.random.choice((*INSTRUMENTS, *QUIET_INSTRUMENTS)))
        return instrument | {"chain_id": chain_id} | self._maybe(0.9, "location", location)

    def _end_of_transfer(self, name: str) -> Facts:
        sent = self.transfers[name]
        step = "failed" if self.values.chance(0.25) else "arrived"
        facts = self._step_head(name, step)
        own = ("strategy", "venue", "from_location", "from_chain_id", "token", *INSTRUMENTS[1])
        own = (*own, "multiplier", "inverse")
        facts |= {key: sent[key] for key in own if key in sent}
        if self.values.chance(0.04):
            facts.pop("strategy", None)
        if step == "arrived":
            facts |= self._arrival(sent)
            facts |= self._maybe(0.08, "to_book", "other")
        return facts

    def _from_book(self, name: str) -> Facts:
        facts = self._step_head(name, "arrived") | {"from_book": "other"}
        location, chain_id = self.random.choice(PLACES)
        facts |= {"to_location": location, "to_chain_id": chain_id, "token": "BTC"}
        facts |= {"arrived": self.values.small()}
        if self.values.chance(0.7):
            facts |= {"strategy": self.values.strategy(), "cost": self.values.small()}
            facts |= {"to": self._to(location, chain_id)}
        return facts | self._maybe(0.3, "rate", self.values.small())

    # What instruments do

    def funding(self) -> Facts:
        """A funding payment, stated or by rate and price."""
        instrument = self.values.held()
        facts = self._head("funding", "G") | instrument | {"token": self._settlement(instrument)}
        facts |= self._maybe(0.7, "amount", self._signed())
        sign = "-" if self.values.chance(0.5) else ""
        facts |= self._maybe(0.8, "rate", sign + "0.000" + str(self.random.randrange(1, 99)))
        price = "0" if self.values.chance(0.05) else self.values.small()
        return facts | self._maybe(0.8, "price", price) | self._whose(0.2)

    def dividend(self) -> Facts:
        """A step of a dividend: of one that went ex, or of a new one."""
        choice = self.random.random()
        if self.dividends and choice < 0.5:
            name = self.random.choice(list(self.dividends))
            facts = self.dividends[name] | self.values.times()
            facts |= {"id": f"dividend/{name}/paid", "step": "paid"}
            return facts | self._maybe(0.5, "amount", self.values.small())
        name = f"D{self.values.event}"
        if self.dividends and choice < 0.55:
            name = self.random.choice(list(self.dividends))
        step = "whole" if self.values.chance(0.3) else "ex"
        facts = {"kind": "dividend", **self.values.times(), "id": f"dividend/{name}/{step}"}
        instrument = self.dividends.get(name) or self.values.held()
        instrument = {key: text for key, text in instrument.items() if key not in facts}
        facts |= instrument | {"dividend": name, "step": step}
        facts |= {"rate": self.values.small(), "token": self._settlement(instrument)}
        facts |= self._whose(0.15)
        if step == "whole":
            return facts | self._maybe(0.5, "amount", self.values.small())
        self.dividends[name] = facts
        if len(self.dividends) > 5:
            del self.dividends[next(iter(self.dividends))]
        return facts

    def split(self) -> Facts:
        """A split or a reverse one, with cash for fractions or without."""
        numerator, denominator = self.random.choice(
            (("2", "1"), ("3", "2"), ("1", "2"), ("1", "10"), ("7", "3"), ("1.5", "1"), ("1", "1"))
        )
        facts = self._head("split", "K") | self.values.held()
        facts |= {"numerator": numerator, "denominator": denominator}
        facts |= {"decimals": self.random.choice(("0", "0", "2", "8", "18"))}
        return facts | self._maybe(0.6, "price", self.values.small()) | self._whose(0.15)

    def expiry(self) -> Facts:
        """An expiry."""
        return self._head("expiry", "X") | self.values.held() | self._whose(0.4)

    def exercise(self) -> Facts:
        """Options exercised or assigned, for cash or for an underlying."""
        option = dict(self.random.choice((INSTRUMENTS[4], QUIET_INSTRUMENTS[2])))
        if self.values.chance(0.05):
            option = dict(INSTRUMENTS[0])
        facts = self._head("exercise", "Y") | option
        facts |= {"venue": venue_of(option), "location": venue_of(option)}
        if self.values.chance(0.4):
            intrinsic = "0" if self.values.chance(0.2) else self.values.small()
            facts |= {"intrinsic": intrinsic}
        else:
            of = self.random.choice((*INSTRUMENTS[:4], INSTRUMENTS[5], QUIET_INSTRUMENTS[0]))
            place = {"chain_id": of.get("chain_id", "0"), "location": location_of(of)}
            facts |= {"underlying": {**of, **place}, "strike": self.values.small()}
            facts |= {"option_type": self.random.choice(("call", "put"))}
        if self.values.chance(0.4):
            facts |= self._whose(0.9) | {"quantity": self.values.small()}
        return facts

    def settlement(self) -> Facts:
        """A daily or final settlement."""
        choices = (INSTRUMENTS[2], INSTRUMENTS[3], QUIET_INSTRUMENTS[0], QUIET_INSTRUMENTS[0])
        future = dict(self.random.choice(choices))
        if self.values.chance(0.05):
            future = dict(INSTRUMENTS[0])
        facts = self._head("settlement", "M") | future
        facts |= {"venue": venue_of(future), "location": venue_of(future)}
        facts |= {"price": "0" if self.values.chance(0.05) else self.values.small()}
        return facts | self._maybe(0.2, "final", "1") | self._whose(0.2)

    # What is told later

    def fee_value(self) -> Facts:
        """The value of a fee that had none."""
        order = self.values.order()
        del order["order"], order["location"]
        order["strategy"] = self.values.strategy()
        token = self.random.choice(("BNB", "BNB", "ETH", order["base"], order["quote"]))
        facts = self._head("fee_value", "") | order
        facts["id"] = f"fee/{self.values.event}/{token}"
        paid_at = int(facts["executed_at"]) - self.random.randrange(10**11)
        sign = "-" if self.values.chance(0.1) else ""
        facts |= {"token": token, "amount": sign + self.values.small()}
        return facts | {"value": self._signed(), "fee_executed_at": str(paid_at)}

    def trace_end(self) -> Facts:
        """A trace found to have stayed open too long, or to be put away."""
        if self.expired and self.values.chance(0.4):
            of = self.expired.pop()
            identity = {"id": of["id"].replace("/expired", "/archived")}
            kept = {"trace": of["trace"], "steps": of["steps"]}
            return {"kind": "trace_archived", **self.values.times(), **identity, **kept}
        name = f"{self.random.randrange(1, 20):032x}"
        if self.trace_steps and self.values.chance(0.9):
            name = self.random.choice(list(self.trace_steps))
        steps = max(1, self.trace_steps.get(name, 1) - self.random.choice((0, 0, 0, 1, 2)))
        end = self.random.choice(("expired", "expired", "archived"))
        facts: Facts = {"kind": f"trace_{end}", **self.values.times()}
        facts |= {"id": f"trace/{name}/{steps}/{end}", "trace": {"id": name}, "steps": str(steps)}
        if end == "expired":
            facts["verdict"] = self.random.choice(("expired", "stranded", "completed"))
            self.expired.append(facts)
        return facts
