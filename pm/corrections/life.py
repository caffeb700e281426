"""A position's history from a trade on, as the journal holds it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pm.corrections.errors import CannotCorrect, TradeUnknown
from pm.corrections.reading import BY_QUANTITY, Entry, steps_of
from pm.corrections.steps import NOT_BOOKED, Execution, FeeValued, Step, Version
from pm.corrections.terms import TradeTerms, amounts_of, told_terms, told_version
from pm.decimals import Amount
from pm.history import History
from pm.rules.facts import Facts, Terms
from pm.rules.position import Figures, Position, position_of
from pm.rules.restatements import figures_of
from pm.rules.token_amounts import NO_AMOUNTS


@dataclass(frozen=True, slots=True)
class Trade:
    """An execution by the entry of its fill.

    `covering` are the entries of cumulative results that had told of it before, in whole or in
    part; without any, its own entry books all of it.
    """

    seq: int
    strategy: str
    instrument: str
    facts: Mapping[str, Any]
    covering: tuple[int, ...] = ()

    @property
    def first_seq(self) -> int:
        """The first entry that may have booked some of it."""
        return min((self.seq, *self.covering))


@dataclass(slots=True)
class Life:
    """A position from just before entry `first_seq` on, up to `through`.

    `versions` are the executions restated since, `stated` their terms and the trade's.
    """

    trade: Trade
    first_seq: int
    through: int = 0
    start: Position | None = None
    steps: list[Step] = field(default_factory=list)
    versions: dict[int, Version] = field(default_factory=dict)
    stated: dict[int, TradeTerms] = field(default_factory=dict)
    aliases: dict[int, tuple[int, ...]] = field(default_factory=dict)
    position_seq: int = 0
    _fees: dict[int, Mapping[str, Amount]] = field(default_factory=dict)
    _terms: Terms | None = None
    _state: Mapping[str, Any] | None = None

    @property
    def terms(self) -> Terms:
        """What the instrument is, as last told."""
        assert self._terms is not None, "an execution has terms"
        return self._terms

    @property
    def position(self) -> Position:
        """The position as last journaled, in entry `position_seq`."""
        found = _position(self._state, self.terms)
        assert found is not None, "the trade itself changed the position"
        return found

    def take(self, entry: Entry) -> None:
        """Take in the next entry that concerns the position."""
        seq, states = int(entry["seq"]), _states(entry, self.trade)
        if entry["event"] == "restatement":
            facts = Facts.parse(entry["facts"])
            self.stated[facts.whole("trade_seq")] = told_terms(facts.values["trade"])
            restated = _versions(entry)
            self.aliases[seq] = tuple(restated)
            self.versions |= restated
            self._take_fees(seq, facts)
            self._terms = facts.need_terms()
        else:
            found = steps_of(entry, self.trade.strategy, self.trade.instrument, self._terms)
            self.steps += map(self._attributed, found)
            if found and states:
                self._terms = found[-1].terms
        if seq == self.first_seq:
            self.start = _position(states[0][0], self.terms)
        if states:
            self.position_seq, self._state = seq, states[-1][1]
        self.through = seq

    def _attributed(self, step: Step) -> Step:
        """The step, a fee's value only where the entry it names has paid just that fee."""
        if isinstance(step, Execution):
            self._fees[step.seq] = amounts_of(step.version.fees)
            return step
        if not isinstance(step, FeeValued):
            return step
        paid = self._fees.get(step.paid_in, NO_AMOUNTS).get(step.token)
        return step if paid == step.amount else replace(step, paid_in=0)

    def _take_fees(self, seq: int, restatement: Facts) -> None:
        """From a restatement on, fees of what it changed get their value by its seq."""
        changed = set(self.aliases[seq])
        for earlier, of in self.aliases.items():
            if changed.intersection(of):
                self._fees.pop(earlier, None)
        for of_entry in changed:
            self._fees.pop(of_entry, None)
        self._fees[seq] = restatement.amounts("fees_unvalued")

    def read_on(self, history: History, book: str) -> list[Step] | None:
        """What has happened since; None where it was restated, so that all must be read again."""
        entries = list(_relevant(history, book, self.trade, self.through + 1, None))
        if any(entry["event"] == "restatement" for entry in entries):
            return None
        known = len(self.steps)
        for entry in entries:
            self.take(entry)
        return self.steps[known:]

    def version(self, seq: int) -> Version:
        """What an entry books as it counts now."""
        found = self.versions.get(seq)
        if found is None:
            step = self._execution(seq)
            found = NOT_BOOKED if step is None else step.version
        return found

    def terms_then(self) -> Terms:
        """What the instrument was when the trade was booked."""
        trade = self.trade
        step = self._execution(trade.covering[-1] if trade.covering else trade.seq)
        if step is None:
            raise CannotCorrect("not_reproducible", f"entry {trade.seq} books no execution")
        return step.terms

    def _execution(self, seq: int) -> Execution | None:
        executions = (step for step in self.steps if isinstance(step, Execution))
        return next((step for step in executions if step.seq == seq), None)


