"""Sums of contributions: lifetime totals of a strategy or book, and rows of a day's attribution."""

from pm.decimals import ZERO, Amount
from pm.rules.contribution import Contribution
from pm.rules.token_amounts import TokenAmounts, amounts_json

MONEY = ("realized_pnl", "carry", "transfer_cost", "fee_value", "volume")
"""Figures kept per settlement token in totals, and as one amount in a row."""


def _add(sums: dict[str, Amount], key: str, amount: Amount) -> None:
    held = sums.get(key)
    sums[key] = amount if held is None else held + amount


def _add_all(sums: dict[str, Amount], amounts: TokenAmounts) -> None:
    for token, amount in amounts.items():
        _add(sums, token, amount)


class Counts:
    """Orders and trips by how they ended."""

    __slots__ = ("orders", "trade_count", "trips")

    def __init__(self) -> None:
        self.trade_count = 0
        self.orders = {"filled": 0, "rejected": 0, "cancelled": 0}
        self.trips = {"won": 0, "lost": 0, "unknown": 0}

    def add(self, entry: Contribution) -> None:
        """Count one entry."""
        self.trade_count += entry.trade_count
        if entry.order:
            self.orders[entry.order] += 1
        if entry.trip:
            self.trips[entry.trip] += 1
        for name, number in entry.orders.items():
            self.orders[name] += number
        for name, number in entry.trips.items():
            self.trips[name] += number


class Totals:
    """Lifetime totals: money per settlement token, fees and allocations per token."""

    __slots__ = (
        "allocated",
        "carry",
        "counts",
        "failed_fees",
        "fee_value",
        "fees_paid",
        "fees_unvalued",
        "realized_pnl",
        "transfer_cost",
        "volume",
    )

    def __init__(self) -> None:
        self.counts = Counts()
        self.realized_pnl: dict[str, Amount] = {}
        self.carry: dict[str, Amount] = {}
        self.transfer_cost: dict[str, Amount] = {}
        self.fees_paid: dict[str, Amount] = {}
        self.fee_value: dict[str, Amount] = {}
        self.fees_unvalued: dict[str, Amount] = {}
        self.failed_fees: dict[str, Amount] = {}
        self.allocated: dict[str, Amount] = {}
        self.volume: dict[str, Amount] = {}

    def add(self, entry: Contribution) -> None:
        """Add one entry's contribution."""
        self.counts.add(entry)
        if entry.volume is not None:
            _add(self.volume, entry.settlement, entry.volume)
        if entry.realized_pnl:
            _add(self.realized_pnl, entry.settlement, entry.realized_pnl)
        if entry.carry:
            _add(self.carry, entry.settlement, entry.carry)
        if entry.transfer_cost:
            _add(self.transfer_cost, entry.settlement, entry.transfer_cost)
        if entry.fee_value:
            _add(self.fee_value, entry.settlement, entry.fee_value)
        for sums, amounts in (
            (self.fees_paid, entry.fees),
            (self.fees_unvalued, entry.fees_unvalued),
            (self.failed_fees, entry.failed_fees),
            (self.allocated, entry.allocated),
        ):
            if amounts:
                _add_all(sums, amounts)


class AttributionRow:
    """One day of one strategy on one venue and instrument."""

    __slots__ = (
        "allocated",
        "base",
        "carry",
        "counts",
        "failed_fees",
        "fee_value",
        "fees",
        "fees_unvalued",
        "latency_ns",
        "latency_orders",
        "notional",
        "quantity",
        "quote",
        "realized_pnl",
        "settlement",
        "transfer_cost",
        "volume",
    )

    def __init__(self) -> None:
        self.base = self.quote = self.settlement = ""
        self.counts = Counts()
        self.volume = ZERO
        self.quantity = ZERO
        self.notional = ZERO
        self.realized_pnl = ZERO
        self.carry = ZERO
        self.transfer_cost = ZERO
        self.fees: dict[str, Amount] = {}
        self.fee_value = ZERO
        self.fees_unvalued: dict[str, Amount] = {}
        self.failed_fees: dict[str, Amount] = {}
        self.allocated: dict[str, Amount] = {}
        self.latency_ns = 0
        self.latency_orders = 0

    def add(self, entry: Contribution) -> None:
        """Add one entry's contribution; tokens are those last named."""
        if entry.settlement:
            self.base, self.quote, self.settlement = entry.base, entry.quote, entry.settlement
        self.counts.add(entry)
        if entry.volume:
            self.volume += entry.volume
        if entry.quantity is not None and entry.notional is not None:
            self.quantity += entry.quantity
            self.notional += entry.notional
        if entry.realized_pnl:
            self.realized_pnl += entry.realized_pnl
        if entry.carry:
            self.carry += entry.carry
        if entry.transfer_cost:
            self.transfer_cost += entry.transfer_cost
        if entry.fee_value:
            self.fee_value += entry.fee_value
        for sums, amounts in (
            (self.fees, entry.fees),
            (self.fees_unvalued, entry.fees_unvalued),
            (self.failed_fees, entry.failed_fees),
            (self.allocated, entry.allocated),
        ):
            if amounts:
                _add_all(sums, amounts)
        if entry.latency_ns is not None:
            self.latency_ns += entry.latency_ns
            self.latency_orders += 1


def row_json(row: AttributionRow) -> str:
    """The JSON of an attribution row, every key present."""
    orders, trips = row.counts.orders, row.counts.trips
    return (
        f'{{"base":"{row.base}","quote":"{row.quote}","settlement":"{row.settlement}",'
        f'"trade_count":"{row.counts.trade_count}","volume":"{row.volume}",'
        f'"quantity":"{row.quantity}","notional":"{row.notional}",'
        f'"realized_pnl":"{row.realized_pnl}","carry":"{row.carry}",'
        f'"transfer_cost":"{row.transfer_cost}","fees":{amounts_json(row.fees)},'
        f'"fee_value":"{row.fee_value}","fees_unvalued":{amounts_json(row.fees_unvalued)},'
        f'"failed_fees":{amounts_json(row.failed_fees)},'
        f'"allocated":{amounts_json(row.allocated)},"trips_won":"{trips["won"]}",'
        f'"trips_lost":"{trips["lost"]}","trips_unknown":"{trips["unknown"]}",'
        f'"orders_filled":"{orders["filled"]}","orders_rejected":"{orders["rejected"]}",'
        f'"orders_cancelled":"{orders["cancelled"]}","latency_ns":"{row.latency_ns}",'
        f'"latency_orders":"{row.latency_orders}"}}'
    )
