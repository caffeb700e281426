"""What was restated: every correction of a book with what it changed, why and by whom."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import redis

from pm.corrections import requests
from pm.decimals import Amount
from pm.history import History


@dataclass(frozen=True, slots=True, kw_only=True)
class CashMove:
    """What a balance moved by."""

    location: str
    token: str
    amount: Amount


@dataclass(frozen=True, slots=True, kw_only=True)
class RestatedFigures:
    """A position's figures before or after; fees by token, `fee_value` in the settlement token."""

    quantity: Amount
    cost: Amount
    realized_pnl: Amount
    fees_paid: Mapping[str, Amount]
    fee_value: Amount


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectionRecord:
    """A correction and what has become of it; times are ns, None where there is none yet.

    `status` is waiting (its trade is not booked yet, or it is being made), restated or failed.
    `trade_seq` is the entry that booked the trade, `seq` the one that last changed the correction.
    """

    book: str
    correction_id: str
    status: str
    action: str
    execution: str
    by: str
    why: str
    requested_at: int
    ended_at: int | None
    seq: int
    trade_seq: int | None
    traded_at: int | None
    strategy_id: str | None
    instrument_id: str | None
    old: RestatedFigures | None
    new: RestatedFigures | None
    cash: tuple[CashMove, ...]
    reason: str | None
    detail: str | None


def records(client: redis.Redis, history: History, book: str) -> Iterator[CorrectionRecord]:
    """The corrections of a book, by the seq of their last entry."""
    for name in requests.names(client, book):
        held = requests.stored(client, book, name)
        if held:
            yield _record(history, book, name, held)


def restated_by(client: redis.Redis, book: str) -> dict[int, int]:
    """By the seq of a trade's entry, the seq of the one that restated it last."""
    found: dict[int, int] = {}
    for name in requests.names(client, book):
        held = requests.stored(client, book, name)
        if held.get("status") == "restated":
            found[int(held["trade_seq"])] = int(held["seq"])
    return found


def _record(history: History, book: str, name: str, held: Mapping[str, str]) -> CorrectionRecord:
    facts: Mapping[str, Any] = {}
    old = new = None
    if held["status"] == "restated":
        seq = int(held["seq"])
        (entry,) = history.read(book, after=seq - 1, through=seq)
        facts = json.loads(entry["facts"])
        change = json.loads(entry["changes"])[0]
        old, new = _figures(change["old"]), _figures(change["new"])
    return CorrectionRecord(
        book=book,
        correction_id=name,
        status="waiting" if held["status"] == "open" else held["status"],
        action=held["action"],
        execution=held["execution"],
        by=held["by"],
        why=held["why"],
        requested_at=int(held["sent_at"]),
        ended_at=int(held["ended_at"]) if held["ended_at"] else None,
        seq=int(held["seq"]),
        trade_seq=int(held["trade_seq"]) if held["trade_seq"] else None,
        traded_at=int(facts["traded_at"]) if facts else None,
        strategy_id=held["strategy"] or None,
        instrument_id=facts.get("instrument"),
        old=old,
        new=new,
        cash=tuple(
            CashMove(location=location, token=token, amount=Amount.parse(amount))
            for location, _, token, amount in facts.get("moves", ())
        ),
        reason=held["reason"] or None,
        detail=held["detail"] or None,
    )


def _figures(told: Mapping[str, Any]) -> RestatedFigures:
    return RestatedFigures(
        quantity=Amount.parse(told["quantity"]),
        cost=Amount.parse(told["cost"]),
        realized_pnl=Amount.parse(told["realized_pnl"]),
        fees_paid={token: Amount.parse(amount) for token, amount in told["fees_paid"].items()},
        fee_value=Amount.parse(told["fee_value"]),
    )
