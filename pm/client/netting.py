"""An instrument over all strategies: what adds up, and what must not be averaged.

Quantity, cost, realized P&L and fees add. An average over opposing legs would be the price of
nothing anybody did, so it is unknown and each side gives its own; `break_even` answers what the
netted quantity must fetch. Averages are rounded half-even at 18 decimals, as in the books.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from pm.client.parsing import net_of, sum_amounts
from pm.client.results import NettedPosition, Position
from pm.decimals import ZERO, Amount, divide

_AVERAGE_DECIMALS = 18


def net_positions(
    positions: Sequence[Position], seqs: Mapping[str, int], is_exact: bool
) -> NettedPosition:
    """The netted position of at least one position, all of the same instrument."""
    first = positions[0]
    longs = [position for position in positions if position.quantity.sign > 0]
    shorts = [position for position in positions if position.quantity.sign < 0]
    is_opposed = bool(longs and shorts)
    unvalued = sum_amounts(*(position.fees_unvalued for position in positions))
    realized = _sum(position.realized_pnl for position in positions)
    fee_value = _sum(position.fee_value for position in positions)
    carry = _sum(position.carry for position in positions)
    transfer_cost = _sum(position.transfer_cost for position in positions)
    unrealized = _known_sum(position.unrealized_pnl for position in positions)
    mark, mark_time, is_stale = _mark([*longs, *shorts])
    multipliers = {position.multiplier for position in positions}
    return NettedPosition(
        instrument_id=first.instrument_id,
        instrument_kind=first.instrument_kind,
        chain_id=first.chain_id,
        base=first.base,
        quote=first.quote,
        settlement=first.settlement,
        multiplier=first.multiplier if len(multipliers) == 1 else None,
        inverse=first.inverse,
        quantity=_sum(position.quantity for position in positions),
        avg_cost_basis=None if is_opposed else _average(longs or shorts),
        break_even=_average([*longs, *shorts]),
        cost=_sum(position.cost for position in positions),
        long_quantity=_sum(position.quantity for position in longs),
        long_avg_cost_basis=_average(longs),
        short_quantity=_sum(position.quantity for position in shorts),
        short_avg_cost_basis=_average(shorts),
        unmarked=sum(position.unrealized_pnl is None for position in positions),
        mark=mark,
        mark_time=mark_time,
        is_stale=is_stale,
        market_value=_known_sum(position.market_value for position in positions),
        unrealized_pnl=unrealized,
        exposure=_known_sum(position.exposure for position in positions),
        first_trade_time=_earliest([*longs, *shorts]),
        last_update_time=max(position.last_update_time for position in positions),
        total_trades=sum(position.total_trades for position in positions),
        realized_pnl=realized,
        fees_paid=sum_amounts(*(position.fees_paid for position in positions)),
        fee_value=fee_value,
        fees_unvalued=unvalued,
        carry=carry,
        transfer_cost=transfer_cost,
        net_pnl=net_of(realized, unrealized, carry, fee_value, transfer_cost, unvalued),
        asset_metadata=first.asset_metadata,
        risk_weight=first.risk_weight,
        correlation_group=first.correlation_group,
        positions=tuple(positions),
        seqs=seqs,
        is_exact=is_exact,
    )


def _average(positions: Sequence[Position]) -> Amount | None:
    """Cost over size of all of them, inverse size over cost; None where that is no number."""
    if not positions:
        return None
    size = _sum(position.quantity * position.multiplier for position in positions)
    cost = _sum(position.cost for position in positions)
    if positions[0].inverse:
        return -divide(size, cost, _AVERAGE_DECIMALS) if cost else None
    return divide(cost, size, _AVERAGE_DECIMALS) if size else None


def _mark(positions: Sequence[Position]) -> tuple[Amount | None, int | None, bool]:
    """The mark all of them have with its oldest time and whether it is stale; else no mark."""
    marks = {position.mark for position in positions}
    mark = marks.pop() if len(marks) == 1 else None
    if mark is None:
        return None, None, False
    times = [position.mark_time for position in positions if position.mark_time is not None]
    return mark, min(times, default=None), any(position.is_stale for position in positions)


def _sum(amounts: Iterable[Amount]) -> Amount:
    return sum(amounts, ZERO)


def _known_sum(amounts: Iterable[Amount | None]) -> Amount | None:
    """The sum; None if one of them is unknown."""
    summed = ZERO
    for amount in amounts:
        if amount is None:
            return None
        summed = summed + amount
    return summed


def _earliest(positions: Iterable[Position]) -> int | None:
    times = [position.first_trade_time for position in positions]
    return min((time for time in times if time is not None), default=None)
