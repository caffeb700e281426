"""A book's state as the store must hold it: key by key, every value as text.

Keys come without the prefix all keys of a book share. Hashes are fields to text, sorted sets are
members to the text of their score, sets are sets of members; the kind of a key follows from its
name. Left out is what no journal decides: the book's epoch and the library that is loaded.
"""

from pm.rules.journal import RULES_VERSION
from pm.rules.orders import Order
from pm.rules.pending import Correction
from pm.rules.position import Position
from pm.rules.reservations import reservations_json
from pm.rules.seen import FIRST_GENERATION
from pm.rules.state import BalanceRecord, BookState, PositionRecord, StrategyRecord
from pm.rules.token_amounts import amounts_json
from pm.rules.totals import Totals, row_json
from pm.rules.traces import Trace, list_json

Hash = dict[str, str]
ExpectedState = dict[str, Hash | set[str]]

SENTINEL = "."
_VALUED = frozenset({"market_value", "unrealized_pnl"})
NOT_FOLDED = {
    "book": _VALUED | {"epoch", "library", "valuation", "valuation_torn", "unmarked"},
    "strategy": _VALUED | {"unmarked"},
    "position": _VALUED | {"mark", "mark_time", "mark_stale"},
}
"""Fields set from outside the journal, by the first word of their key."""
SORTED_SETS = (
    "positions",
    "closed",
    "strategies",
    "balances",
    "lanes",
    "traces",
    "pendings",
    "reservations",
)
"""Sorted sets every book has."""
RESTATEMENTS = "restatements"
"""A sorted set a book has once a correction was asked for."""
_NS_PER_MS = 1_000_000


def expected_state(state: BookState, since: int = -1) -> ExpectedState:
    """Every key of the book with what it must hold.

    With `since` of the records only those that an entry above that seq changed; the book's hash and
    the sets are always there.
    """
    expected: ExpectedState = {"book": _book(state)}
    for key, record in state.positions.items():
        if record.seq > since:
            expected[f"position:{key}"] = _position(record)
    for key, balance in state.balances.items():
        if balance.seq > since:
            expected[f"balance:{key}"] = _balance(balance)
    for strategy, totals in state.strategies.items():
        if totals.seq > since:
            expected[f"strategy:{strategy}"] = _strategy(strategy, totals)
    for key, (order, _, seq) in state.orders.items():
        if seq > since:
            expected[f"order:{key}"] = {**_order(order), "seq": str(seq)}
    for key, (pending, seq) in state.pendings.items():
        if seq > since:
            expected[f"pending:{key}"] = {**pending.texts(), "seq": str(seq)}
    for key, (trace, seq) in state.traces.items():
        if seq > since:
            expected[f"trace:{key}"] = {**_trace(trace), "seq": str(seq)}
    for key, day in state.attribution.items():
        if day.seq > since:
            rows = {name: row_json(row) for name, row in day.rows.items()}
            expected[f"attribution:{key}"] = {**rows, "seq": str(day.seq)}
    return expected | _seen(state) | _sorted_sets(state)


def _balance(record: BalanceRecord) -> Hash:
    return {
        "location": record.location,
        "chain_id": record.chain_id,
        "token": record.token,
        "available": str(record.balance.available),
        "reserved": str(record.balance.reserved),
        "total": str(record.balance.total),
        "last_update": record.last_update,
        "seq": str(record.seq),
    }


def _book(state: BookState) -> Hash:
    seen = state.seen
    return {
        "schema": state.schema,
        "name": state.name,
        "seq": str(state.seq),
        "digest": state.digest,
        "previous_update": str(state.previous_update),
        "rules": RULES_VERSION,
        "reference_version": state.reference_version,
        "generation": str(seen.generation),
        "generation_count": str(seen.generation_count),
        "generation_size": str(seen.generation_size),
        "newest": str(seen.newest),
        "newest_previous": str(seen.newest_previous),
        "horizon": str(seen.horizon),
        **{f"cursor:{lane}": cursor for lane, cursor in state.cursors.items()},
        **{result: str(count) for result, count in state.counters.items()},
        **_totals(state.totals),
        "in_flight": amounts_json(state.in_flight),
        "receivables": amounts_json(state.receivables),
        **{f"traces_{end}": str(count) for end, count in state.traces_ended.items()},
    }


def _totals(totals: Totals) -> Hash:
    counts = totals.counts
    return {
        "trade_count": str(counts.trade_count),
        "realized_pnl": amounts_json(totals.realized_pnl),
        "carry": amounts_json(totals.carry),
        "transfer_cost": amounts_json(totals.transfer_cost),
        "fees_paid": amounts_json(totals.fees_paid),
        "fee_value": amounts_json(totals.fee_value),
        "fees_unvalued": amounts_json(totals.fees_unvalued),
        "failed_fees": amounts_json(totals.failed_fees),
        "allocated": amounts_json(totals.allocated),
        "volume": amounts_json(totals.volume),
        **{f"orders_{end}": str(count) for end, count in counts.orders.items()},
        **{f"trips_{end}": str(count) for end, count in counts.trips.items()},
    }


