"""Journal entries as values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pm.client.amounts import parse_amount
from pm.client.updates import Change, parse_changes
from pm.decimals import Amount

Told = Mapping[str, Any]
Leg = tuple[Amount, Amount] | tuple[Amount, Amount, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry:
    """One event and what it did; every event has one, also those refused or without effect.

    `legs` are signed quantity and signed notional, with the position `<strategy>:<instrument>`
    where the event may concern several. `effects` are what it did beside legs. `order` and `trace`
    are the decoded JSON of the entry, None where it has none; `contributions` one for each strategy
    and instrument it added to. `digest` chains to the entry before.
    """

    book: str
    seq: int
    event: str
    result: str
    reason: str
    facts: Told
    legs: tuple[Leg, ...]
    effects: tuple[Told, ...]
    changes: tuple[Change, ...]
    order: Told | None
    trace: Told | None
    contributions: tuple[Told, ...]
    previous_update: int
    rules: str
    digest: str


def seq_of(stream_id: str) -> int:
    """The seq of a journal entry from its id, `<seq>-0`."""
    return int(stream_id.partition("-")[0])


def parse_entry(book: str, stream_id: str, fields: Mapping[str, str]) -> JournalEntry:
    """The entry of one stream entry."""
    return JournalEntry(
        book=book,
        seq=seq_of(stream_id),
        event=fields["event"],
        result=fields["result"],
        reason=fields["reason"],
        facts=json.loads(fields["facts"]),
        legs=tuple(map(_leg, json.loads(fields["legs"]))),
        effects=tuple(json.loads(fields["effects"])),
        changes=parse_changes(json.loads(fields["changes"])),
        order=_told(fields["order"]),
        trace=_told(fields["trace"]),
        contributions=_contributions(fields["contribution"]),
        previous_update=int(fields["previous_update"]),
        rules=fields["rules"],
        digest=fields["digest"],
    )


def _leg(told: list[str]) -> Leg:
    quantity, notional = parse_amount(told[0]), parse_amount(told[1])
    return (quantity, notional) if len(told) == 2 else (quantity, notional, told[2])


def _contributions(text: str) -> tuple[Told, ...]:
    told = json.loads(text) if text else []
    return tuple(told) if isinstance(told, list) else (told,)


def _told(text: str) -> Told | None:
    if not text:
        return None
    told: Told = json.loads(text)
    return told
