"""Hashes of strategies and books to totals. Nothing here talks to a server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pm.client.amounts import parse_time, read_amounts
from pm.client.parsing import Hash, sum_amounts
from pm.client.results import Amounts, Position
from pm.client.totals import BookState, Performance, StrategyPortfolio
from pm.decimals import ZERO, Amount
from pm.valuation.records import StrategyValuation

_CURSOR = "cursor:"
_RESULTS = ("applied", "duplicate", "covered", "stale", "noted", "refused", "declined")
_AMOUNTS = (
    "realized_pnl",
    "unrealized_pnl",
    "market_value",
    "carry",
    "transfer_cost",
    "fees_paid",
    "failed_fees",
    "fee_value",
    "fees_unvalued",
    "allocated",
    "volume",
)
_COUNTS = (
    "unmarked",
    "trade_count",
    "orders_filled",
    "orders_rejected",
    "orders_cancelled",
    "trips_won",
    "trips_lost",
    "trips_unknown",
)


def parse_portfolio(
    book: str,
    strategy: str,
    values: Hash,
    positions: tuple[Position, ...],
    seq: int,
    is_exact: bool,
    valuation: StrategyValuation | None,
    performance: Performance | None,
) -> StrategyPortfolio:
    """A strategy's hash (empty: it never did anything) with its positions and its valuation."""
    return StrategyPortfolio(
        **totals(values),
        strategy_id=strategy,
        book=book,
        seq=seq,
        is_exact=is_exact,
        equity=None if valuation is None else valuation.equity,
        max_drawdown=None if performance is None else performance.max_drawdown,
        sharpe_ratio=None if performance is None else performance.sharpe_ratio,
        valuation=valuation,
        performance=performance,
        positions=positions,
    )


def parse_book(book: str, values: Hash) -> BookState:
    """A book's hash."""
    return BookState(
        **totals(values),
        book=book,
        seq=int(values["seq"]),
        digest=values["digest"],
        schema=values["schema"],
        epoch=int(values["epoch"]),
        rules=values["rules"],
        library=values["library"],
        reference_version=int(values["reference_version"]),
        previous_update=int(values["previous_update"]),
        valuation=int(values.get("valuation", "0")),
        in_flight=read_amounts(values.get("in_flight")),
        receivables=read_amounts(values.get("receivables")),
        traces_expired=int(values.get("traces_expired", "0")),
        traces_stranded=int(values.get("traces_stranded", "0")),
        counts={name: int(values.get(name, "0")) for name in _RESULTS},
        cursors={
            name.removeprefix(_CURSOR): place
            for name, place in sorted(values.items())
            if name.startswith(_CURSOR)
        },
    )


def totals(*hashes: Hash) -> dict[str, Any]:
    """The fields of `Totals` summed over the hashes of strategies or of books."""
    told: dict[str, Any] = {
        name: sum_amounts(*[read_amounts(values.get(name)) for values in hashes])
        for name in _AMOUNTS
    }
    for name in _COUNTS:
        told[name] = sum([int(values.get(name, "0")) for values in hashes])
    told["is_torn"] = any(values.get("valuation_torn", "0") != "0" for values in hashes)
    told["total_fees"] = sum_amounts(told["fees_paid"], told["failed_fees"])
    told["total_pnl"] = total_pnl(told)
    begun = [parse_time(values.get("inception_time")) for values in hashes]
    told["inception_time"] = min((time for time in begun if time is not None), default=None)
    moved = [parse_time(values.get("last_update_time")) for values in hashes]
    told["last_update_time"] = max((time for time in moved if time is not None), default=None)
    return told


def total_pnl(told: Mapping[str, Any]) -> dict[str, Amount] | None:
    """Realized + unrealized by settlement token; None while an open position has no mark."""
    if told["unmarked"] or told["is_torn"]:
        return None
    return sum_amounts(told["realized_pnl"], told["unrealized_pnl"])


def net_pnl(told: Mapping[str, Any]) -> dict[str, Amount] | None:
    """Total + carry - fee value - transfer cost; None while a mark or a fee's value is missing."""
    if told["total_pnl"] is None or any(told["fees_unvalued"].values()):
        return None
    lost = sum_amounts(told["fee_value"], told["transfer_cost"])
    minus: Amounts = {token: ZERO - amount for token, amount in lost.items()}
    return sum_amounts(told["total_pnl"], told["carry"], minus)


def read_map(values: Hash, name: str) -> Amounts:
    """A map of amounts of a hash; empty where it has none."""
    return read_amounts(values.get(name))
