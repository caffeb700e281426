"""Hand-made facts for the cases that must be met exactly; `placed` puts them on a lane."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from pm.books.applying import Prepared
from tests.random_values import INSTRUMENTS, QUIET_INSTRUMENTS
from tests.state.books import prepared

Facts = dict[str, Any]

START = 1_700_000_000_000_000_000
SECOND = 1_000_000_000
TRACE = {"id": "0" * 31 + "a", "arbitrage": "1"}
RAW = b"\xde\xad\x00\xbe\xef"
BTC, POOL, INVERSE, LINEAR, OPTION, STOCK = map(dict, INSTRUMENTS)
FUTURE, SHARE, CALL = map(dict, QUIET_INSTRUMENTS)
KRAKEN_BTC = {**BTC, "instrument": "kraken.coin.BTCUSDT"}


def fill(order_id: str, quantity: str, price: str = "100", **more: Any) -> Facts:
    """A spot fill on binance by strategy 7, its execution id made of order and quantity."""
    facts = {
        "kind": "fill",
        "id": f"binance/{order_id}/{quantity}",
        **on_binance(order_id),
        "quantity": quantity,
        "price": price,
    }
    return {**facts, **more}


def result(order: str, quantity: str, told: str, **more: Any) -> Facts:
    """A cumulative result of an order."""
    facts = {
        "kind": "execution_result",
        "id": f"event/{order}-{told}-{quantity}",
        **on_binance(order),
        "quantity": quantity,
        "price": "100",
        "result": told,
    }
    return {**facts, **more}


def on_binance(order: str) -> Facts:
    """Whose order it is, and where."""
    return {
        "strategy": "7",
        "venue": "binance",
        "location": "binance",
        "order": f"binance:{order}",
        **BTC,
    }


def on_ethereum(order_id: str, quantity: str, **more: Any) -> Facts:
    """A fill on chain by strategy 8, with gas, in an asset of its own."""
    place = {"strategy": "8", "venue": "uniswapv3", "location": "ethereum"}
    return {**fill(order_id, quantity), **place, "order": f"uniswapv3:{order_id}", **POOL, **more}


def rejected(order: str, **more: Any) -> Facts:
    """A rejection, which names the order and no instrument."""
    place = {name: on_binance(order)[name] for name in ("strategy", "venue", "location", "order")}
    return {"kind": "rejected", "id": f"event/R{order}", **place, **more}


def order_status(order: str, status: str, **more: Any) -> Facts:
    """A status of an order, which names nothing else."""
    place = {name: on_binance(order)[name] for name in ("venue", "location", "order")}
    facts = {"kind": "order_status", "id": f"event/{order}-{status}", **place, "status": status}
    return {**facts, **more}


def deposit(token: str, amount: str, **more: Any) -> Facts:
    """Capital that came in at binance."""
    place = {"venue": "binance", "location": "binance"}
    facts = {"kind": "deposit", "id": f"event/D{token}{amount}", **place}
    return {**facts, "token": token, "amount": amount, **more}


def quarantined(reason: str = "unknown_instrument") -> Facts:
    """Something that could not be decoded."""
    return {"kind": "quarantined", "reason": reason, "detail": "x.coin.Y", "raw_sha1": "0" * 40}


def placed(
    *events: Facts | Sequence[Facts], lane: str = "executions", first: int = 1, at: int = START
) -> list[Prepared]:
    """The events on a lane, one an entry, or those of a sequence in one entry; a second apart."""
    facts: list[Facts] = []
    for number, entry in enumerate(events, start=first):
        parts = [entry] if isinstance(entry, dict) else list(entry)
        for index, event in enumerate(parts):
            place = {"lane": lane, "entry": f"{number}-0", "index": str(index)}
            place["of"] = str(len(parts))
            when = at + (number - first) * SECOND
            times = {"received_at": str(when + 500)}
            if event["kind"] not in ("quarantined", "nothing"):
                times |= {"executed_at": str(when), "day": "2023-11-14"}
            facts.append({"kind": event["kind"], **place, **times, **event})
    return prepared(*facts, raw=RAW)


def direct(*events: Facts, at: int = START) -> list[str]:
    """The facts texts of events that come by no lane, a second apart."""
    without = ("lane", "entry", "index", "of")
    return [
        json.dumps({name: told for name, told in event.facts.items() if name not in without})
        for event in placed(*events, at=at)
    ]
