"""Hand-made facts of adjustments, and of what becomes of corrections."""

from __future__ import annotations

import json

from pm.corrections.derive import Restatement
from pm.corrections.restatement_facts import failure_facts, restatement_facts
from tests.state.facts import START, Facts

OF_TIME = ("received_at", "executed_at", "day")


def adjustment(token: str, amount: str, **more: str) -> Facts:
    """A balance at binance made what it is there."""
    facts = {"kind": "adjustment", "id": f"event/J{token}{amount}"}
    place = {"venue": "binance", "location": "binance", "by": "anna", "why": "counted"}
    return {**facts, **place, "token": token, "amount": amount, **more}


def failure(name: str) -> Facts:
    """A correction that cannot be made."""
    return _untimed(failure_facts(name, "unknown", "nobody told of it", START))


def restatement(derived: Restatement) -> Facts:
    """A correction made."""
    return _untimed(restatement_facts(derived, START))


def _untimed(text: str) -> Facts:
    return {name: told for name, told in json.loads(text).items() if name not in OF_TIME}
