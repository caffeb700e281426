"""A whole book at one seq, read in bounded slices while it goes on.

Cash and positions that were read at different moments do not add up: a fill between the two would
show as a gain. So everything is read in slices with no call that holds the server, and then brought
to one seq by the journal: what the entries journaled meanwhile have changed takes its value from
the last of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import redis

from pm import keys
from pm.decimals import Amount
from pm.history import History
from pm.valuation.held import (
    TOKEN_TOTALS,
    TOTALS,
    HeldBalance,
    HeldPosition,
    PendingTransfer,
    StrategyTotals,
    add_text,
    pending_of,
)
from pm.valuation.reading import (
    members,
    read_balances,
    read_head,
    read_pendings,
    read_positions,
    read_strategies,
)


class TornBook(Exception):
    """The journal is ahead of the book's state: it must be redone before it can be valued."""


@dataclass(slots=True)
class BookSnapshot:
    """A book at `seq_end`; reading began at `seq_start`. `valuation` counts what set marks."""

    book: str
    seq_start: int
    seq_end: int
    positions: dict[str, HeldPosition]
    balances: dict[str, HeldBalance]
    strategies: dict[str, StrategyTotals]
    pendings: dict[str, PendingTransfer]
    in_flight: dict[str, Amount]
    receivables: dict[str, Amount]
    valuation: str
    is_torn_valuation: bool

    def advance(self, client: redis.Redis) -> None:
        """Bring it to where the book stands now, but for the marks, which only `value` sets."""
        head = read_head(client, self.book)
        unknown: dict[str, dict[str, str]] = {}
        for entry in History(client).read(self.book, after=self.seq_end, through=head.seq):
            self._take(entry, unknown)
        self._learn(client, unknown)
        self.seq_end, self.in_flight, self.receivables = head.seq, head.in_flight, head.receivables
        self.valuation, self.is_torn_valuation = head.valuation, head.is_torn_valuation

    def _take(self, entry: Mapping[str, str], unknown: dict[str, dict[str, str]]) -> None:
        seq = int(entry["seq"])
        if entry["changes"] != "[]":
            for change in json.loads(entry["changes"]):
                self._change(change, seq, unknown)
        if entry["contribution"]:
            told = json.loads(entry["contribution"])
            for contribution in told if isinstance(told, list) else [told]:
                self._contribute(contribution, seq)
        if entry.get("effects", "[]") != "[]":
            for effect in json.loads(entry["effects"]):
                if effect["type"] == "pending":
                    self._pend(effect)

    def _change(
        self, change: Mapping[str, Any], seq: int, unknown: dict[str, dict[str, str]]
    ) -> None:
        kind = change["type"]
        if kind == "balance_changed":
            new, token, location = change["new"], change["token"], change["location"]
            total, available = Amount.parse(new["total"]), Amount.parse(new["available"])
            self.balances[f"{location}:{token}"] = HeldBalance(location, token, total, available)
        elif kind.startswith("position_"):
            member = f"{change['strategy_id']}:{change['instrument']}"
            held = self.positions.get(member)
            if held is None:
                unknown[member] = change["new"]
                return
            held.quantity = Amount.parse(change["new"]["quantity"])
            held.cost, held.seq = Amount.parse(change["new"]["cost"]), seq

    def _contribute(self, told: Mapping[str, Any], seq: int) -> None:
        totals = self.strategies.setdefault(told["strategy"], StrategyTotals())
        if totals.seq >= seq:
            return
        for name in TOTALS:
            if name in told:
                add_text(getattr(totals, name), told["settlement"], told[name])
        for name in TOKEN_TOTALS:
            for token, amount in told.get(name, {}).items():
                add_text(getattr(totals, name), token, amount)

    def _pend(self, effect: Mapping[str, Any]) -> None:
        if effect["kind"] == "transfer":
            self.pendings.pop(effect["id"], None)
            pending = pending_of(effect)
            if pending is not None:
                self.pendings[effect["id"]] = pending

    def _learn(self, client: redis.Redis, unknown: Mapping[str, Mapping[str, str]]) -> None:
        """Positions that were opened while the book was read: terms from their hashes."""
        for member, held in read_positions(client, self.book, unknown):
            told = unknown[member]
            held.quantity, held.cost = Amount.parse(told["quantity"]), Amount.parse(told["cost"])
            self.positions[member] = held


def read_book(client: redis.Redis, book: str) -> BookSnapshot:
    """The book at one seq. `client` must decode. TornBook when its journal is ahead of it."""
    start = read_head(client, book)
    positions = dict(read_positions(client, book, members(client, keys.positions(book))))
    balances, newest_balance = read_balances(client, book)
    strategies = read_strategies(client, book)
    snapshot = BookSnapshot(
        book=book,
        seq_start=start.seq,
        seq_end=start.seq,
        positions=positions,
        balances=balances,
        strategies=strategies,
        pendings=read_pendings(client, book),
        in_flight={},
        receivables={},
        valuation="0",
        is_torn_valuation=False,
    )
    stamps = [newest_balance, *(held.seq for held in positions.values())]
    newest = max([*stamps, *(totals.seq for totals in strategies.values())])
    snapshot.advance(client)
    for held in snapshot.positions.values():
        strategies.setdefault(held.strategy, StrategyTotals())
    if newest > snapshot.seq_end:
        raise TornBook(f"book {book} is torn: its journal is ahead of its state")
    return snapshot


def open_positions(snapshot: BookSnapshot) -> Iterator[HeldPosition]:
    """The positions that are not flat."""
    return (held for held in snapshot.positions.values() if held.quantity)
