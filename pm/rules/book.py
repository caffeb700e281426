"""A book: the fold of events into journal entries and state.

One event becomes one entry. The ladder decides against the state as it is; only then is anything
changed, so that facts no rule can take (FactsError) leave the book untouched. Two books given the
same facts in the same order are equal to the last byte, digest and all.
"""

from pm.rules.balances import moved
from pm.rules.contribution import AttributionRow, Contribution, contribution_json
from pm.rules.decision import Decision, PositionUpdate, Settlement
from pm.rules.digest import chain_digest
from pm.rules.expected import ExpectedState, expected_state
from pm.rules.facts import Facts
from pm.rules.journal import (
    RULES_VERSION,
    Entry,
    balance_change_json,
    legs_json,
    position_change_json,
)
from pm.rules.ladder import decide
from pm.rules.orders import order_json
from pm.rules.state import (
    AttributionDay,
    BalanceRecord,
    BookState,
    PositionRecord,
    StrategyRecord,
)
from pm.rules.traces import trace_json


class Book:
    """The books of one name, from genesis on."""

    __slots__ = ("state",)

    def __init__(self) -> None:
        self.state = BookState()

    def apply(self, facts_text: str) -> Entry:
        """Fold one event and return its entry; FactsError changes nothing."""
        facts = Facts.parse(facts_text)
        cursor = _cursor(facts)
        decision = decide(self.state, facts)
        return self._commit(facts, decision, cursor)

    def expected_state(self) -> ExpectedState:
        """What the store must hold, by key without its prefix."""
        return expected_state(self.state)

    def _commit(self, facts: Facts, decision: Decision, cursor: tuple[str, str] | None) -> Entry:
        state = self.state
        state.seq += 1
        state.counters[decision.result] += 1
        if cursor is not None:
            state.cursors[cursor[0]] = cursor[1]
        if decision.result == "applied":
            self._take_book_facts(facts)
        if decision.result not in ("refused", "duplicate"):
            self._remember(facts)
        entry = self._entry(facts, decision)
        state.digest = entry.digest
        if entry.changes != "[]":
            state.previous_update = state.seq
        return entry

    def _take_book_facts(self, facts: Facts) -> None:
        if facts.kind == "opened":
            self.state.schema = facts.need("schema")
            self.state.name = facts.need("name")
            self.state.seen.generation_size = facts.whole("generation_size")
        elif facts.kind == "reference":
            self.state.reference_version = facts.need("version")

    def _remember(self, facts: Facts) -> None:
        event_id = facts.word("id")
        if event_id is not None:
            self.state.seen.add(event_id, facts.whole("executed_at"), facts.whole("received_at"))

    def _entry(self, facts: Facts, decision: Decision) -> Entry:
        values = (
            facts.kind,
            decision.result,
            decision.reason,
            facts.text,
            legs_json(decision.legs),
            "[" + ",".join(self._changes(facts, decision)) + "]",
            self._order(decision),
            self._trace(decision),
            self._contribution(facts, decision),
            str(self.state.previous_update),
            RULES_VERSION,
        )
        return Entry(self.state.seq, *values, chain_digest(self.state.digest, values))

    def _changes(self, facts: Facts, decision: Decision) -> list[str]:
        changes: list[str] = []
        if decision.position is not None:
            changes += self._change_position(facts, decision.position)
        if decision.settlement is not None:
            changes += self._change_balances(facts, decision.settlement)
        return changes

    def _change_position(self, facts: Facts, update: PositionUpdate) -> list[str]:
        strategy, instrument, terms, effect = update
        self.state.positions[f"{strategy}:{instrument}"] = PositionRecord(
            strategy, instrument, terms, effect.new, self.state.seq
        )
        self._touch_strategy(facts, strategy)
        return [position_change_json(strategy, instrument, change) for change in effect.changes]

    def _change_balances(self, facts: Facts, settlement: Settlement) -> list[str]:
        location, chain_id, movements = settlement
        changes = []
        for token, amount in movements.items():
            key = f"{location}:{token}"
            record = self.state.balances.get(key)
            old = None if record is None else record.balance
            new = moved(old, amount)
            self.state.balances[key] = BalanceRecord(
                location, chain_id, token, new, facts.need("executed_at"), self.state.seq
            )
            changes.append(balance_change_json(location, chain_id, token, old, new))
        return changes

    def _order(self, decision: Decision) -> str:
        order = decision.order
        if order is None or not order.key:
            return ""
        self.state.orders[order.key] = (order, self.state.seq)
        return order_json(order)

    def _trace(self, decision: Decision) -> str:
        trace = decision.trace
        if trace is None:
            return ""
        self.state.traces[trace.trace_id] = (trace, self.state.seq)
        return trace_json(trace)

    def _contribution(self, facts: Facts, decision: Decision) -> str:
        entry = decision.contribution
        if entry is None:
            return ""
        state = self.state
        state.totals.add(entry)
        self._touch_strategy(facts, entry.strategy).totals.add(entry)
        self._attribute(entry)
        return contribution_json(entry)

    def _attribute(self, entry: Contribution) -> None:
        days = self.state.attribution
        day = days.setdefault(f"{entry.strategy}:{entry.day}", AttributionDay())
        day.rows.setdefault(f"{entry.venue}:{entry.instrument}", AttributionRow()).add(entry)
        day.seq = self.state.seq

    def _touch_strategy(self, facts: Facts, strategy: str) -> StrategyRecord:
        executed_at = facts.need("executed_at")
        record = self.state.strategies.get(strategy)
        if record is None:
            record = self.state.strategies[strategy] = StrategyRecord(executed_at)
        record.last_update_time = executed_at
        record.seq = self.state.seq
        return record


def _cursor(facts: Facts) -> tuple[str, str] | None:
    """The lane and where its cursor stands after the event; None when it came from no lane."""
    lane, entry = facts.word("lane"), facts.word("entry")
    if lane is None or entry is None:
        return None
    index = 0 if facts.word("index") is None else facts.whole("index")
    of = 1 if facts.word("of") is None else facts.whole("of")
    return lane, entry if index + 1 >= of else f"{entry}:{index + 1}"
