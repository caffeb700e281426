"""Any event of any kind that could have come from outside.

`Outside` says which ids, instruments and places there are: all that can be spelt, or only those
that some reference data knows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from pm.events.model import (
    STEPS,
    TRACE_VERDICTS,
    Adjustment,
    Allocation,
    Bust,
    CapitalFlow,
    Correct,
    Dividend,
    Event,
    ExecutionResult,
    Exercise,
    Expiry,
    Fee,
    FeeValue,
    Fill,
    Funding,
    OrderStatus,
    Rejected,
    Release,
    Reservation,
    Settlement,
    Split,
    Trace,
    TraceArchived,
    TraceExpired,
    Transfer,
)
from pm.reference.text_ids import escape_id

Table = dict[str, Any]
Any_ = st.SearchStrategy[Any]

ids = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=10).map(escape_id)
times = st.integers(10**15, (1 << 63) - 1)
strategies = st.integers(0, 65_535)
chains = st.integers(0, 2**32 - 1)
trace_ids = st.integers(1, 2**128 - 1).map(lambda number: f"{number:032x}")
counts = st.integers(1, 10**6)


def amount(low: int, high: int = 10**24) -> st.SearchStrategy[str]:
    """Canonical text of numbers with up to 18 decimals."""
    return st.tuples(st.integers(low, high), st.integers(0, 18)).map(lambda pair: _text(*pair))


def _text(mantissa: int, scale: int) -> str:
    digits = str(abs(mantissa)).zfill(scale + 1)
    whole, fraction = digits[: len(digits) - scale], digits[len(digits) - scale :].rstrip("0")
    text = f"{whole}.{fraction}" if fraction else whole
    return f"-{text}" if mantissa < 0 else text


signed = amount(-(10**24))
not_negative = amount(0)
positive = amount(1)
not_zero = signed.filter(lambda text: text != "0")
fees = st.lists(
    st.builds(Fee, st.none() | ids, signed, st.sampled_from(["trading", "gas"])), max_size=3
).map(tuple)
fees_in_tokens = st.lists(
    st.builds(Fee, ids, signed, st.sampled_from(["trading", "gas"])), max_size=3
).map(tuple)
words = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=20)
traces = st.builds(Trace, trace_ids, st.booleans(), st.none() | st.sampled_from(STEPS))


def maybe(values: Any_) -> Any_:
    """None, or one of the values."""
    return st.none() | values


def table(**keys: Any_) -> st.SearchStrategy[Table]:
    """A table with all of these keys."""
    return st.fixed_dictionaries(keys)


def merged(*parts: st.SearchStrategy[Table]) -> st.SearchStrategy[Table]:
    """The keys of all parts in one table."""
    return st.tuples(*parts).map(lambda tables: {k: v for part in tables for k, v in part.items()})


def with_prefix(prefix: str, part: st.SearchStrategy[Table]) -> st.SearchStrategy[Table]:
    """The same table with every key begun by `prefix`."""
    return part.map(lambda values: {f"{prefix}{key}": value for key, value in values.items()})


@dataclass(frozen=True)
class Outside:
    """What there is; `places` are stated ones, without a venue where one is needed anyway."""

    instruments: st.SearchStrategy[str]
    places: st.SearchStrategy[Table]
    accounts: st.SearchStrategy[Table]

    def events(self) -> st.SearchStrategy[Event]:
        """Events of every kind."""
        return st.one_of(
            self.executions(),
            self.reports(),
            self.held(),
            self.flows(),
            self.transfers(),
            self.life(),
            self.upkeep(),
            self.corrections(),
        )

    def executions(self) -> st.SearchStrategy[Event]:
        """Fills and results."""
        trade = table(
            strategy_id=strategies,
            instrument=self.instruments,
            quote_amount=maybe(not_negative),
            decided_at=maybe(times),
            trace=maybe(traces),
        )
        fill = table(execution_id=ids, quantity=not_zero, price=not_negative, fees=fees)
        results = st.sampled_from(["filled", "partial", "rejected", "cancelled", "unknown"])
        result = table(
            event_id=ids,
            quantity=signed,
            price=not_negative,
            fees=maybe(fees),
            result=results,
        )
        return _built(Fill, fill, trade, self._order()) | _built(
            ExecutionResult, result, trade, self._order()
        )

    def reports(self) -> st.SearchStrategy[Event]:
        """Rejections and statuses."""
        untraded = table(
            event_id=ids,
            strategy_id=maybe(strategies),
            instrument=maybe(self.instruments),
            side=st.sampled_from([None, "buy", "sell"]),
            fees=fees,
            trace=maybe(traces),
        )
        status = table(status=st.sampled_from(["open", "filled"]))
        return _built(Rejected, table(reason=maybe(ids)), untraded, self._order()) | _built(
            OrderStatus, status, untraded, self._order()
        )

    def held(self) -> st.SearchStrategy[Event]:
        """Reservations and releases."""
        part = table(event_id=ids, token=ids, strategy_id=maybe(strategies))
        place = self.places.map(lambda values: {**values, "venue": "v"}) | self.accounts
        order = table(
            order_id=ids,
            venue=ids,
            executed_at=times,
            order_date=maybe(st.dates().map(lambda day: day.isoformat())),
            book=maybe(ids),
        )
        reserve = table(amount=positive, quantity=maybe(positive))
        return _built(Reservation, order, reserve, part, place) | _built(
            Release, order, table(amount=maybe(positive)), part, place
        )

    def flows(self) -> st.SearchStrategy[Event]:
        """Openings, deposits, withdrawals and allocations."""
        common = table(event_id=ids, executed_at=times, book=maybe(ids))
        kinds = table(kind=st.sampled_from(["opening", "deposit"]))
        balance = merged(table(token=ids, amount=signed), self.places)
        withdrawal = merged(
            table(kind=st.just("withdrawal"), token=ids, amount=positive), self.places
        )
        held = table(strategy_id=strategies, instrument=self.instruments)
        cost = table(quantity=signed, cost=signed)
        allocation = table(strategy_id=strategies, token=ids, amount=not_zero)
        return st.one_of(
            _built(CapitalFlow, common, kinds, balance),
            _built(CapitalFlow, common, kinds, held, cost),
            _built(CapitalFlow, common, kinds, balance, held, cost),
            _built(CapitalFlow, common, withdrawal),
            _built(CapitalFlow, common, withdrawal, held),
            _built(Allocation, common, allocation),
        )

    def transfers(self) -> st.SearchStrategy[Event]:
        """Every step of a transfer, with and without a position, within and between books."""
        common = table(
            transfer_id=ids, token=ids, executed_at=times, to_token=maybe(ids), book=maybe(ids),
            trace=maybe(traces),
        )  # fmt: skip
        held = table(strategy_id=strategies, instrument=self.instruments)
        owner = _perhaps(table(strategy_id=strategies) | held)
        start, end = with_prefix("from_", self.places), with_prefix("to_", self.places)
        comes = table(arrived=positive)
        become = _perhaps(table(to_instrument=self.instruments, rate=maybe(positive)))
        bought = table(
            strategy_id=strategies, to_instrument=self.instruments, cost=signed, from_book=ids
        )
        sent, arrived, failed, whole = (
            table(step=st.just(step)) for step in ("sent", "arrived", "failed", "whole")
        )
        goes, away = table(amount=positive), table(to_book=ids)
        return st.one_of(
            _built(Transfer, common, sent, owner, start, goes, _perhaps(end), _perhaps(away)),
            _built(Transfer, common, arrived, owner, _perhaps(start), end, comes, become),
            _built(Transfer, common, arrived, owner, _perhaps(start), _perhaps(end), comes, away),
            _built(Transfer, common, arrived, end, comes, bought),
            _built(Transfer, common, failed, owner, _perhaps(start), _perhaps(end)),
            _built(Transfer, common, whole, owner, start, goes, end, comes, become),
        )

    def life(self) -> st.SearchStrategy[Event]:
        """What happens to instruments."""
        common = merged(
            table(
                instrument=self.instruments, executed_at=times, strategy_id=maybe(strategies),
                book=maybe(ids),
            ),
            _perhaps(self.places),
        )  # fmt: skip
        own, token = table(event_id=ids), table(token=maybe(ids))
        paid, rated = table(amount=signed), table(rate=signed, price=not_negative)
        dividend = table(dividend_id=ids)
        exercised = _perhaps(table(quantity=positive, strategy_id=strategies))
        return st.one_of(
            _built(Funding, common, own, token, paid),
            _built(Funding, common, own, token, rated, _perhaps(paid)),
            _built(Dividend, common, dividend, token, table(step=st.just("ex"), rate=positive)),
            _built(Dividend, common, dividend, token, table(step=st.just("paid")), _perhaps(paid)),
            _built(
                Dividend, common, dividend, token, table(step=st.just("whole"), rate=positive),
                _perhaps(paid),
            ),
            _built(
                Split, common, own,
                table(numerator=positive, denominator=positive, price=maybe(not_negative)),
            ),
            _built(Expiry, common, own),
            _built(Exercise, common, own, exercised, table(intrinsic=not_negative)),
            _built(Exercise, common, own, exercised, table(settlement_price=not_negative)),
            _built(
                Exercise, common, own, exercised,
                table(physical=st.just(True), underlying=maybe(self.instruments)),
            ),
            _built(Settlement, common, own, table(price=not_negative, final=st.booleans())),
        )  # fmt: skip

    def upkeep(self) -> st.SearchStrategy[Event]:
        """What processes find out."""
        common = table(executed_at=times, book=maybe(ids))
        trace = table(trace_id=trace_ids, steps=counts)
        value = table(
            fee_seq=counts, strategy_id=strategies, instrument=self.instruments, token=ids,
            amount=not_zero, value=signed, fee_executed_at=times, venue=maybe(ids),
        )  # fmt: skip
        verdict = table(verdict=st.sampled_from(TRACE_VERDICTS))
        return st.one_of(
            _built(FeeValue, common, value),
            _built(TraceExpired, common, trace, verdict),
            _built(TraceArchived, common, trace),
        )

    def corrections(self) -> st.SearchStrategy[Event]:
        """Busts and corrections of trades, adjustments."""
        common = table(
            event_id=ids, executed_at=times, by=words, why=words, book=maybe(ids)
        )  # fmt: skip
        day = st.dates().map(lambda date: date.isoformat())
        trade = table(
            execution_id=ids, order_id=ids, venue=ids, order_date=maybe(day),
            strategy_id=maybe(strategies),
        )  # fmt: skip
        price, amount_ = table(price=not_negative), table(quote_amount=not_negative)
        told = table(quantity=maybe(not_zero), fees=maybe(fees_in_tokens))
        balance = merged(table(token=ids, amount=not_zero), self.places)
        leg = table(
            strategy_id=strategies, instrument=self.instruments, quantity=not_zero, cost=signed
        )
        of_break = table(break_id=maybe(ids))
        return st.one_of(
            _built(Bust, common, trade, table(keep_fees=st.booleans())),
            _built(Correct, common, trade, told, price),
            _built(Correct, common, trade, told, amount_),
            _built(Adjustment, common, of_break, balance),
            _built(Adjustment, common, of_break, leg),
            _built(Adjustment, common, of_break, balance, leg),
        )

    def _order(self) -> st.SearchStrategy[Table]:
        own = table(
            order_id=ids,
            venue=ids,
            executed_at=times,
            order_date=maybe(st.dates().map(lambda day: day.isoformat())),
            book=maybe(ids),
        )
        return merged(own, self.accounts)


def _perhaps(part: st.SearchStrategy[Table]) -> st.SearchStrategy[Table]:
    return st.just({}) | part


def _built(model: type, *parts: st.SearchStrategy[Table]) -> st.SearchStrategy[Event]:
    return merged(*parts).map(lambda values: model(**values))


_accounts = table(account=maybe(ids), chain_id=maybe(chains))
ANYTHING = Outside(
    instruments=ids,
    places=st.one_of(
        merged(table(venue=ids), _accounts),
        merged(table(location=ids), table(chain_id=maybe(chains), venue=maybe(ids))),
    ),
    accounts=_accounts,
)
