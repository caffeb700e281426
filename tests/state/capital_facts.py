"""Hand-made facts of capital: reservations, withdrawals, allocations and transfers."""

from __future__ import annotations

from tests.state.facts import BTC, KRAKEN_BTC, Facts, on_binance


def reserve(order: str, token: str, amount: str, quantity: str = "", **more: str) -> Facts:
    """Something held back for an order of strategy 7 on binance."""
    facts = {**_held("reserve", order, token, amount), "strategy": "7", "amount": amount}
    return {**facts, **({"quantity": quantity} if quantity else {}), **more}


def release(order: str, token: str, amount: str = "", **more: str) -> Facts:
    """Something held back let go, all of it without an amount."""
    facts = _held("release", order, token, amount)
    return {**facts, **({"amount": amount} if amount else {}), **more}


def _held(kind: str, order: str, token: str, amount: str) -> Facts:
    place = {name: on_binance(order)[name] for name in ("venue", "location", "order")}
    return {"kind": kind, "id": f"event/{kind}-{order}-{token}-{amount}", **place, "token": token}


def withdrawal(token: str, amount: str, **more: str) -> Facts:
    """Capital that left binance."""
    facts = {"kind": "withdrawal", "id": f"event/W{token}{amount}", "venue": "binance"}
    return {**facts, "location": "binance", "token": token, "amount": amount, **more}


def allocation(strategy: str, token: str, amount: str) -> Facts:
    """Capital given to a strategy."""
    facts = {"kind": "allocation", "id": f"event/L{strategy}{token}{amount}"}
    return {**facts, "strategy": strategy, "token": token, "amount": amount}


FROM_BINANCE = {"from_location": "binance", "from_chain_id": "0"}
TO_KRAKEN = {"to_location": "kraken", "to_chain_id": "0"}
BASIS = {"strategy": "7", "venue": "binance", **BTC}
"""The position an amount of BTC is taken out of."""
INTO_KRAKEN = {"to": {**KRAKEN_BTC, "chain_id": "0", "location": "kraken"}}
"""The position it becomes."""


def sent(name: str, token: str, amount: str, **more: object) -> Facts:
    """The first step of a transfer, out of binance."""
    return {**_step(name, "sent"), **FROM_BINANCE, "token": token, "amount": amount, **more}


def arrived(name: str, token: str, amount: str, **more: object) -> Facts:
    """The second step of a transfer, at kraken."""
    return {**_step(name, "arrived"), **TO_KRAKEN, "token": token, "arrived": amount, **more}


def failed(name: str, token: str, **more: object) -> Facts:
    """The other second step: it comes back."""
    return {**_step(name, "failed"), "token": token, **more}


def moved(name: str, token: str, amount: str, received: str, **more: object) -> Facts:
    """A transfer in one step, from binance to kraken."""
    facts = {**_step(name, "whole"), **FROM_BINANCE, **TO_KRAKEN, "token": token}
    return {**facts, "amount": amount, "arrived": received, **more}


def _step(name: str, step: str) -> Facts:
    about = {"transfer": name, "step": step}
    return {"kind": "transfer", "id": f"transfer/{name}/{step}", **about}
