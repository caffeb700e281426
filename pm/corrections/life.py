"""A position's history from a trade on, as the journal holds it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pm.corrections.errors import CannotCorrect, TradeUnknown
from pm.corrections.reading import BY_QUANTITY, Entry, steps_of
from pm.corrections.refold import Refolded, refold
from pm.corrections.steps import Execution, Step, Version
from pm.corrections.terms import TradeTerms, told_terms
from pm.history.history import History
from pm.rules.facts import Facts, Terms
from pm.rules.position import Figures, Position, position_of
from pm.rules.restatements import figures_of


@dataclass(frozen=True, slots=True)
class Trade:
    """The entry that booked an execution."""

    seq: int
    strategy: str
    instrument: str
    facts: Mapping[str, Any]


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
    aliases: dict[int, int] = field(default_factory=dict)

    def refolded(self, versions: Mapping[int, Version] | None = None) -> Refolded:
        """The position folded again, with more versions than those that count."""
        merged = {**self.versions, **(versions or {})}
        return refold(self.start, self.steps, merged, self.aliases, self.terms)

    def execution(self, seq: int) -> Execution:
        """The execution booked by an entry."""
        for step in self.steps:
            if step.seq == seq and isinstance(step, Execution):
                return step
        raise CannotCorrect("not_reproducible", f"entry {seq} books no execution")


def find_trade(history: History, book: str, execution: str, *, after: int = 0) -> Trade:
    """The entry of a fill by its id; TradeUnknown where there is none after `after`.

    CannotCorrect for one that a cumulative result told of before, in whole or in part: what the
    result counted of it nobody can tell.
    """
    wanted = f'"id":"{execution}"'
    for entry in history.read(book, after=after):
        if entry["event"] == "fill" and wanted in entry["facts"]:
            trade = trade_of(entry, execution)
            if trade is not None:
                return trade
    raise TradeUnknown(execution)


def trade_of(entry: Entry, execution: str) -> Trade | None:
    """The trade an entry books, None unless it is this one; CannotCorrect as `find_trade`."""
    if entry["result"] not in ("applied", "covered"):
        return None
    facts = json.loads(entry["facts"])
    if facts.get("id") != execution:
        return None
    legs = json.loads(entry["legs"])
    told = json.loads(entry["contribution"] or "{}")
    if "trade_count" not in told or legs[0][0] != facts["quantity"]:
        raise CannotCorrect(
            "covered_by_result",
            f"entry {entry['seq']}: a cumulative result of the order had told of it before",
        )
    return Trade(int(entry["seq"]), told["strategy"], told["instrument"], facts)


def read_life(history: History, book: str, trade: Trade, *, through: int | None = None) -> Life:
    """The position a trade is in, from the trade on.

    It begins earlier where, since the trade, an earlier one of the position was restated.
    """
    first = trade.seq
    while True:
        entries = list(_relevant(history, book, trade, first, through))
        restated = [entry for entry in entries if entry["event"] == "restatement"]
        earlier = [int(json.loads(entry["facts"])["trade_seq"]) for entry in restated]
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
    versions, stated, aliases = {}, {trade.seq: told_terms(trade.facts)}, {}
    for number, entry in enumerate(entries):
        states = _states(entry, trade)
        if entry["event"] == "restatement":
            facts = json.loads(entry["facts"])
            of = int(facts["trade_seq"])
            restated = told_terms(facts["trade"])
            stated[of], aliases[int(entry["seq"])] = restated, of
            terms = Facts.parse(entry["facts"]).need_terms()
            versions[of] = restated.version(_terms_at(steps, of, terms))
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


def _terms_at(steps: Iterable[Step], seq: int, otherwise: Terms) -> Terms:
    return next((step.terms for step in steps if step.seq == seq), otherwise)


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