def _strategy(strategy: str, record: StrategyRecord) -> Hash:
    return {
        "strategy_id": strategy,
        **_totals(record.totals),
        "inception_time": record.inception_time,
        "last_update_time": record.last_update_time,
        "seq": str(record.seq),
    }


def _position(record: PositionRecord) -> Hash:
    terms = record.terms
    return {
        "strategy_id": record.strategy,
        "instrument_id": record.instrument,
        "instrument_kind": terms.kind,
        "location": record.place.location,
        "chain_id": record.place.chain_id,
        "base": terms.base,
        "quote": terms.quote,
        "settlement": terms.settlement,
        "multiplier": str(terms.multiplier),
        "inverse": "1" if terms.inverse else "0",
        "dust": str(terms.dust),
        **_figures(record.position),
        "seq": str(record.seq),
    }


def _figures(position: Position) -> Hash:
    figures = position.figures
    return {
        "quantity": str(position.quantity),
        "cost": str(position.cost),
        "avg_cost_basis": "" if position.average is None else str(position.average),
        "realized_pnl": str(position.realized_pnl),
        "fees_paid": amounts_json(position.fees.paid),
        "fee_value": str(position.fees.value),
        "fees_unvalued": amounts_json(position.fees.unvalued),
        "carry": str(figures.carry),
        "transfer_cost": str(figures.transfer_cost),
        "total_trades": str(figures.total_trades),
        "first_trade_time": figures.first_trade_time,
        "last_update_time": figures.last_update_time,
        "trip_realized_pnl": str(figures.trip.realized_pnl),
        "trip_fee_value": str(figures.trip.fee_value),
        "trip_carry": str(figures.trip.carry),
    }


def _order(order: Order) -> Hash:
    return {
        "strategy": order.strategy,
        "instrument": order.instrument,
        "status": order.status,
        "quantity": str(order.quantity),
        "notional": str(order.notional),
        "fees": amounts_json(order.fees),
        "fill_quantity": str(order.fill_quantity),
        "result_quantity": str(order.result_quantity),
        "result_fees": "1" if order.result_fees else "0",
        "filled_at": order.filled_at,
        "reservations": reservations_json(order.reservations),
    }


def _trace(trace: Trace) -> Hash:
    return {
        "arbitrage": "1" if trace.arbitrage else "0",
        "status": trace.status,
        "numeraire": trace.numeraire,
        "net": amounts_json(trace.net),
        "locations": amounts_json(trace.locations),
        "traded": list_json(trace.traded),
        "dust": amounts_json(trace.dust),
        "first_time": trace.first_time,
        "last_time": trace.last_time,
        "steps": str(len(trace.steps)),
        **{f"step:{number}": step for number, step in enumerate(trace.steps)},
    }


def _seen(state: BookState) -> ExpectedState:
    generation = state.seen.generation
    expected: ExpectedState = {f"seen:{generation}": {SENTINEL, *state.seen.current}}
    if generation > FIRST_GENERATION:
        expected[f"seen:{generation - 1}"] = {SENTINEL, *state.seen.previous}
    expected["seen:future"] = {SENTINEL, *state.seen.future}
    return expected


def _sorted_sets(state: BookState) -> ExpectedState:
    sets: dict[str, Hash] = {name: {SENTINEL: "0"} for name in SORTED_SETS}
    for key, record in state.positions.items():
        sets["positions" if record.position.quantity else "closed"][key] = "0"
        holders = sets.setdefault(f"instrument:{record.instrument}", {})
        holders[record.strategy] = "0"
    for key, balance in state.balances.items():
        sets["balances"][key] = "0"
        sets.setdefault(f"chain:{balance.chain_id}", {})[key] = "0"
    for strategy in state.strategies:
        sets["strategies"][strategy] = "0"
    for lane in state.cursors:
        sets["lanes"][lane] = "0"
    for key, (trace, _) in state.traces.items():
        sets["traces"][key] = _milliseconds(trace.last_time)
    for key, (order, told_at, _) in state.orders.items():
        if order.reservations:
            sets["reservations"][key] = _milliseconds(told_at)
    for key, (pending, seq) in state.pendings.items():
        if pending.is_open:
            sets["pendings"][key] = "0"
        if isinstance(pending, Correction):
            sets.setdefault(RESTATEMENTS, {})[key] = str(seq)
    return dict(sets)


def _milliseconds(time_ns: str) -> str:
    return str(int(time_ns) // _NS_PER_MS)
