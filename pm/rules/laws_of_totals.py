"""How positions, totals and attribution add up to each other, whatever was folded."""

from collections.abc import Iterable, Mapping

from pm.decimals import ZERO, Amount
from pm.rules.contribution import UNKNOWN
from pm.rules.state import BookState
from pm.rules.totals import MONEY, AttributionRow, Totals
from pm.rules.unequal import unequal, unequal_maps

_TOKENS = ("fees_paid", "fees_unvalued", "failed_fees", "allocated")
_OF_POSITIONS = (
    "realized_pnl",
    "carry",
    "transfer_cost",
    "fee_value",
    "fees_paid",
    "fees_unvalued",
)


def totals_differences(state: BookState) -> list[str]:
    """The differences of every law of totals."""
    return [
        *strategy_differences(state),
        *book_differences(state),
        *attribution_differences(state),
        *row_differences(state),
    ]


def strategy_differences(state: BookState) -> list[str]:
    """A strategy's totals are the sums over its positions."""
    found = []
    by_strategy: dict[str, Totals] = {strategy: Totals() for strategy in state.strategies}
    for record in state.positions.values():
        sums = by_strategy.setdefault(record.strategy, Totals())
        settlement, figures = record.terms.settlement, record.position.figures
        sums.counts.trade_count += figures.total_trades
        _add(sums.realized_pnl, {settlement: figures.held.realized_pnl})
        _add(sums.carry, {settlement: figures.carry})
        _add(sums.transfer_cost, {settlement: figures.transfer_cost})
        _add(sums.fee_value, {settlement: figures.fees.value})
        _add(sums.fees_paid, figures.fees.paid)
        _add(sums.fees_unvalued, figures.fees.unvalued)
    for strategy, sums in sorted(by_strategy.items()):
        known = state.strategies.get(strategy)
        totals = Totals() if known is None else known.totals
        name = f"strategy {strategy}"
        if totals.counts.trade_count != sums.counts.trade_count:
            found.append(
                f"{name} trade_count: {totals.counts.trade_count}, not {sums.counts.trade_count}"
            )
        for figure in _OF_POSITIONS:
            held, summed = getattr(totals, figure), getattr(sums, figure)
            found += unequal_maps(f"{name} {figure}", held, summed)
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
        sums = by_strategy.setdefault(key.rpartition(":")[0], Totals())
        for row in day.rows.values():
            _add_row(sums, row)
    for strategy, sums in sorted(by_strategy.items()):
        known = state.strategies.get(strategy)
        totals = Totals() if known is None else known.totals
        found += _unequal_totals(f"attribution of strategy {strategy}", sums, totals)
    return found


def row_differences(state: BookState) -> list[str]:
    """A position's rows, over days and venues, add up to its quantity and cost less realized."""
    quantities: dict[str, Amount] = {}
    notionals: dict[str, Amount] = {}
    for key, day in state.attribution.items():
        strategy = key.rpartition(":")[0]
        for name, row in day.rows.items():
            instrument = name.partition(":")[2]
            if instrument != UNKNOWN:
                position = f"{strategy}:{instrument}"
                _add(quantities, {position: row.quantity})
                _add(notionals, {position: row.notional})
    held = {key: record.position.held for key, record in state.positions.items()}
    found = []
    for key in sorted(held.keys() | quantities.keys()):
        quantity = held[key].quantity if key in held else ZERO
        notional = held[key].cost - held[key].realized_pnl if key in held else ZERO
        name = f"attribution of position {key}"
        found += unequal(f"{name} quantity", quantities.get(key, ZERO), quantity)
        found += unequal(f"{name} notional", notionals.get(key, ZERO), notional)
    return found


def _add_totals(sums: Totals, more: Totals) -> None:
    _add_counts(sums, more)
    for name in (*MONEY, *_TOKENS):
        _add(getattr(sums, name), getattr(more, name))


def _add_row(sums: Totals, row: AttributionRow) -> None:
    _add_counts(sums, row)
    for name in MONEY:
        _add(getattr(sums, name), {row.settlement: getattr(row, name)})
    _add(sums.fees_paid, row.fees)
    _add(sums.fees_unvalued, row.fees_unvalued)
    _add(sums.failed_fees, row.failed_fees)
    _add(sums.allocated, row.allocated)


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
    for figure in (*MONEY, *_TOKENS):
        found += unequal_maps(f"{name} {figure}", getattr(totals, figure), getattr(sums, figure))
    return found


def _counts(totals: Totals, sums: Totals) -> Iterable[tuple[str, int, int]]:
    yield "trade_count", totals.counts.trade_count, sums.counts.trade_count
    for end, count in totals.counts.orders.items():
        yield f"orders_{end}", count, sums.counts.orders[end]
    for end, count in totals.counts.trips.items():
        yield f"trips_{end}", count, sums.counts.trips[end]
