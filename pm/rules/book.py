"""A book: the fold of events into journal entries and state.

One event becomes one entry. The ladder decides against the state as it is; only then is anything
changed, so that facts no rule can take (FactsError) leave the book untouched. Two books given the
same facts in the same order are equal to the last byte, digest and all.
"""

from pm.decimals import ZERO, Amount
from pm.rules.balances import moved
from pm.rules.contribution import Contribution, contributions_json
from pm.rules.decision import Decision, PositionUpdate, UnderWay
from pm.rules.digest import chain_digest
from pm.rules.expected import ExpectedState, expected_state
from pm.rules.facts import Facts, Place
from pm.rules.journal import (
    RULES_VERSION,
    Entry,
    balance_change_json,
    effects_json,
    legs_json,
    position_change_json,
)
from pm.rules.ladder import decide
from pm.rules.orders import order_json
from pm.rules.pending import IN_FLIGHT
from pm.rules.state import (
    AttributionDay,
    BalanceRecord,
    BookState,
    OrderRecord,
    PositionRecord,
    StrategyRecord,
)
from pm.rules.totals import AttributionRow
from pm.rules.traces import stranded_json, trace_json

FORGOTTEN = frozenset({"refused", "duplicate", "declined"})
"""Results whose event id is not remembered (that of a duplicate already is)."""
_NOWHERE = Place("", "0")


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

    def expected_state(self, since: int = -1) -> ExpectedState:
        """What the store must hold, by key without its prefix; see `expected_state`."""
        return expected_state(self.state, since)

    def _commit(self, facts: Facts, decision: Decision, cursor: tuple[str, str] | None) -> Entry:
        state = self.state
        state.seq += 1
        state.counters[decision.result] += 1
        if cursor is not None:
            state.cursors[cursor[0]] = cursor[1]
        if decision.result == "applied":
            self._take_book_facts(facts)
        if decision.result not in FORGOTTEN:
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
        changes = self._changes(facts, decision)
        self._go_under_way(decision)
        values = (
            facts.kind,
            decision.result,
            decision.reason,
            facts.text,
            legs_json(facts.kind, decision.updates),
            effects_json(decision),
            "[" + ",".join(changes) + "]",
            self._order(facts, decision),
            self._trace(decision),
            self._contributions(facts, decision),
            str(self.state.previous_update),
            RULES_VERSION,
        )
        return Entry(self.state.seq, *values, chain_digest(self.state.digest, values))

    def _changes(self, facts: Facts, decision: Decision) -> list[str]:
        changes: list[str] = []
        for update in decision.updates:
            changes += self._change_position(facts, update)
        changes += self._change_balances(facts, decision)
        trace = decision.trace
        if trace is not None and not trace.is_step and trace.trace.status == "stranded":
            changes.append(stranded_json(trace.trace))
        return changes

    def _change_position(self, facts: Facts, update: PositionUpdate) -> list[str]:
        strategy, instrument, terms, place, effect = update
        state, key = self.state, update.key
        if place is None:
            place = state.positions[key].place if key in state.positions else _NOWHERE
        state.positions[key] = PositionRecord(
            strategy, instrument, terms, place, effect.new, state.seq
        )
        state.holders.setdefault(instrument, set()).add(strategy)
        self._touch_strategy(facts, strategy)
        return [position_change_json(strategy, instrument, change) for change in effect.changes]

    def _change_balances(self, facts: Facts, decision: Decision) -> list[str]:
        releases = dict(decision.releases)
        changes = []
        for place, token, amount in decision.movements:
            release = releases.pop(f"{place.location}:{token}", None)
            released = ZERO if release is None else release.amount
            changes.append(self._change_balance(facts, place, token, amount, released))
        for key in sorted(releases):
            location, _, token = key.partition(":")
            place = Place(location, releases[key].chain_id)
            changes.append(self._change_balance(facts, place, token, ZERO, releases[key].amount))
        return changes

    def _change_balance(
        self, facts: Facts, place: Place, token: str, amount: Amount, released: Amount
    ) -> str:
        key = f"{place.location}:{token}"
        old = self.state.balance(key)
        new = moved(old, amount, released)
        self.state.balances[key] = BalanceRecord(
            place.location, place.chain_id, token, new, facts.need("executed_at"), self.state.seq
        )
        return balance_change_json(place, token, old, new)

    def _order(self, facts: Facts, decision: Decision) -> str:
        order = decision.order
        if order is None or not order.key:
            return ""
        told_at = facts.need("executed_at")
        self.state.orders[order.key] = OrderRecord(order, told_at, self.state.seq)
        return order_json(order)

    def _trace(self, decision: Decision) -> str:
        if decision.trace is None:
            return ""
        trace, is_step = decision.trace
        state = self.state
        if trace.status == "archived":
            del state.traces[trace.trace_id]
        else:
            state.traces[trace.trace_id] = (trace, state.seq)
            if not is_step and trace.status in state.traces_ended:
                state.traces_ended[trace.status] += 1
        return trace_json(trace, with_step=is_step)

    def _go_under_way(self, decision: Decision) -> None:
        state, pending = self.state, decision.pending
        if pending is not None:
            state.pendings[pending.pending_id] = (pending, state.seq)
        if decision.under_way is not None:
            _add_under_way(self, decision.under_way)

    def _contributions(self, facts: Facts, decision: Decision) -> str:
        for entry in decision.contributions:
            self.state.totals.add(entry)
            self._touch_strategy(facts, entry.strategy).totals.add(entry)
            self._attribute(entry)
        return contributions_json(decision.contributions)

    def _attribute(self, entry: Contribution) -> None:
        days = self.state.attribution
        day = days.setdefault(f"{entry.strategy}:{entry.day}", AttributionDay())
        name = f"{entry.venue}:{entry.instrument}"
        row = day.rows.get(name)
        if row is None:
            row = day.rows[name] = AttributionRow()
        row.add(entry)
        day.seq = self.state.seq

    def _touch_strategy(self, facts: Facts, strategy: str) -> StrategyRecord:
        executed_at = facts.need("executed_at")
        record = self.state.strategies.get(strategy)
        if record is None:
            record = self.state.strategies[strategy] = StrategyRecord(executed_at)
        record.last_update_time = executed_at
        record.seq = self.state.seq
        return record


def _add_under_way(book: Book, under_way: UnderWay) -> None:
    kind, token, amount = under_way
    sums = book.state.in_flight if kind == IN_FLIGHT else book.state.receivables
    sums[token] = sums.get(token, ZERO) + amount


def _cursor(facts: Facts) -> tuple[str, str] | None:
    """The lane and where its cursor stands after the event; None when it came from no lane."""
    lane, entry = facts.word("lane"), facts.word("entry")
    if lane is None or entry is None:
        return None
    index = 0 if facts.word("index") is None else facts.whole("index")
    of = 1 if facts.word("of") is None else facts.whole("of")
    return lane, entry if index + 1 >= of else f"{entry}:{index + 1}"
