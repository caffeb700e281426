"""What holds in every book whatever was folded; each law lists its differences, none when it holds.

The sums on the one side come from a tally of the journal's texts, those on the other from the
folded state. A difference is a defect in the rules or a journal that is not this book's.
"""

from collections.abc import Iterable, Mapping

from pm.decimals import ZERO, Amount
from pm.rules.contribution import AttributionRow, Totals
from pm.rules.state import BookState
from pm.rules.tally import Tally


def differences(state: BookState, tally: Tally) -> list[str]:
    """The differences of every law, in a fixed order."""
    return [
        *position_differences(state, tally),
        *balance_differences(state, tally),
        *strategy_differences(state),
        *book_differences(state),
        *attribution_differences(state),
        *chain_differences(state, tally),
    ]


def position_differences(state: BookState, tally: Tally) -> list[str]:
    """Quantity is the sum of leg quantities, cost less realized P&L the sum of leg notionals."""
    found = []
    for key in sorted(state.positions.keys() | tally.quantities.keys()):
        record = state.positions.get(key)
        quantity = ZERO if record is None else record.position.quantity
        cost = ZERO if record is None else record.position.cost
        realized_pnl = ZERO if record is None else record.position.realized_pnl
        found += _unequal(f"position {key} quantity", quantity, tally.quantities.get(key, ZERO))
        found += _unequal(
            f"position {key} cost - realized_pnl",
            cost - realized_pnl,
            tally.notionals.get(key, ZERO),
        )
        if not quantity:
            found += _unequal(f"position {key} cost when flat", cost, ZERO)
    return found


def balance_differences(state: BookState, tally: Tally) -> list[str]:
    """Total is the sum of what moved, and consists of available and reserved."""
    found = []
    for key in sorted(state.balances.keys() | tally.movements.keys()):
        record = state.balances.get(key)
        total = ZERO if record is None else record.balance.total
        found += _unequal(f"balance {key} total", total, tally.movements.get(key, ZERO))
        if record is not None:
            parts = record.balance.available + record.balance.reserved
            found += _unequal(f"balance {key} available + reserved", parts, total)
    return found


def strategy_differences(state: BookState) -> list[str]:
    """A strategy's totals are the sums over its positions."""
    found = []
    by_strategy: dict[str, Totals] = {strategy: Totals() for strategy in state.strategies}
    for record in state.positions.values():
        sums = by_strategy.setdefault(record.strategy, Totals())
        settlement, position = record.terms.settlement, record.position
        sums.counts.trade_count += position.total_trades
        _add(sums.realized_pnl, {settlement: position.realized_pnl})
        _add(sums.fee_value, {settlement: position.fees.value})
        _add(sums.fees_paid, position.fees.paid)
        _add(sums.fees_unvalued, position.fees.unvalued)
    for strategy, sums in sorted(by_strategy.items()):
        known = state.strategies.get(strategy)
        totals = Totals() if known is None else known.totals
        name = f"strategy {strategy}"
        if totals.counts.trade_count != sums.counts.trade_count:
            found.append(
                f"{name} trade_count: {totals.counts.trade_count}, not {sums.counts.trade_count}"
            )
        found += _unequal_maps(f"{name} realized_pnl", totals.realized_pnl, sums.realized_pnl)
        found += _unequal_maps(f"{name} fee_value", totals.fee_value, sums.fee_value)
        found += _unequal_maps(f"{name} fees_paid", totals.fees_paid, sums.fees_paid)
        found += _unequal_maps(f"{name} fees_unvalued", totals.fees_unvalued, sums.fees_unvalued)
    return found


def book_differences(state: BookState) -> list[str]:
    """The book's totals are the sums over its strategies."""
    sums = Totals()
    for record in state.strategies.values():
        _add_totals(sums, record.totals)
    return _unequal_totals("book", state.totals, sums)


def attribution_differences(state: BookState) -> list[str]:
    """A strategy's days, venues and instruments add up to its totals."""
    found = []
    by_strategy: dict[str, Totals] = {strategy: Totals() for strategy in state.strategies}
    for key, day in state.attribution.items():
        sums = by_strategy.setdefault(key.rsplit(":", 1)[0], Totals())
        for row in day.rows.values():
            _add_row(sums, row)
    for strategy, sums in sorted(by_strategy.items()):
        known = state.strategies.get(strategy)
        totals = Totals() if known is None else known.totals
        found += _unequal_totals(f"attribution of strategy {strategy}", sums, totals)
    return found


def chain_differences(state: BookState, tally: Tally) -> list[str]:
    """Every digest follows from its entry and the one before, and the book holds the last."""
    found = list(tally.chain_breaks)
    if state.digest != tally.digest:
        found.append(f"book digest: {state.digest}, not {tally.digest}")
    return found


_SUMS = ("realized_pnl", "fee_value", "fees_paid", "fees_unvalued", "failed_fees", "volume")


def _add_totals(sums: Totals, more: Totals) -> None:
    _add_counts(sums, more)
    for name in _SUMS:
        _add(getattr(sums, name), getattr(more, name))


def _add_row(sums: Totals, row: AttributionRow) -> None:
    _add_counts(sums, row)
    for name in ("realized_pnl", "fee_value", "volume"):
        _add(getattr(sums, name), {row.settlement: getattr(row, name)})
    _add(sums.fees_paid, row.fees)
    _add(sums.fees_unvalued, row.fees_unvalued)
    _add(sums.failed_fees, row.failed_fees)


def _add_counts(sums: Totals, more: Totals | AttributionRow) -> None:
    sums.counts.trade_count += more.counts.trade_count
    for counted, counts in (
        (sums.counts.orders, more.counts.orders),
        (sums.counts.trips, more.counts.trips),
    ):
        for name, count in counts.items():
            counted[name] += count


def _add(sums: dict[str, Amount], amounts: Mapping[str, Amount]) -> None:
    for token, amount in amounts.items():
        sums[token] = sums.get(token, ZERO) + amount


def _unequal_totals(name: str, totals: Totals, sums: Totals) -> list[str]:
    found = []
    for figure, held, summed in _counts(totals, sums):
        if held != summed:
            found.append(f"{name} {figure}: {held}, not {summed}")
    for figure in _SUMS:
        found += _unequal_maps(f"{name} {figure}", getattr(totals, figure), getattr(sums, figure))
    return found


def _counts(totals: Totals, sums: Totals) -> Iterable[tuple[str, int, int]]:
    yield "trade_count", totals.counts.trade_count, sums.counts.trade_count
    for end, count in totals.counts.orders.items():
        yield f"orders_{end}", count, sums.counts.orders[end]
    for end, count in totals.counts.trips.items():
        yield f"trips_{end}", count, sums.counts.trips[end]


def _unequal_maps(name: str, held: Mapping[str, Amount], summed: Mapping[str, Amount]) -> list[str]:
    found = []
    for token in sorted(held.keys() | summed.keys()):
        found += _unequal(f"{name} {token}", held.get(token, ZERO), summed.get(token, ZERO))
    return found


def _unequal(name: str, held: Amount, summed: Amount) -> list[str]:
    return [] if held == summed else [f"{name}: {held}, not {summed}"]
