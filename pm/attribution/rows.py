"""What the books attribute to one strategy, UTC day, venue and instrument, as values.

A stored row and a journal entry's contribution have the same figures, a row being the sum of the
contributions of its day. Both are read into `Row`, so that everything above adds up rows and need
not know which of the two it was given.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pm.decimals import ZERO, Amount

Amounts = Mapping[str, Amount]

AMOUNT_FIELDS: Final = (
    "volume",
    "quantity",
    "notional",
    "realized_pnl",
    "carry",
    "transfer_cost",
    "fee_value",
)
TOKEN_FIELDS: Final = ("fees", "fees_unvalued", "failed_fees", "allocated")
COUNT_FIELDS: Final = (
    "trade_count",
    "trips_won",
    "trips_lost",
    "trips_unknown",
    "orders_filled",
    "orders_rejected",
    "orders_cancelled",
    "latency_ns",
    "latency_orders",
)
NO_INSTRUMENT: Final = "-"
_NOT_A_ROW: Final = "seq"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Figures of one strategy, day, venue and instrument ("-" where unknown).

    Money is in the settlement token, `quantity` and `notional` are the sums over legs, `fees` are
    per token paid; base, quote and settlement are "" where no event of the row named them.
    """

    book: str
    strategy: str
    day: str
    venue: str
    instrument: str
    base: str = ""
    quote: str = ""
    settlement: str = ""
    volume: Amount = ZERO
    quantity: Amount = ZERO
    notional: Amount = ZERO
    realized_pnl: Amount = ZERO
    carry: Amount = ZERO
    transfer_cost: Amount = ZERO
    fee_value: Amount = ZERO
    fees: Amounts = field(default_factory=dict)
    fees_unvalued: Amounts = field(default_factory=dict)
    failed_fees: Amounts = field(default_factory=dict)
    allocated: Amounts = field(default_factory=dict)
    trade_count: int = 0
    trips_won: int = 0
    trips_lost: int = 0
    trips_unknown: int = 0
    orders_filled: int = 0
    orders_rejected: int = 0
    orders_cancelled: int = 0
    latency_ns: int = 0
    latency_orders: int = 0

    @property
    def only_allocates(self) -> bool:
        """Whether capital was given or taken and nothing else: no part of any performance."""
        if not self.allocated:
            return False
        bare = Row(
            book=self.book,
            strategy=self.strategy,
            day=self.day,
            venue=self.venue,
            instrument=self.instrument,
            allocated=self.allocated,
        )
        return self == bare


def parse_day(book: str, strategy: str, day: str, stored: Mapping[str, str]) -> list[Row]:
    """The rows of one day's hash; ValueError names the field that is no row."""
    rows = []
    for name, text in stored.items():
        if name == _NOT_A_ROW:
            continue
        venue, _, instrument = name.partition(":")
        try:
            told = _figures(json.loads(text))
        except (ValueError, TypeError, AttributeError, KeyError) as error:
            raise ValueError(
                f"book {book}: attribution of strategy {strategy} on {day}, {name}: {error}"
            ) from None
        rows.append(
            Row(book=book, strategy=strategy, day=day, venue=venue, instrument=instrument, **told)
        )
    return rows


def contribution_row(book: str, told: Mapping[str, Any]) -> Row:
    """The row that one contribution of a journal entry amounts to."""
    figures = dict(told)
    strategy, day = figures.pop("strategy"), figures.pop("day")
    venue, instrument = figures.pop("venue"), figures.pop("instrument")
    if trip := figures.pop("trip", ""):
        figures[f"trips_{trip}"] = "1"
    if order := figures.pop("order", ""):
        figures[f"orders_{order}"] = "1"
    for kind in ("trips", "orders"):
        for name, number in figures.pop(kind, {}).items():
            figures[f"{kind}_{name}"] = number
    if "latency_ns" in figures:
        figures["latency_orders"] = "1"
    return Row(
        book=book,
        strategy=strategy,
        day=day,
        venue=venue,
        instrument=instrument,
        **_figures(figures),
    )


def contributions(text: str) -> list[Mapping[str, Any]]:
    """The contributions of a journal entry, of which most have one and some none."""
    if not text:
        return []
    told = json.loads(text)
    return told if isinstance(told, list) else [told]


def by_place(rows: Iterable[Row]) -> dict[tuple[str, str, str], dict[str, Any]]:
    """Sums of rows per day, venue and instrument, in a form that compares equal when they are."""
    sums: dict[tuple[str, str, str], dict[str, Any]] = {}
    for row in rows:
        held = sums.setdefault((row.day, row.venue, row.instrument), {})
        for name, value in _values(row):
            held[name] = held[name] + value if name in held else value
    return {
        place: {name: value for name, value in held.items() if value}
        for place, held in sums.items()
        if any(held.values())
    }


def _values(row: Row) -> Iterator[tuple[str, Any]]:
    for name in (*AMOUNT_FIELDS, *COUNT_FIELDS):
        yield name, getattr(row, name)
    for name in TOKEN_FIELDS:
        for token, amount in getattr(row, name).items():
            yield f"{name} {token}", amount


def _figures(told: Mapping[str, Any]) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    for name, value in told.items():
        if name in AMOUNT_FIELDS:
            figures[name] = Amount.parse(value)
        elif name in TOKEN_FIELDS:
            figures[name] = {token: Amount.parse(amount) for token, amount in value.items()}
        elif name in COUNT_FIELDS:
            figures[name] = int(value)
        elif name in ("base", "quote", "settlement"):
            figures[name] = value
        else:
            raise ValueError(f"unknown figure {name}")
    return figures
