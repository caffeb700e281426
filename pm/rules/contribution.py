"""What an entry adds to the totals of its strategy and book and to the day's attribution.

A contribution is written into the journal entry, and every total is nothing but the sum of them:
per settlement token for what is money of one kind, per token for fees and allocations. There is one
for every position an entry concerns, and none where it changes no total.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from pm.decimals import ZERO, Amount
from pm.rules.token_amounts import NO_AMOUNTS, TokenAmounts, amounts_json, plus_all

UNKNOWN = "-"


Counts = Mapping[str, int]
NO_COUNTS: Counts = {}
TRIP_OUTCOMES = ("won", "lost", "unknown")
ORDER_ENDS = ("filled", "rejected", "cancelled")


class Contribution(NamedTuple):
    """One entry's part of the totals; None, 0, empty maps and "" stand for nothing.

    `trips` and `orders` are the counts a restatement moves, which may take back several.
    """

    strategy: str
    day: str
    venue: str
    instrument: str
    base: str = ""
    quote: str = ""
    settlement: str = ""
    trade_count: int = 0
    volume: Amount | None = None
    quantity: Amount | None = None
    notional: Amount | None = None
    realized_pnl: Amount = ZERO
    carry: Amount = ZERO
    transfer_cost: Amount = ZERO
    fees: TokenAmounts = NO_AMOUNTS
    fee_value: Amount = ZERO
    fees_unvalued: TokenAmounts = NO_AMOUNTS
    failed_fees: TokenAmounts = NO_AMOUNTS
    allocated: TokenAmounts = NO_AMOUNTS
    trip: str = ""
    order: str = ""
    latency_ns: int | None = None
    trips: Counts = NO_COUNTS
    orders: Counts = NO_COUNTS

    @property
    def is_empty(self) -> bool:
        """Whether it would change no total."""
        return (
            not self.trade_count
            and self.volume is None
            and self.quantity is None
            and not self.realized_pnl
            and not self.carry
            and not self.transfer_cost
            and not self.fees
            and not self.fee_value
            and not self.fees_unvalued
            and not self.failed_fees
            and not self.allocated
            and not self.trip
            and not self.order
            and not self.trips
            and not self.orders
        )


def merged(first: Contribution, second: Contribution) -> Contribution:
    """Two contributions of one position to one entry as one; neither is an execution's."""
    return first._replace(
        quantity=_sum(first.quantity, second.quantity),
        notional=_sum(first.notional, second.notional),
        realized_pnl=first.realized_pnl + second.realized_pnl,
        carry=first.carry + second.carry,
        transfer_cost=first.transfer_cost + second.transfer_cost,
        fee_value=first.fee_value + second.fee_value,
        fees_unvalued=plus_all(first.fees_unvalued, second.fees_unvalued),
        trip=first.trip or second.trip,
    )


def _sum(first: Amount | None, second: Amount | None) -> Amount | None:
    if first is None or second is None:
        return second if first is None else first
    return first + second


def per_position(contributions: Iterable[Contribution]) -> list[Contribution]:
    """Contributions with those of one position as one, and empty ones left out."""
    found: dict[tuple[str, str], Contribution] = {}
    for entry in contributions:
        key = (entry.strategy, entry.instrument)
        found[key] = merged(found[key], entry) if key in found else entry
    return [entry for entry in found.values() if not entry.is_empty]


def contributions_json(entries: Sequence[Contribution]) -> str:
    """The JSON of an entry's contributions: nothing, one, or a list of several."""
    if len(entries) == 1:
        return contribution_json(entries[0])
    return "[" + ",".join([contribution_json(entry) for entry in entries]) + "]" if entries else ""


def contribution_json(entry: Contribution) -> str:
    """The JSON of a contribution; what is nothing is left out."""
    parts = [
        f'"strategy":"{entry.strategy}","day":"{entry.day}","venue":"{entry.venue}",'
        f'"instrument":"{entry.instrument}"'
    ]
    if entry.settlement:
        parts.append(
            f'"base":"{entry.base}","quote":"{entry.quote}","settlement":"{entry.settlement}"'
        )
    if entry.trade_count:
        parts.append(f'"trade_count":"{entry.trade_count}"')
    if entry.volume is not None:
        parts.append(f'"volume":"{entry.volume}"')
    if entry.quantity is not None:
        parts.append(f'"quantity":"{entry.quantity}","notional":"{entry.notional}"')
    if entry.realized_pnl:
        parts.append(f'"realized_pnl":"{entry.realized_pnl}"')
    if entry.carry:
        parts.append(f'"carry":"{entry.carry}"')
    if entry.transfer_cost:
        parts.append(f'"transfer_cost":"{entry.transfer_cost}"')
    if entry.fees:
        parts.append(f'"fees":{amounts_json(entry.fees)}')
    if entry.fee_value:
        parts.append(f'"fee_value":"{entry.fee_value}"')
    if entry.fees_unvalued:
        parts.append(f'"fees_unvalued":{amounts_json(entry.fees_unvalued)}')
    if entry.failed_fees:
        parts.append(f'"failed_fees":{amounts_json(entry.failed_fees)}')
    if entry.allocated:
        parts.append(f'"allocated":{amounts_json(entry.allocated)}')
    if entry.trip:
        parts.append(f'"trip":"{entry.trip}"')
    if entry.order:
        parts.append(f'"order":"{entry.order}"')
    if entry.trips:
        parts.append(f'"trips":{_counts_json(entry.trips, TRIP_OUTCOMES)}')
    if entry.orders:
        parts.append(f'"orders":{_counts_json(entry.orders, ORDER_ENDS)}')
    if entry.latency_ns is not None:
        parts.append(f'"latency_ns":"{entry.latency_ns}"')
    return "{" + ",".join(parts) + "}"


def _counts_json(counts: Counts, names: Sequence[str]) -> str:
    return "{" + ",".join([f'"{name}":"{counts[name]}"' for name in names if name in counts]) + "}"
