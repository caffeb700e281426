"""A position's history from a trade on, as the journal holds it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pm.corrections.errors import CannotCorrect, TradeUnknown
from pm.corrections.reading import BY_QUANTITY, Entry, steps_of
from pm.corrections.refold import Refolded, refold
from pm.corrections.steps import NOT_BOOKED, Execution, Step, Version
from pm.corrections.terms import TradeTerms, told_terms, told_version
from pm.history.history import History
from pm.rules.facts import Facts, Terms
from pm.rules.position import Figures, Position, position_of
from pm.rules.restatements import figures_of


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

    `versions` are the executions restated since, `stated` their terms and the trade's; `position`
    is as last journaled, in entry `position_seq`.
    """

    first_seq: int
    through: int
    start: Position | None
    steps: list[Step]
    terms: Terms
    position: Position
    position_seq: int
    versions: dict[int, Version] = field(default_factory=dict)
    stated: dict[int, TradeTerms] = field(default_factory=dict)
    aliases: dict[int, tuple[int, ...]] = field(default_factory=dict)

    def refolded(self, versions: Mapping[int, Version] | None = None) -> Refolded:
        """The position folded again, with more versions than those that count."""
        merged = {**self.versions, **(versions or {})}
        return refold(self.start, self.steps, merged, self.aliases, self.terms)

    def version(self, seq: int) -> Version:
        """What an entry books as it counts now."""
        found = self.versions.get(seq)
        if found is None:
            step = self._execution(seq)
            found = NOT_BOOKED if step is None else step.version
        return found

    def terms_of(self, trade: Trade) -> Terms:
        """What the instrument was when the trade was booked."""
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
            return _life(entries, trade)
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


def _life(entries: list[Entry], trade: Trade) -> Life:
    terms: Terms | None = None
    steps: list[Step] = []
    start: Position | None = None
    last: tuple[int, Mapping[str, Any]] | None = None
    versions: dict[int, Version] = {}
    stated = {trade.seq: told_terms(trade.facts)}
    aliases: dict[int, tuple[int, ...]] = {}
    for number, entry in enumerate(entries):
        states = _states(entry, trade)
        if entry["event"] == "restatement":
            facts = Facts.parse(entry["facts"])
            stated[facts.whole("trade_seq")] = told_terms(facts.values["trade"])
            restated = _versions(entry)
            aliases[int(entry["seq"])] = tuple(restated)
            versions |= restated
            terms = facts.need_terms()
        else:
            found = steps_of(entry, trade.strategy, trade.instrument, terms)
            steps += found
            terms = found[-1].terms if found and states else terms
        if number == 0:
            assert terms is not None, "an execution has terms"
            start = _position(states[0][0], terms)
        if states:
            last = int(entry["seq"]), states[-1][1]
    assert last is not None, "the trade itself changed the position"
    assert terms is not None, "an execution has terms"
    position = _position(last[1], terms)
    assert position is not None, "a change has a new state"
    first_seq, through = int(entries[0]["seq"]), int(entries[-1]["seq"])
    return Life(
        first_seq, through, start, steps, terms, position, last[0], versions, stated, aliases
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
