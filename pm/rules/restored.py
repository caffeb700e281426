"""A book's state from the keys the store holds: the inverse of `pm.rules.expected`.

A state restored at any entry folds on as if it had been folded from the first one. Whatever a
book's state gains must be in the keys, and is read back here.
"""

import json
from collections.abc import Iterator, Mapping, Set

from pm.decimals import Amount
from pm.rules.balances import balance_of
from pm.rules.expected import SENTINEL, ExpectedState, Hash
from pm.rules.facts import Place, Terms
from pm.rules.fees import FeeSum
from pm.rules.journal import RULES_VERSION
from pm.rules.legs import Holding
from pm.rules.orders import Order
from pm.rules.pending import Correction, Dividend, Pending, Transfer
from pm.rules.position import Figures, Trip, position_of
from pm.rules.reservations import Reservation
from pm.rules.seen import FIRST_GENERATION, SeenIds
from pm.rules.state import (
    RESULTS,
    AttributionDay,
    BalanceRecord,
    BookState,
    OrderRecord,
    PositionRecord,
    StrategyRecord,
)
from pm.rules.totals import MONEY, AttributionRow, Counts, Totals
from pm.rules.traces import Trace

_CURSOR = "cursor:"
_TOTALS_OF_TOKENS = (*MONEY, "fees_paid", "fees_unvalued", "failed_fees", "allocated")
_ROW_TOKENS = ("fees", "fees_unvalued", "failed_fees", "allocated")
_ROW_MONEY = (*MONEY, "quantity", "notional")


class NotAState(ValueError):
    """The keys are no state of a book, or one of other rules; the text says which and why."""


def restored_state(keys: ExpectedState) -> BookState:
    """The state whose keys these are; NotAState where they are none."""
    place = "book"
    try:
        state = _book(_hash(keys, "book"))
        state.seen = _seen(keys, _hash(keys, "book"))
        news = _hash(keys, "reservations")
        for place in keys:
            kind, _, name = place.partition(":")
            if name and kind in _RECORDS:
                _take(state, kind, name, _hash(keys, place), news)
    except NotAState:
        raise
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise NotAState(f"{place}: {type(error).__name__}: {error}") from None
    return state


_RECORDS = frozenset(
    {"position", "balance", "strategy", "order", "pending", "trace", "attribution"}
)


def _take(state: BookState, kind: str, name: str, fields: Hash, news: Hash) -> None:
    seq = int(fields["seq"])
    match kind:
        case "position":
            record = _position(fields, seq)
            state.positions[name] = record
            state.holders.setdefault(record.instrument, set()).add(record.strategy)
        case "balance":
            state.balances[name] = _balance(fields, seq)
        case "strategy":
            totals = _totals(fields)
            begun, last = fields["inception_time"], fields["last_update_time"]
            state.strategies[name] = StrategyRecord(begun, last, totals, seq)
        case "order":
            # Only the millisecond of the last news is kept, and only where something is reserved.
            told_at = f"{news[name]}000000" if name in news else "0"
            state.orders[name] = OrderRecord(_order(name, fields), told_at, seq)
        case "pending":
            state.pendings[name] = (_pending(name, fields), seq)
        case "trace":
            state.traces[name] = (_trace(name, fields), seq)
        case "attribution":
            rows = {key: _row(text) for key, text in fields.items() if key != "seq"}
            state.attribution[name] = AttributionDay(rows, seq)


def _hash(keys: ExpectedState, name: str) -> Hash:
    found = keys[name]
    if not isinstance(found, dict):
        raise NotAState(f"{name}: is no hash")
    return found


def _set(keys: ExpectedState, name: str) -> set[str]:
    found = keys[name]
    if not isinstance(found, Set):
        raise NotAState(f"{name}: is no set")
    return set(found) - {SENTINEL}


def _amounts(text: str) -> dict[str, Amount]:
    if text == "{}":
        return {}
    return _parsed(json.loads(text))


def _parsed(told: Mapping[str, str]) -> dict[str, Amount]:
    return {token: Amount.parse(amount) for token, amount in told.items()}


def _optional(text: str) -> Amount | None:
    return Amount.parse(text) if text else None


def _book(fields: Hash) -> BookState:
    if fields["rules"] != RULES_VERSION:
        raise NotAState(f"book: is of rules {fields['rules']}, these are {RULES_VERSION}")
    return BookState(
        schema=fields["schema"],
        name=fields["name"],
        reference_version=fields["reference_version"],
        seq=int(fields["seq"]),
        digest=fields["digest"],
        previous_update=int(fields["previous_update"]),
        cursors={
            name.removeprefix(_CURSOR): cursor
            for name, cursor in fields.items()
            if name.startswith(_CURSOR)
        },
        counters={result: int(fields[result]) for result in RESULTS},
        totals=_totals(fields),
        in_flight=_amounts(fields["in_flight"]),
        receivables=_amounts(fields["receivables"]),
        traces_ended={end: int(fields[f"traces_{end}"]) for end in ("expired", "stranded")},
    )


def _seen(keys: ExpectedState, fields: Hash) -> SeenIds:
    seen = SeenIds()
    seen.generation = int(fields["generation"])
    seen.generation_count = int(fields["generation_count"])
    seen.generation_size = int(fields["generation_size"])
    seen.newest = int(fields["newest"])
    seen.newest_previous = int(fields["newest_previous"])
    seen.horizon = int(fields["horizon"])
    seen.current = _set(keys, f"seen:{seen.generation}")
    if seen.generation > FIRST_GENERATION:
        seen.previous = _set(keys, f"seen:{seen.generation - 1}")
    seen.future = _set(keys, "seen:future")
    return seen


