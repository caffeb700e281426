"""What a book's journal says that concerns valuation: flows, fees to value, splits, ended traces.

Read once, in order, from a seq on. What is kept of it are the flows a point still needs and what
has not been dealt with yet; a process that starts anew reads again from the seqs that are stored.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import redis

from pm.decimals import Amount
from pm.history import Archive, History
from pm.valuation.flows import Flow, flow_of


class UnvaluedFee(NamedTuple):
    """A fee in a token that had no price in the settlement token; `seq` is its entry."""

    seq: int
    strategy: str
    instrument: str
    settlement: str
    venue: str
    token: str
    amount: Amount
    executed_at: int


class FoundSplit(NamedTuple):
    """A split that was applied; `time` is ns."""

    instrument: str
    event_id: str
    time: int
    numerator: Amount
    denominator: Amount


@dataclass(slots=True)
class JournalWatch:
    """The journal of `book` read through `seq`."""

    book: str
    seq: int
    first_seq: int = field(init=False)
    flows: list[Flow] = field(default_factory=list)
    fees: list[UnvaluedFee] = field(default_factory=list)
    splits: list[FoundSplit] = field(default_factory=list)
    archived: list[str] = field(default_factory=list)
    _restated: dict[int, set[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.first_seq = self.seq

    def read_on(self, client: redis.Redis, *, through: int, archive: Archive | None = None) -> None:
        """Read up to an entry; HistoryGap where one is missing."""
        if through > self.seq:
            history = History(client, archive)
            for entry in history.read(self.book, after=self.seq, through=through):
                self.take(entry)
            self.seq = through

    def take(self, entry: Mapping[str, str]) -> None:
        """Take in the next entry, with its "seq"."""
        flow = flow_of(entry)
        if flow is not None:
            self.flows.append(flow)
        if entry["event"] == "restatement":
            self._take_restated_fees(entry)
        elif '"fees_unvalued"' in entry["contribution"] and entry["event"] != "fee_value":
            self.fees += _fees_of(entry)
        if entry["event"] == "split" and entry["result"] == "applied":
            self.splits.append(_split_of(entry))
        elif entry["event"] == "trace_archived" and entry["result"] == "applied":
            self.archived.append(json.loads(entry["facts"])["trace"]["id"])
        self.seq = int(entry["seq"])

    def _take_restated_fees(self, entry: Mapping[str, str]) -> None:
        """The fees a corrected trade still has without value, in the place of those it had."""
        if entry["result"] != "applied":
            return
        facts = json.loads(entry["facts"])
        changed = {int(seq) for seq, _ in facts["versions"]}
        told_in = changed | {seq for seq, of in self._restated.items() if of & changed}
        self._restated[int(entry["seq"])] = changed
        self.fees = [fee for fee in self.fees if fee.seq not in told_in]
        self.fees += _restated_fees_of(entry, facts)

    def flows_between(self, after: int, through: int) -> list[Flow]:
        """The flows of entries after one seq up to another, both within what was read."""
        return [flow for flow in self.flows if after < flow.seq <= through]

    def forget_flows(self, through: int) -> None:
        """Drop what no point needs any more."""
        self.flows = [flow for flow in self.flows if flow.seq > through]
        self.first_seq = min(max(self.first_seq, through), self.seq)


def _fees_of(entry: Mapping[str, str]) -> list[UnvaluedFee]:
    facts = json.loads(entry["facts"])
    told: Any = json.loads(entry["contribution"])
    return [
        UnvaluedFee(
            int(entry["seq"]),
            record["strategy"],
            record["instrument"],
            record["settlement"],
            record["venue"],
            token,
            Amount.parse(amount),
            int(facts["executed_at"]),
        )
        for record in (told if isinstance(told, list) else [told])
        for token, amount in record.get("fees_unvalued", {}).items()
    ]


def _restated_fees_of(entry: Mapping[str, str], facts: Mapping[str, Any]) -> list[UnvaluedFee]:
    return [
        UnvaluedFee(
            int(entry["seq"]),
            facts["strategy"],
            facts["instrument"],
            facts["settlement"],
            facts["venue"],
            token,
            Amount.parse(amount),
            int(facts["traded_at"]),
        )
        for token, amount in facts["fees_unvalued"].items()
    ]


def _split_of(entry: Mapping[str, str]) -> FoundSplit:
    facts = json.loads(entry["facts"])
    return FoundSplit(
        facts["instrument"],
        facts["id"].removeprefix("event/"),
        int(facts["executed_at"]),
        Amount.parse(facts["numerator"]),
        Amount.parse(facts["denominator"]),
    )
