"""Hashes of the books to the values queries answer with. Nothing here talks to a server."""

from __future__ import annotations

import json
from collections.abc import Mapping

from pm.client.amounts import parse_amount, parse_optional, parse_time, read_amounts
from pm.client.results import (
    Amounts,
    Balance,
    BalanceMargin,
    IntermediatePosition,
    LiveValue,
    Position,
    Reservation,
    Trace,
)
from pm.decimals import ZERO, Amount
from pm.reference.snapshot import Reference

Hash = Mapping[str, str]

_STEP = "step:"
_NS_A_MS = 1_000_000


def parse_position(
    book: str, values: Hash, reference: Reference | None, live: LiveValue | None = None
) -> Position:
    """A position's hash, with what reference data knows of its instrument."""
    parse = parse_amount
    instrument_id, kind = values["instrument_id"], values["instrument_kind"]
    record = None if reference is None else reference.instruments.get(instrument_id)
    quantity, realized = parse(values["quantity"]), parse(values["realized_pnl"])
    multiplier, inverse = parse(values["multiplier"]), values["inverse"] == "1"
    fee_value, unvalued = parse(values["fee_value"]), read_amounts(values["fees_unvalued"])
    carry, transfer_cost = parse(values["carry"]), parse(values["transfer_cost"])
    value, unrealized = (
        parse_optional(values["market_value"]),
        parse_optional(values["unrealized_pnl"]),
    )
    return Position(
        instrument_id=instrument_id,
        instrument_kind=kind,
        chain_id=values["chain_id"],
        location=values["location"],
        strategy_id=values["strategy_id"],
        base=values["base"],
        quote=values["quote"],
        settlement=values["settlement"],
        multiplier=multiplier,
        inverse=inverse,
        dust=parse(values["dust"]),
        quantity=quantity,
        avg_cost_basis=parse_optional(values["avg_cost_basis"]),
        cost=parse(values["cost"]),
        mark=parse_optional(values["mark"]),
        mark_time=parse_time(values.get("mark_time")),
        is_stale=values.get("mark_stale") == "1",
        market_value=value,
        unrealized_pnl=unrealized,
        exposure=_exposure(kind, inverse, quantity, multiplier, value),
        first_trade_time=parse_time(values["first_trade_time"]),
        last_update_time=int(values["last_update_time"]),
        total_trades=int(values["total_trades"]),
        realized_pnl=realized,
        fees_paid=read_amounts(values["fees_paid"]),
        fee_value=fee_value,
        fees_unvalued=unvalued,
        carry=carry,
        transfer_cost=transfer_cost,
        net_pnl=net_of(realized, unrealized, carry, fee_value, transfer_cost, unvalued),
        trip_realized_pnl=parse(values["trip_realized_pnl"]),
        trip_fee_value=parse(values["trip_fee_value"]),
        trip_carry=parse(values["trip_carry"]),
        asset_metadata=None if record is None else record.metadata,
        risk_weight=None if record is None else parse(record.risk_weight),
        correlation_group=None if record is None else record.correlation_group,
        live=live,
        book=book,
        seq=int(values["seq"]),
    )


def _exposure(
    kind: str, inverse: bool, quantity: Amount, multiplier: Amount, value: Amount | None
) -> Amount | None:
    """Money that moves with the price, in quote; an option's needs its delta, not known here."""
    if not quantity:
        return ZERO
    if kind == "option":
        return None
    return quantity * multiplier if inverse else value


def net_of(
    realized: Amount,
    unrealized: Amount | None,
    carry: Amount,
    fee_value: Amount,
    transfer_cost: Amount,
    fees_unvalued: Amounts,
) -> Amount | None:
    """Net P&L; None where the unrealized part or the value of a fee is unknown."""
    if unrealized is None or (fees_unvalued and any(fees_unvalued.values())):
        return None
    net = realized + unrealized if unrealized else realized
    if carry:
        net = net + carry
    if fee_value:
        net = net - fee_value
    return net - transfer_cost if transfer_cost else net


def parse_balance(book: str, values: Hash, margin: BalanceMargin | None = None) -> Balance:
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
        margin=margin,
        book=book,
        seq=int(values["seq"]),
    )


def parse_reservations(book: str, order: str, news_ms: str, values: Hash) -> list[Reservation]:
    """What an order's hash says it holds back, by location and token."""
    found = []
    for place, (reserved, left, quantity, _, chain_id) in json.loads(
        values["reservations"]
    ).items():
        location, _, token = place.partition(":")
        found.append(
            Reservation(
                order=order,
                strategy_id=values["strategy"],
                instrument_id=values["instrument"],
                status=values["status"],
                location=location,
                chain_id=chain_id,
                token=token,
                reserved=parse_amount(reserved),
                left=parse_amount(left),
                order_quantity=parse_optional(quantity),
                last_news=int(float(news_ms)) * _NS_A_MS,
                book=book,
                seq=int(values["seq"]),
            )
        )
    return found


def parse_trace(book: str, trace_id: str, values: Hash) -> Trace:
    """A trace's hash: one field a step, and the totals."""
    net, numeraire, status = read_amounts(values["net"]), values["numeraire"], values["status"]
    traded, dust = tuple(json.loads(values["traded"])), read_amounts(values["dust"])
    steps = (
        json.loads(values[f"{_STEP}{number}"])
        for number in range(int(values["steps"]))
        if f"{_STEP}{number}" in values
    )
    return Trace(
        trace_id=trace_id,
        is_arbitrage=values["arbitrage"] == "1",
        status=status,
        numeraire=numeraire,
        result=net.get(numeraire, ZERO) if status == "completed" else None,
        net=net,
        locations=read_amounts(values["locations"]),
        stranded=_beyond_dust(net, traded, dust) if status == "stranded" else {},
        traded=traded,
        dust=dust,
        first_time=int(values["first_time"]),
        last_time=int(values["last_time"]),
        steps=tuple(map(parse_step, steps)),
        book=book,
        seq=int(values["seq"]),
    )


def _beyond_dust(net: Amounts, traded: tuple[str, ...], dust: Amounts) -> dict[str, Amount]:
    return {
        asset: net[asset]
        for asset in traded
        if asset in net and abs(net[asset]) > dust.get(asset, ZERO)
    }


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
    """The sum of maps of amounts, name by name, in the order of the names."""
    maps = tuple(filter(None, maps))
    if len(maps) == 1:
        return dict(maps[0])  # as a hash has it: sorted
    summed: dict[str, Amount] = {}
    for amounts in maps:
        for name, amount in amounts.items():
            summed[name] = summed.get(name, ZERO) + amount
    return dict(sorted(summed.items()))