def _counts(fields: Mapping[str, str]) -> Counts:
    counts = Counts()
    counts.trade_count = int(fields["trade_count"])
    counts.orders = {end: int(fields[f"orders_{end}"]) for end in counts.orders}
    counts.trips = {end: int(fields[f"trips_{end}"]) for end in counts.trips}
    return counts


def _totals(fields: Hash) -> Totals:
    totals = Totals()
    totals.counts = _counts(fields)
    for figure in _TOTALS_OF_TOKENS:
        setattr(totals, figure, _amounts(fields[figure]))
    return totals


def _position(fields: Hash, seq: int) -> PositionRecord:
    parse = Amount.parse
    terms = Terms(
        kind=fields["instrument_kind"],
        base=fields["base"],
        quote=fields["quote"],
        settlement=fields["settlement"],
        multiplier=parse(fields["multiplier"]),
        inverse=fields["inverse"] == "1",
        dust=parse(fields["dust"]),
    )
    figures = Figures(
        held=Holding(
            parse(fields["quantity"]), parse(fields["cost"]), parse(fields["realized_pnl"])
        ),
        fees=FeeSum(
            _amounts(fields["fees_paid"]),
            parse(fields["fee_value"]),
            _amounts(fields["fees_unvalued"]),
        ),
        carry=parse(fields["carry"]),
        transfer_cost=parse(fields["transfer_cost"]),
        total_trades=int(fields["total_trades"]),
        first_trade_time=fields["first_trade_time"],
        last_update_time=fields["last_update_time"],
        trip=Trip(
            parse(fields["trip_realized_pnl"]),
            parse(fields["trip_fee_value"]),
            parse(fields["trip_carry"]),
        ),
    )
    return PositionRecord(
        fields["strategy_id"],
        fields["instrument_id"],
        terms,
        Place(fields["location"], fields["chain_id"]),
        position_of(figures, terms),
        seq,
    )


def _balance(fields: Hash, seq: int) -> BalanceRecord:
    balance = balance_of(Amount.parse(fields["reserved"]), Amount.parse(fields["total"]))
    return BalanceRecord(
        fields["location"],
        fields["chain_id"],
        fields["token"],
        balance,
        fields["last_update"],
        seq,
    )


def _order(key: str, fields: Hash) -> Order:
    parse = Amount.parse
    return Order(
        key=key,
        strategy=fields["strategy"],
        instrument=fields["instrument"],
        status=fields["status"],
        quantity=parse(fields["quantity"]),
        notional=parse(fields["notional"]),
        fees=_amounts(fields["fees"]),
        fill_quantity=parse(fields["fill_quantity"]),
        result_quantity=parse(fields["result_quantity"]),
        result_fees=fields["result_fees"] == "1",
        filled_at=fields["filled_at"],
        reservations=dict(_reservations(fields["reservations"])),
    )


def _reservations(text: str) -> Iterator[tuple[str, Reservation]]:
    if text == "{}":
        return
    for balance, (whole, left, of, leaves, chain_id) in json.loads(text).items():
        held = Amount.parse(whole), Amount.parse(left), _optional(of), _optional(leaves)
        yield balance, Reservation(*held, chain_id)


def _pending(pending_id: str, fields: Hash) -> Pending:
    if fields["kind"] == "correction":
        return Correction(pending_id, *(fields[name] for name in Correction._fields[1:]))
    if fields["kind"] == "dividend":
        return Dividend(
            pending_id=pending_id,
            status=fields["status"],
            instrument=fields["instrument"],
            token=fields["token"],
            amount=Amount.parse(fields["amount"]),
            shares=_amounts(fields["shares"]),
            sent_at=fields["sent_at"],
            ended_at=fields["ended_at"],
        )
    return Transfer(
        pending_id=pending_id,
        status=fields["status"],
        strategy=fields["strategy"],
        instrument=fields["instrument"],
        token=fields["token"],
        amount=Amount.parse(fields["amount"]),
        quantity=Amount.parse(fields["quantity"]),
        cost=Amount.parse(fields["cost"]),
        from_location=fields["from_location"],
        from_chain_id=fields["from_chain_id"],
        to_location=fields["to_location"],
        arrived=_optional(fields["arrived"]),
        transfer_cost=_optional(fields["transfer_cost"]),
        to_book=fields["to_book"],
        sent_at=fields["sent_at"],
        ended_at=fields["ended_at"],
    )


def _trace(trace_id: str, fields: Hash) -> Trace:
    return Trace(
        trace_id=trace_id,
        arbitrage=fields["arbitrage"] == "1",
        status=fields["status"],
        numeraire=fields["numeraire"],
        net=_amounts(fields["net"]),
        locations=_amounts(fields["locations"]),
        traded=tuple(json.loads(fields["traded"])),
        dust=_amounts(fields["dust"]),
        first_time=fields["first_time"],
        last_time=fields["last_time"],
        steps=tuple(fields[f"step:{number}"] for number in range(int(fields["steps"]))),
    )


def _row(text: str) -> AttributionRow:
    told = json.loads(text)
    row = AttributionRow()
    row.base, row.quote, row.settlement = told["base"], told["quote"], told["settlement"]
    row.counts = _counts(told)
    for figure in _ROW_MONEY:
        setattr(row, figure, Amount.parse(told[figure]))
    for figure in _ROW_TOKENS:
        setattr(row, figure, _parsed(told[figure]))
    row.latency_ns, row.latency_orders = int(told["latency_ns"]), int(told["latency_orders"])
    return row
