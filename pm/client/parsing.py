"""Hashes of the books to the values queries answer with. Nothing here talks to a server."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pm.client.amounts import parse_amount, parse_optional, parse_time, read_amounts
from pm.client.results import (
    Amounts,
    Balance,
    BookState,
    IntermediatePosition,
    Position,
    StrategyPortfolio,
    Trace,
)
from pm.decimals import ZERO, Amount
from pm.reference.snapshot import Reference

Hash = Mapping[str, str]

_COUNTS = ("applied", "duplicate", "covered", "stale", "noted", "refused")
_TOTAL_COUNTS = (
    "trade_count",
    "orders_filled",
    "orders_rejected",
    "orders_cancelled",
    "trips_won",
    "trips_lost",
    "trips_unknown",
)
_STEP, _CURSOR = "step:", "cursor:"


def parse_position(book: str, values: Hash, reference: Reference | None) -> Position:
    """A position's hash, with what reference data knows of its instrument."""
    parse = parse_amount
    instrument_id = values["instrument_id"]
    record = None if reference is None else reference.instruments.get(instrument_id)
    quantity, realized = parse(values["quantity"]), parse(values["realized_pnl"])
    fee_value, unvalued = parse(values["fee_value"]), read_amounts(values["fees_unvalued"])
    return Position(
        instrument_id=instrument_id,
        instrument_kind=values["instrument_kind"],
        chain_id=values["chain_id"],
        strategy_id=values["strategy_id"],
        base=values["base"],
        quote=values["quote"],
        settlement=values["settlement"],
        multiplier=parse(values["multiplier"]),
        inverse=values["inverse"] == "1",
        dust=parse(values["dust"]),
        quantity=quantity,
        avg_cost_basis=parse_optional(values["avg_cost_basis"]),
        cost=parse(values["cost"]),
        market_value=None,
        unrealized_pnl=None,
        first_trade_time=parse_time(values["first_trade_time"]),
        last_update_time=int(values["last_update_time"]),
        total_trades=int(values["total_trades"]),
        realized_pnl=realized,
        fees_paid=read_amounts(values["fees_paid"]),
        fee_value=fee_value,
        fees_unvalued=unvalued,
        net_pnl=None if quantity or unvalued else realized - fee_value,
        trip_realized_pnl=parse(values["trip_realized_pnl"]),
        trip_fee_value=parse(values["trip_fee_value"]),
        asset_metadata=None if record is None else record.metadata,
        risk_weight=None if record is None else parse(record.risk_weight),
        correlation_group=None if record is None else record.correlation_group,
        book=book,
        seq=int(values["seq"]),
    )


def parse_balance(book: str, values: Hash) -> Balance:
    """A balance's hash."""
    total = parse_amount(values["total"])
    return Balance(
        location=values["location"],
        chain_id=values["chain_id"],
        token=values["token"],
        available=parse_amount(values["available"]),
        reserved=parse_amount(values["reserved"]),
        total=total,
        last_update=int(values["last_update"]),
        is_negative=total.sign < 0,
        book=book,
        seq=int(values["seq"]),
    )


def parse_portfolio(
    book: str,
    strategy: str,
    values: Hash,
    positions: tuple[Position, ...],
    seq: int,
    is_exact: bool,
) -> StrategyPortfolio:
    """A strategy's hash (empty: it never did anything) with its positions."""
    return StrategyPortfolio(
        **_totals(values),
        strategy_id=strategy,
        book=book,
        seq=seq,
        is_exact=is_exact,
        total_pnl=None,
        max_drawdown=None,
        sharpe_ratio=None,
        positions=positions,
    )


def parse_book(book: str, values: Hash) -> BookState:
    """A book's hash."""
    return BookState(
        **_totals(values),
        book=book,
        seq=int(values["seq"]),
        digest=values["digest"],
        schema=values["schema"],
        epoch=int(values["epoch"]),
        rules=values["rules"],
        library=values["library"],
        reference_version=int(values["reference_version"]),
        previous_update=int(values["previous_update"]),
        counts={name: int(values[name]) for name in _COUNTS},
        cursors={
            name.removeprefix(_CURSOR): place
            for name, place in sorted(values.items())
            if name.startswith(_CURSOR)
        },
    )


def parse_trace(book: str, trace_id: str, values: Hash) -> Trace:
    """A trace's hash: one field a step, and the totals."""
    net, numeraire = read_amounts(values["net"]), values["numeraire"]
    steps = (json.loads(text) for name, text in values.items() if name.startswith(_STEP))
    return Trace(
        trace_id=trace_id,
        is_arbitrage=values["arbitrage"] == "1",
        status=values["status"],
        numeraire=numeraire,
        result=net.get(numeraire, ZERO) if values["status"] == "completed" else None,
        net=net,
        traded=tuple(json.loads(values["traded"])),
        dust=read_amounts(values["dust"]),
        first_time=int(values["first_time"]),
        last_time=int(values["last_time"]),
        steps=tuple(sorted(map(parse_step, steps), key=lambda step: step.step_number)),
        book=book,
        seq=int(values["seq"]),
    )


def parse_step(told: Mapping[str, str]) -> IntermediatePosition:
    """One step of a trace from its decoded JSON."""
    return IntermediatePosition(
        step_number=int(told["step_number"]),
        step_type=told["step_type"],
        strategy_id=told["strategy_id"],
        instrument_id=told["instrument_id"],
        venue=told["venue"],
        location=told["location"],
        chain_id=told["chain_id"],
        quantity_delta=parse_amount(told["quantity_delta"]),
        price=parse_optional(told["price"]),
        timestamp=int(told["timestamp"]),
    )


def sum_amounts(*maps: Amounts) -> dict[str, Amount]:
    """The sum of maps of amounts, name by name."""
    summed: dict[str, Amount] = {}
    for amounts in maps:
        for name, amount in amounts.items():
            summed[name] = summed.get(name, ZERO) + amount
    return dict(sorted(summed.items()))


def _totals(values: Hash) -> dict[str, Any]:
    paid, failed = read_amounts(values.get("fees_paid")), read_amounts(values.get("failed_fees"))
    return {
        "realized_pnl": read_amounts(values.get("realized_pnl")),
        "total_fees": sum_amounts(paid, failed),
        "fees_paid": paid,
        "failed_fees": failed,
        "fee_value": read_amounts(values.get("fee_value")),
        "fees_unvalued": read_amounts(values.get("fees_unvalued")),
        "volume": read_amounts(values.get("volume")),
        **{name: int(values.get(name, "0")) for name in _TOTAL_COUNTS},
        "inception_time": parse_time(values.get("inception_time")),
        "last_update_time": parse_time(values.get("last_update_time")),
    }
