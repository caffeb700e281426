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


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry:
    """One event and what it did; every event has one, also those refused or without effect.

    `legs` are pairs of signed quantity and signed notional. `order`, `trace` and `contribution` are
    the decoded JSON of the entry, None where it has none. `digest` chains to the entry before.
    """

    book: str
    seq: int
    event: str
    result: str
    reason: str
    facts: Told
    legs: tuple[tuple[Amount, Amount], ...]
    changes: tuple[Change, ...]
    order: Told | None
    trace: Told | None
    contribution: Told | None
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
        legs=tuple(
            (parse_amount(quantity), parse_amount(notional))
            for quantity, notional in json.loads(fields["legs"])
        ),
        changes=parse_changes(json.loads(fields["changes"])),
        order=_told(fields["order"]),
        trace=_told(fields["trace"]),
        contribution=_told(fields["contribution"]),
        previous_update=int(fields["previous_update"]),
        rules=fields["rules"],
        digest=fields["digest"],
    )


def _told(text: str) -> Told | None:
    if not text:
        return None
    told: Told = json.loads(text)
    return told
