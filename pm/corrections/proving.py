"""Proves a restatement right: derives it again from the history before it, and compares."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pm.corrections.derive import Derivation, Restatement
from pm.corrections.errors import CannotCorrect
from pm.corrections.life import read_life, trade_of
from pm.corrections.restatement_facts import restatement_facts
from pm.corrections.terms import Request, told_terms
from pm.history import History, HistoryGap

_COMPARED = (
    "position_seq", "versions", "position", "moves", "order_moves", "trips", "volume",
    "fees_unvalued", "traded_at",
)  # fmt: skip


def restatement_differences(history: History, book: str, entry: Mapping[str, str]) -> Iterator[str]:
    """What a restatement's entry holds other than what its history comes to.

    Nothing where history does not reach back to the trade, or for one that was not booked.
    """
    if entry.get("event") != "restatement" or entry.get("result") != "applied":
        return
    seq, facts = int(entry["seq"]), json.loads(entry["facts"])
    try:
        derived = _derived(history, book, seq, facts)
    except HistoryGap:
        return
    except CannotCorrect as error:
        yield f"journal {seq}: cannot be derived again: {error.detail}"
        return
    again = json.loads(restatement_facts(derived, int(facts["executed_at"])))
    for name in _COMPARED:
        if again.get(name) != facts.get(name):
            yield f"journal {seq} {name}: is {facts.get(name)!r}, derived {again.get(name)!r}"


def _derived(history: History, book: str, seq: int, facts: Mapping[str, Any]) -> Restatement:
    trade_seq = int(facts["trade_seq"])
    (booked,) = history.read(book, after=trade_seq - 1, through=trade_seq)
    trade = trade_of(history, book, booked, facts["execution"])
    if trade is None:
        raise CannotCorrect("not_reproducible", f"entry {trade_seq} does not tell of its trade")
    life = read_life(history, book, trade, through=seq - 1)
    request = Request(
        correction=facts["correction"],
        action=facts["action"],
        execution=facts["execution"],
        strategy=facts["strategy"],
        quantity=None,
        price=None,
        quote_amount=None,
        fees=None,
        keep_fees=False,
        by=facts["by"],
        why=facts["why"],
    )
    return Derivation.of(request, life, told_terms(facts["trade"])).restatement()
