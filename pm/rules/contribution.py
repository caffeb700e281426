"""What an entry adds to the totals of its strategy and book and to the day's attribution.

A contribution is written into the journal entry, and every total is nothing but the sum of them:
per settlement token for what is money of one kind, per token for fees. An entry that only moves
balances, or only opens a position with a basis, is no performance and contributes nothing.
"""

from dataclasses import dataclass, field

from pm.decimals import ZERO, Amount
from pm.rules.token_amounts import TokenAmounts, amounts_json

UNKNOWN = "-"


@dataclass(frozen=True, slots=True)
class Contribution:
    """One entry's part of the totals; None, 0, empty maps and "" stand for nothing."""

    strategy: str
    day: str
    venue: str
    instrument: str
    base: str = ""
    quote: str = ""
    settlement: str = ""
    volume: Amount | None = None
    realized_pnl: Amount = ZERO
    fees: TokenAmounts = field(default_factory=dict)
    fee_value: Amount = ZERO
    fees_unvalued: TokenAmounts = field(default_factory=dict)
    failed_fees: TokenAmounts = field(default_factory=dict)
    trip: str = ""
    order: str = ""
    latency_ns: int | None = None

    @property
    def is_empty(self) -> bool:
        """Whether it would change no total."""
        return not (
            self.volume is not None
            or self.realized_pnl
            or self.fees
            or self.fee_value
            or self.failed_fees
            or self.trip
            or self.order
        )


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
    if entry.volume is not None:
        parts.append(f'"trade_count":"1","volume":"{entry.volume}"')
    if entry.realized_pnl:
        parts.append(f'"realized_pnl":"{entry.realized_pnl}"')
    if entry.fees:
        parts.append(f'"fees":{amounts_json(entry.fees)}')
    if entry.fee_value:
        parts.append(f'"fee_value":"{entry.fee_value}"')
    if entry.fees_unvalued:
        parts.append(f'"fees_unvalued":{amounts_json(entry.fees_unvalued)}')
    if entry.failed_fees:
        parts.append(f'"failed_fees":{amounts_json(entry.failed_fees)}')
    if entry.trip:
        parts.append(f'"trip":"{entry.trip}"')
    if entry.order:
        parts.append(f'"order":"{entry.order}"')
    if entry.latency_ns is not None:
        parts.append(f'"latency_ns":"{entry.latency_ns}"')
    return "{" + ",".join(parts) + "}"


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
        self.trade_count += entry.volume is not None
        if entry.order:
            self.orders[entry.order] += 1
        if entry.trip:
            self.trips[entry.trip] += 1


class Totals:
    """Lifetime totals of a strategy or a book: money per settlement token, fees per token."""

    __slots__ = (
        "counts",
        "failed_fees",
        "fee_value",
        "fees_paid",
        "fees_unvalued",
        "realized_pnl",
        "volume",
    )

    def __init__(self) -> None:
        self.counts = Counts()
        self.realized_pnl: dict[str, Amount] = {}
        self.fees_paid: dict[str, Amount] = {}
        self.fee_value: dict[str, Amount] = {}
        self.fees_unvalued: dict[str, Amount] = {}
        self.failed_fees: dict[str, Amount] = {}
        self.volume: dict[str, Amount] = {}

    def add(self, entry: Contribution) -> None:
        """Add one entry's contribution."""
        self.counts.add(entry)
        if entry.volume is not None:
            _add(self.volume, entry.settlement, entry.volume)
        if entry.realized_pnl:
            _add(self.realized_pnl, entry.settlement, entry.realized_pnl)
        if entry.fee_value:
            _add(self.fee_value, entry.settlement, entry.fee_value)
        if entry.fees:
            _add_all(self.fees_paid, entry.fees)
            _add_all(self.fees_unvalued, entry.fees_unvalued)
        if entry.failed_fees:
            _add_all(self.failed_fees, entry.failed_fees)


class AttributionRow:
    """One day of one strategy on one venue and instrument."""

    __slots__ = (
        "base",
        "counts",
        "failed_fees",
        "fee_value",
        "fees",
        "fees_unvalued",
        "latency_ns",
        "latency_orders",
        "quote",
        "realized_pnl",
        "settlement",
        "volume",
    )

    def __init__(self) -> None:
        self.base = self.quote = self.settlement = ""
        self.counts = Counts()
        self.volume = ZERO
        self.realized_pnl = ZERO
        self.fees: dict[str, Amount] = {}
        self.fee_value = ZERO
        self.fees_unvalued: dict[str, Amount] = {}
        self.failed_fees: dict[str, Amount] = {}
        self.latency_ns = 0
        self.latency_orders = 0

    def add(self, entry: Contribution) -> None:
        """Add one entry's contribution; tokens are those last named."""
        if entry.settlement:
            self.base, self.quote, self.settlement = entry.base, entry.quote, entry.settlement
        self.counts.add(entry)
        if entry.volume:
            self.volume += entry.volume
        if entry.realized_pnl:
            self.realized_pnl += entry.realized_pnl
        if entry.fee_value:
            self.fee_value += entry.fee_value
        if entry.fees:
            _add_all(self.fees, entry.fees)
            _add_all(self.fees_unvalued, entry.fees_unvalued)
        if entry.failed_fees:
            _add_all(self.failed_fees, entry.failed_fees)
        if entry.latency_ns is not None:
            self.latency_ns += entry.latency_ns
            self.latency_orders += 1


def row_json(row: AttributionRow) -> str:
    """The JSON of an attribution row, every key present."""
    orders, trips = row.counts.orders, row.counts.trips
    return (
        f'{{"base":"{row.base}","quote":"{row.quote}","settlement":"{row.settlement}",'
        f'"trade_count":"{row.counts.trade_count}","volume":"{row.volume}",'
        f'"realized_pnl":"{row.realized_pnl}","fees":{amounts_json(row.fees)},'
        f'"fee_value":"{row.fee_value}","fees_unvalued":{amounts_json(row.fees_unvalued)},'
        f'"failed_fees":{amounts_json(row.failed_fees)},"trips_won":"{trips["won"]}",'
        f'"trips_lost":"{trips["lost"]}","trips_unknown":"{trips["unknown"]}",'
        f'"orders_filled":"{orders["filled"]}","orders_rejected":"{orders["rejected"]}",'
        f'"orders_cancelled":"{orders["cancelled"]}","latency_ns":"{row.latency_ns}",'
        f'"latency_orders":"{row.latency_orders}"}}'
    )