def find_trade(history: History, book: str, execution: str, *, after: int = 0) -> Trade:
    """The trade of a fill by its id; TradeUnknown where there is none after entry `after`."""
    wanted = f'"id":"{execution}"'
    for entry in history.read(book, after=after):
        if entry["event"] == "fill" and wanted in entry["facts"]:
            trade = trade_of(history, book, entry, execution)
            if trade is not None:
                return trade
    raise TradeUnknown(execution)


def trade_of(history: History, book: str, entry: Entry, execution: str) -> Trade | None:
    """The trade an entry tells of, None unless it is this one, told for the first time."""
    if entry["result"] not in ("applied", "covered"):
        return None
    facts, seq = json.loads(entry["facts"]), int(entry["seq"])
    if facts.get("id") != execution:
        return None
    legs = json.loads(entry["legs"])
    told = json.loads(entry["contribution"] or "{}")
    covering: tuple[int, ...] = ()
    if "trade_count" not in told or legs[0][0] != facts["quantity"]:
        covering = tuple(_results(history, book, facts["order"], seq))
    return Trade(seq, facts["strategy"], facts["instrument"], facts, covering)


def _results(history: History, book: str, order: str, before: int) -> Iterable[int]:
    """The entries of cumulative results that booked something of an order."""
    of_order = f'"order":"{order}"'
    for entry in history.read(book, through=before - 1):
        if (
            entry["event"] == "execution_result"
            and of_order in entry["facts"]
            and '"trade_count"' in entry["contribution"]
        ):
            yield int(entry["seq"])


def read_life(history: History, book: str, trade: Trade, *, through: int | None = None) -> Life:
    """The position a trade is in, from the trade on.

    It begins earlier where, since the trade, an earlier one of the position was restated.
    """
    first = trade.first_seq
    while True:
        entries = list(_relevant(history, book, trade, first, through))
        restated = [_versions(entry) for entry in entries if entry["event"] == "restatement"]
        earlier = [seq for versions in restated for seq in versions]
        if min(earlier, default=first) >= first:
            life = Life(trade, int(entries[0]["seq"]))
            life.stated[trade.seq] = told_terms(trade.facts)
            for entry in entries:
                life.take(entry)
            return life
        first = min(earlier)


def _relevant(
    history: History, book: str, trade: Trade, first: int, through: int | None
) -> Iterable[Entry]:
    """The entries that changed the position, or would have if it had been held."""
    changed = f'"strategy_id":"{trade.strategy}","instrument":"{trade.instrument}"'
    about = f'"instrument":"{trade.instrument}"'
    for entry in history.read(book, after=first - 1, through=through):
        if changed in entry["changes"] or _would_change(entry, about):
            yield entry


def _would_change(entry: Entry, about: str) -> bool:
    return (
        entry["event"] in BY_QUANTITY
        and about in entry["facts"]
        and (entry["result"] == "applied" or entry["reason"] == "no_position")
    )


def _versions(restatement: Entry) -> dict[int, Version]:
    """What a restatement made of entries."""
    told = json.loads(restatement["facts"])["versions"]
    return {int(seq): told_version(version) for seq, version in told}


def _states(entry: Entry, trade: Trade) -> list[tuple[Any, Any]]:
    """Old and new states of the position in an entry."""
    return [
        (change["old"], change["new"])
        for change in json.loads(entry["changes"])
        if change["type"].startswith("position_")
        and (change["strategy_id"], change["instrument"]) == (trade.strategy, trade.instrument)
    ]


def _position(told: Mapping[str, Any] | None, terms: Terms) -> Position | None:
    if told is None:
        return None
    return position_of(_figures(told), terms)


def _figures(told: Mapping[str, Any]) -> Figures:
    return figures_of(Facts("", told, "position"), told["last_update_time"])
